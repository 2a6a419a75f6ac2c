using SagaRecovery.Stress.Faults;

namespace SagaRecovery.Stress.Scenarios;

/// <summary>
/// The service reaches its database through a pgbouncer in transaction mode only, and that is killed, too. Where pgbouncer is missing,
/// the result reports it.
/// </summary>
internal sealed class PoolerScenario : DatabaseScenario
{
    public override string Name => "pooler";

    protected override IReadOnlyList<Func<DatabaseFault>> Faults { get; } =
        [() => new PoolerRestart(), () => new ServerCrash(), () => new TerminatedBackends()];

    public override async Task RunAsync(StressRun run)
    {
        if (PgBouncer.WhyNot() is { } reason)
        {
            run.NotAvailable(reason);
            return;
        }

        await base.RunAsync(run);
    }

    protected override Task PrepareAsync(Stage stage) => stage.PoolAsync();
}
