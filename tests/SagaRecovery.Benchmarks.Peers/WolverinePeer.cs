using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;
using Wolverine;
using Wolverine.Postgresql;
using Wolverine.Transports;

namespace SagaRecovery.Benchmarks.Peers;

/// <summary>Wolverine with durable local queues in PostgreSQL. A step is a message; the first step returns the second, which it sends.</summary>
internal sealed class WolverinePeer(bool isTuned) : Peer
{
    /// <summary>Of each local queue.</summary>
    private static readonly int DefaultWorkers = Math.Max(Environment.ProcessorCount, 5);

    /// <summary>Enough for all of the messages: by default a queue of 1,000 stops the recovery until 500 are left.</summary>
    private static readonly BufferingLimits Unlimited = new(1_000_000, 500_000);

    public override string Library => "WolverineFx.Postgresql";

    public override bool IsTuned => isTuned;

    public override string Settings => isTuned
        ? $"MaximumParallelMessages {TunedWorkers}; Solo mode; RecoveryBatchSize 5,000, ScheduledJobPollingTime 100 ms from the start, BufferingLimits 1,000,000"
        : "durable local queues";

    public override string Guarantees =>
        "at least once per message; a step is a message, and a crash between sending step 2 and the end of step 1 sends it twice; "
        + (isTuned
            ? "Solo: at the start, as if no other process existed, which its documentation recommends for development"
            : "once the heartbeat of the node is late by 1 min, by any node");

    private int Workers => isTuned ? TunedWorkers : DefaultWorkers;

    public override int AtGate(int jobs) => Math.Min(jobs, Workers);

    public override async Task<IPeerProcess> OpenAsync(string connectionString, JobSteps steps)
    {
        HostApplicationBuilder builder = Host.CreateApplicationBuilder();
        builder.Logging.SetMinimumLevel(LogLevel.Warning);
        builder.Services.AddSingleton(steps);
        builder.UseWolverine(options =>
        {
            options.Discovery.DisableConventionalDiscovery().IncludeType(typeof(WolverineStepsHandler));
            options.PersistMessagesWithPostgresql(connectionString);
            options.Policies.UseDurableLocalQueues();
            if (isTuned)
            {
                options.Policies.AllLocalQueues(queue => queue.UseDurableInbox(Unlimited).MaximumParallelMessages(TunedWorkers));
                options.Durability.Mode = DurabilityMode.Solo;
                options.Durability.RecoveryBatchSize = 5_000;
                options.Durability.ScheduledJobFirstExecution = TimeSpan.Zero;
                options.Durability.ScheduledJobPollingTime = TimeSpan.FromMilliseconds(100);
            }
        });
        IHost host = builder.Build();
        await host.StartAsync();
        return new Running(host, connectionString);
    }

    private sealed class Running(IHost host, string connectionString) : IPeerProcess
    {
        private const string UnfinishedFirstSteps =
            $"select count(*) from wolverine.wolverine_incoming_envelopes where status <> 'Handled' and message_type like '%{nameof(WolverineFirstStep)}'";

        /// <summary>The polling interval: no signal exists.</summary>
        private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(20);

        public Task RunAsync() => Task.CompletedTask;

        public async Task SubmitAsync(int job) => await host.MessageBus().SendAsync(new WolverineFirstStep(job));

        /// <summary>The first steps have a queue of their own, which marks a message as handled after its handler has returned.</summary>
        public async Task FirstStepsAreDurableAsync()
        {
            await using var connection = new NpgsqlConnection(connectionString);
            await connection.OpenAsync();
            await using var command = new NpgsqlCommand(UnfinishedFirstSteps, connection);
            while ((long)(await command.ExecuteScalarAsync())! > 0)
            {
                await Task.Delay(Poll);
            }
        }
    }
}

public sealed record WolverineFirstStep(int Job);

public sealed record WolverineSecondStep(int Job);

/// <summary>The handlers; Wolverine calls public methods of public types.</summary>
public static class WolverineStepsHandler
{
    public static WolverineSecondStep Handle(WolverineFirstStep step, JobSteps steps)
    {
        steps.RunFirst(step.Job);
        return new WolverineSecondStep(step.Job);
    }

    public static Task Handle(WolverineSecondStep step, JobSteps steps) => steps.RunSecondAsync(step.Job);
}
