using System.Text.Json;
using EmbeddedPostgres;
using SagaRecovery.Stress.Worker;

namespace SagaRecovery.Stress.Scenarios;

/// <summary>
/// Sagas that kill the process which runs them, among others that only take long. A supervisor starts the worker again each time it
/// dies, and no operator acts: in the end the killers are held, and all others run. Then an operator releases one killer, which
/// takes one more death to be held again.
/// </summary>
internal sealed class CrashLoopScenario : Scenario
{
    private const int Neighbours = 40;
    private const int GoodOfEachKind = 20;
    private const int Killers = 2;

    /// <summary>42 in flight, then groups of 6, then each alone three times: for each killer at most that, and a margin for a slow machine.</summary>
    private const int MostDeaths = 20;

    private static readonly string[] Guarded = ["--SagaRecovery:HoldAfterCrashes=3", "--SagaRecovery:Probation=00:00:00.700"];
    private static readonly TimeSpan WaitTimeout = TimeSpan.FromSeconds(150);

    public override string Name => "crash-loop";

    public override async Task RunAsync(StressRun run)
    {
        await using Stage stage = await Stage.SetAsync(new ClusterOptions { Durable = false });
        var ledger = new SeededLedger(stage.Connection);
        await SeedAsync(new Seeding(stage.Connection, stage.CoordinatorId));

        (ServiceProcess worker, int deaths) = await CrashLoopSupervisor.RunAsync(stage, Guarded, held: Killers, MostDeaths);
        run.Log($"{deaths} deaths, and the killers are held");
        run.Figures["deaths"] = deaths;
        await RequireAsItShouldBeAsync(run, stage, ledger, worker);

        Guid killer = await stage.ScalarAsync<Guid>("select saga_id from saga_recovery.saga_hold limit 1");
        await stage.ExecuteAsync("delete from saga_recovery.saga_hold where saga_id = @killer", new { killer });
        Task asked = worker.ActivateAsync(); // its answer may die with it
        await Eventually.HoldsAsync(() => worker.HasExited, "the released killer had killed");
        await asked.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await stage.RetireAsync(worker);
        (worker, int again) = await CrashLoopSupervisor.RunAsync(stage, Guarded, held: Killers, MostDeaths);
        run.Log($"{again} more deaths after its release");
        run.Require(again <= 1, $"a released killer was held again only after {again} more deaths");
        await RequireAsItShouldBeAsync(run, stage, ledger, worker);
        run.Require(await worker.TerminateAsync() == 0, "the worker did not end cleanly");
        await stage.RetireAsync(worker);
        run.Figures["killers"] = Killers;
        run.Figures["neighbours"] = Neighbours;
    }

    private static async Task SeedAsync(Seeding seeding)
    {
        await seeding.CreateTablesAsync();
        await seeding.SeedAsync(SagaKind.Killing, Killers);
        await seeding.SeedAsync(SagaKind.Endlessly, Neighbours);
        foreach (SagaKind kind in SagaKind.Goods)
        {
            await seeding.SeedAsync(kind, GoodOfEachKind);
        }
    }

    private static async Task RequireAsItShouldBeAsync(StressRun run, Stage stage, SeededLedger ledger, ServiceProcess worker)
    {
        JsonElement status = await worker.StatusAsync();
        foreach (JsonElement saga in status.GetProperty("held").EnumerateArray())
        {
            run.Require(saga.GetProperty("name").GetString() == SagaKind.Killer, $"a saga that kills nothing is held: {saga}");
            run.Require(saga.GetProperty("note").GetProperty("actor").GetString() == "crash-loop guard", $"a killer is not held by the guard: {saga}");
        }

        await Eventually.HoldsAsync(async () => await ledger.GoodInProgressAsync() == 0, "every good saga had ended", WaitTimeout);
        long incarnation = await stage.ScalarAsync<long>("select incarnation from saga_recovery.saga_coordinator");
        await Eventually.HoldsAsync(
            async () => await ledger.ExecutedByAsync(SagaKind.Endless, incarnation) == Neighbours, "every neighbour ran in the present process", WaitTimeout);
        run.RequireNone(Reconciliation.Totals.Unaccounted(status.GetProperty("lastPass")));
    }
}
