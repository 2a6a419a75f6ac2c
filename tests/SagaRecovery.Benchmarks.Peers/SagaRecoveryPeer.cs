using System.Reflection;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;
using SagaRecovery.Executor;
using SagaRecovery.Postgres;

namespace SagaRecovery.Benchmarks.Peers;

/// <summary>This library, with the durable executor.</summary>
internal sealed class SagaRecoveryPeer(bool isTuned) : Peer
{
    /// <summary>The same in all processes: each is the next incarnation of the one before.</summary>
    private static readonly CoordinatorId Coordinator = new(new Guid("5b1ce5c1-6a5f-4a0c-8d2f-0f6d1c7f3a11"));

    public override string Library => "SagaRecovery";

    public override string Version => typeof(DurableExecutor).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion.Split('+')[0];

    public override bool IsTuned => isTuned;

    public override string Settings => isTuned ? $"at most {TunedWorkers} sagas run at once" : "";

    public override string Guarantees =>
        "at least once per step; step 1 is known to be done, with its output; resumed at once by the next process of the same coordinator, else once an "
        + "operator or a policy reassigns; one owner, whose writes are fenced";

    /// <summary>The executor of the killed process has a slot for each saga, so that all of them are in flight.</summary>
    public override int AtGate(int jobs) => jobs;

    public override async Task<IPeerProcess> OpenAsync(string connectionString, JobSteps steps)
    {
        NpgsqlDataSource source = NpgsqlDataSource.Create(connectionString);
        HostApplicationBuilder builder = Host.CreateApplicationBuilder();
        builder.Logging.SetMinimumLevel(LogLevel.Warning);
        builder.Services.AddSingleton(source).AddSingleton(steps);
        builder.Services.AddSagaRecovery(options => options.CoordinatorId = Coordinator)
            .AddDurableExecutor(options =>
            {
                if (!steps.IsGateOpen)
                {
                    options.MaxRunningSagas = steps.Jobs;
                }
                else if (isTuned)
                {
                    options.MaxRunningSagas = TunedWorkers;
                }
            })
            .AddSaga<TwoStepSaga>();
        builder.Services.Configure<PostgresStoreOptions>(options => options.CreateSchema = true);
        IHost host = builder.Build();
        await host.StartAsync();
        return new Running(host.Services.GetRequiredService<SagaClient>(), host.Services.GetRequiredService<TwoStepSaga>());
    }

    private sealed class Running(SagaClient client, TwoStepSaga saga) : IPeerProcess
    {
        public Task RunAsync() => Task.CompletedTask;

        public async Task SubmitAsync(int job) => await client.StartAsync(saga, new TwoStepParameters(job));

        /// <summary>A second step starts after the end of the first is in the log.</summary>
        public Task FirstStepsAreDurableAsync() => Task.CompletedTask;
    }
}

internal sealed record TwoStepParameters(int Job);

internal sealed class TwoStepSaga(JobSteps steps) : Saga<TwoStepParameters>
{
    public override string Name => "two-steps";

    protected override void Define(SagaBuilder<TwoStepParameters> saga)
    {
        SagaNode<string> first = saga.Node("first", context =>
        {
            steps.RunFirst(context.Parameters.Job);
            return Task.FromResult("");
        });
        saga.Node("second", context => steps.RunSecondAsync(context.Parameters.Job), undo: null, first);
    }
}
