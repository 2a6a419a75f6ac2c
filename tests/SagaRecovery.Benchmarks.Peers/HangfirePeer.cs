using Hangfire;
using Hangfire.PostgreSql;

namespace SagaRecovery.Benchmarks.Peers;

/// <summary>Hangfire with its store for PostgreSQL. The first step enqueues the second as its last action.</summary>
internal sealed class HangfirePeer(bool isTuned) : Peer
{
    public override string Library => "Hangfire.PostgreSql";

    public override bool IsTuned => isTuned;

    public override string Settings => isTuned
        ? $"{TunedWorkers} workers; QueuePollInterval 50 ms (its minimum); UseSlidingInvisibilityTimeout with 5 s; compact serializer settings"
        : $"workers: {DefaultWorkers}";

    public override string Guarantees =>
        "at least once per job; a step is a job, and a crash between enqueuing step 2 and the end of step 1 enqueues it twice; a fetched job is fetched again "
        + "after its invisibility time-out (30 min by default), "
        + (isTuned ? "which a live server extends" : "also beside a live worker that needs longer")
        + "; any server";

    private static int DefaultWorkers => new BackgroundJobServerOptions().WorkerCount;

    private int Workers => isTuned ? TunedWorkers : DefaultWorkers;

    public override int AtGate(int jobs) => Math.Min(jobs, Workers);

    public override Task<IPeerProcess> OpenAsync(string connectionString, JobSteps steps)
    {
        var options = new PostgreSqlStorageOptions();
        IGlobalConfiguration configuration = GlobalConfiguration.Configuration.UseActivator(new StepsActivator(steps));
        if (isTuned)
        {
            options.QueuePollInterval = TimeSpan.FromMilliseconds(50);

            // "allows a lower invisibility timeout to be used": five times the interval of the keep-alive
            options.UseSlidingInvisibilityTimeout = true;
            options.InvisibilityTimeout = TimeSpan.FromSeconds(5);
            configuration = configuration.SetDataCompatibilityLevel(CompatibilityLevel.Version_180).UseSimpleAssemblyNameTypeSerializer().UseRecommendedSerializerSettings();
        }

        configuration.UsePostgreSqlStorage(storage => storage.UseNpgsqlConnection(connectionString), options);
        return Task.FromResult<IPeerProcess>(new Running(new BackgroundJobClient(), Workers));
    }

    private sealed class Running(BackgroundJobClient client, int workers) : IPeerProcess
    {
        public Task RunAsync()
        {
            _ = new BackgroundJobServer(new BackgroundJobServerOptions { WorkerCount = workers });
            return Task.CompletedTask;
        }

        /// <summary>Its client has no asynchronous form.</summary>
        public Task SubmitAsync(int job) => Task.Run(() => client.Enqueue<HangfireSteps>(steps => steps.First(job)));

        /// <summary>A worker at the gate has ended all its jobs before.</summary>
        public Task FirstStepsAreDurableAsync() => Task.CompletedTask;
    }

    private sealed class StepsActivator(JobSteps steps) : JobActivator
    {
        public override object ActivateJob(Type jobType) => new HangfireSteps(steps, new BackgroundJobClient());
    }
}

/// <summary>The jobs; Hangfire calls public methods.</summary>
public sealed class HangfireSteps(JobSteps steps, IBackgroundJobClient client)
{
    public void First(int job)
    {
        steps.RunFirst(job);
        client.Enqueue<HangfireSteps>(next => next.SecondAsync(job));
    }

    public Task SecondAsync(int job) => steps.RunSecondAsync(job);
}
