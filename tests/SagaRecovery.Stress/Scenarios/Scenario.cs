using SagaRecovery.Stress.Cluster;

namespace SagaRecovery.Stress.Scenarios;

/// <summary>A series of faults of the service, and the conditions afterwards.</summary>
internal abstract class Scenario
{
    public static IReadOnlyList<Scenario> Every { get; } =
    [
        new FuriousScenario(), new KillScenario(), new DatabaseScenario(), new PartitionScenario(), new ZombieScenario(), new PoisonScenario(),
        new CrashLoopScenario(), LateKillerScenario.Short, .. LateKillerScenario.Long, new NodesScenario(), new MovesScenario(), new FailoverScenario(Enum.GetValues<Failover>()), new PoolerScenario(),
        new LossyFailoverScenario(), new RestoreScenario(), new RetentionScenario(), new PurgeStepsScenario(), new SoakScenario(), new PurgeScenario(), new BacklogScenario(),
    ];

    public abstract string Name { get; }

    /// <summary>Continues for as long as the run has time, then reconciles.</summary>
    public abstract Task RunAsync(StressRun run);
}
