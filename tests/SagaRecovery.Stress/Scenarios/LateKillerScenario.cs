using EmbeddedPostgres;
using SagaRecovery.Stress.Worker;

namespace SagaRecovery.Stress.Scenarios;

/// <summary>
/// A saga that kills the process long after it was resumed, past the probation, among sagas that need still longer for one step, others that hang, and
/// others that are quick. A supervisor starts the worker again each time it dies, and no operator acts: in the end the killer is held, and no other
/// saga, and all others have finished or run.
/// </summary>
/// <param name="name">The name of the scenario.</param>
/// <param name="killsAfter">The time between the start of the killer's step and the death.</param>
/// <param name="settings">The settings of the worker.</param>
internal sealed class LateKillerScenario(string name, TimeSpan killsAfter, params string[] settings) : Scenario
{
    private const int Hanging = 2;
    private const int Slow = 2;

    /// <summary>Two before the sagas are watched, one that finds them, those that divide the suspects, and three of the killer alone, with a margin.</summary>
    private const int MostDeaths = 12;

    /// <summary>The form of the everyday run: more than three probations.</summary>
    public static LateKillerScenario Short { get; } = new(
        "late-killer", TimeSpan.FromSeconds(2.5), "--SagaRecovery:Probation=00:00:00.700", "--SagaRecovery:HeartbeatPeriod=00:00:00.500");

    /// <summary>With the default settings.</summary>
    public static IEnumerable<LateKillerScenario> Long { get; } =
        [new("killer-8s", TimeSpan.FromSeconds(8)), new("killer-60s", TimeSpan.FromSeconds(60)), new("killer-10m", TimeSpan.FromMinutes(10))];

    public override string Name => name;

    public override async Task RunAsync(StressRun run)
    {
        await using Stage stage = await Stage.SetAsync(new ClusterOptions { Durable = false });
        var ledger = new SeededLedger(stage.Connection);
        var seeding = new Seeding(stage.Connection, stage.CoordinatorId);
        await seeding.CreateTablesAsync();
        await seeding.SeedAsync(SagaKind.KillingAfter(killsAfter), 1);
        await seeding.SeedAsync(SagaKind.Endlessly, Hanging);
        await seeding.SeedAsync(SagaKind.Slowly(killsAfter * 1.5), Slow);
        await seeding.SeedAsync(SagaKind.Backlog, 20);

        (ServiceProcess worker, int deaths) = await CrashLoopSupervisor.RunAsync(
            stage, ["--SagaRecovery:HoldAfterCrashes=3", .. settings], held: 1, MostDeaths, TimeSpan.FromSeconds(60) + (40 * killsAfter));
        run.Log($"{deaths} deaths, and the killer is held");
        run.Figures["deaths"] = deaths;

        string held = await stage.ScalarAsync<string>("select string_agg(kind, ', ') from saga_recovery.saga_hold join stress.seeded using (saga_id)");
        run.Require(held == SagaKind.Killer, $"held: {held}");
        await Eventually.HoldsAsync(async () => await ledger.GoodInProgressAsync() == 0, "every good saga had ended", TimeSpan.FromSeconds(60) + (2 * killsAfter));
        long incarnation = await stage.ScalarAsync<long>("select incarnation from saga_recovery.saga_coordinator");
        await Eventually.HoldsAsync(
            async () => await ledger.ExecutedByAsync(SagaKind.Endless, incarnation) == Hanging, "every saga that hangs ran in the present process");
        run.Require(await worker.TerminateAsync() == 0, "the worker did not end cleanly");
        await stage.RetireAsync(worker);
    }
}
