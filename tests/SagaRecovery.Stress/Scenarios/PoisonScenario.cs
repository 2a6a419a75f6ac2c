using System.Text.Json;
using EmbeddedPostgres;
using SagaRecovery.Stress.Reconciliation;
using SagaRecovery.Stress.Worker;

namespace SagaRecovery.Stress.Scenarios;

/// <summary>
/// Among thousands of good sagas some that are unknown, corrupt, misread, hanging, flapping, huge or too large. A worker is to recover them all, is killed half-way,
/// and another continues: every good saga ends, and each kind of poison is handled in its own way and delays no other saga.
/// </summary>
internal sealed class PoisonScenario : Scenario
{
    private const int GoodOfEachKind = 700;
    private const int PoisonOfEachKind = 10;

    private static readonly TimeSpan WaitTimeout = TimeSpan.FromSeconds(120);
    private static readonly TimeSpan LongestLife = TimeSpan.FromSeconds(1);

    public override string Name => "poison";

    public override async Task RunAsync(StressRun run)
    {
        await using Stage stage = await Stage.SetAsync(new ClusterOptions { Durable = false });
        var seeding = new Seeding(stage.Connection, stage.CoordinatorId);
        var ledger = new SeededLedger(stage.Connection);
        await seeding.CreateTablesAsync();
        do
        {
            await SeedAsync(seeding);
            await KillHalfWayAsync(run, stage);
            await ContinueAsync(run, stage, ledger);
        }
        while (run.Continues(enough: true));

        IReadOnlyList<ProcessLog> logs = stage.Logs;
        IReadOnlyList<string> twice = LoggedRuns.Twice(logs);
        run.RequireNone(twice);
        run.RequireNone(LoggedRuns.Late(logs));
        long executedTwice = await ledger.ExecutedTwiceAsync();
        long afterSuccess = await ledger.ExecutedAfterSuccessAsync();
        run.Require(executedTwice == 0, $"{executedTwice} actions were run twice by one process");
        run.Require(afterSuccess == 0, $"{afterSuccess} actions were run though they had succeeded");
        run.Require(await stage.Ledger.SucceededSagasThatDoNotAddUpAsync() == 0, "a succeeded saga has a node that did not start and succeed exactly once");
        run.Figures["runTwice"] = twice.Count + executedTwice + afterSuccess;
        run.Figures["lost"] = await ledger.GoodInProgressAsync();
        run.Figures["actionsRun"] = await ledger.ExecutionsAsync();
        foreach (string kind in new[] { SagaKind.Good, SagaKind.Endless, SagaKind.Oversized, SagaKind.Misread, SagaKind.Unknown, SagaKind.Corrupt })
        {
            run.Figures[kind] = await ledger.SeededAsync(kind);
        }

        Reckoning.AddFigures(run, logs);
        run.Figures["abandoned"] = await ledger.AbandonedAsync(); // a process may be killed between the commit and the line about it
    }

    private static async Task SeedAsync(Seeding seeding)
    {
        foreach (SagaKind kind in SagaKind.Goods)
        {
            await seeding.SeedAsync(kind, GoodOfEachKind);
        }

        foreach (SagaKind kind in SagaKind.Poisons.Concat(SagaKind.Burdens))
        {
            await seeding.SeedAsync(kind, PoisonOfEachKind);
        }
    }

    private static async Task KillHalfWayAsync(StressRun run, Stage stage)
    {
        ServiceProcess worker = await stage.StartWorkerAsync(WorkerHost.Verb);
        await Eventually.HoldsAsync(() => worker.SagasLogged("recovered saga:").Any(), "the worker had begun to recover");
        await Task.Delay(run.Draw(LongestLife));
        await worker.KillAsync();
        await stage.RetireAsync(worker);
    }

    private static async Task ContinueAsync(StressRun run, Stage stage, SeededLedger ledger)
    {
        ServiceProcess worker = await stage.StartWorkerAsync(WorkerHost.Verb);
        run.RequireNone(Totals.Unaccounted(await worker.FirstPassAsync()));
        await Eventually.HoldsAsync(async () => await ledger.GoodInProgressAsync() == 0, "every good saga had ended", WaitTimeout);
        JsonElement pass = await worker.ActivateAsync();
        run.RequireNone(Totals.Unaccounted(pass));
        await RequireBucketAsync("unknownDefinition", SagaKind.Unknown);
        await RequireBucketAsync("failed", SagaKind.Misread); // an explicit pass tries them at once
        (long skipped, long recovered) = (pass.GetProperty("skipped").GetInt64(), pass.GetProperty("recovered").GetInt64());
        (long endless, long oversized) = (await ledger.SeededAsync(SagaKind.Endless), await ledger.SeededAsync(SagaKind.Oversized));
        run.Require(
            skipped >= endless && skipped + recovered == endless + oversized, // an oversized one runs until its output is refused, again and again
            $"a pass counts {skipped} sagas as skipped and {recovered} as recovered; {endless} were seeded as endless and {oversized} as oversized");

        JsonElement status = await worker.StatusAsync();
        long backingOff = status.GetProperty("waiting").EnumerateArray()
            .Where(saga => saga.GetProperty("name").GetString() != SagaKind.Oversized) // it backs off between two runs
            .Count(saga => saga.GetProperty("failures").GetInt32() > 0 && saga.GetProperty("nextTry").ValueKind == JsonValueKind.String);
        long expected = await ledger.SeededAsync(SagaKind.Misread) + await ledger.SeededAsync(SagaKind.Unknown);
        run.Require(backingOff == expected, $"{backingOff} sagas back off, and not the {expected} that the executor throws at or does not know");
        await Reckoning.CheckStatusAsync(run, worker);
        run.Require(await worker.TerminateAsync() == 0, "the worker did not end cleanly");
        ProcessLog log = await stage.RetireAsync(worker);
        run.RequireNone(await ledger.OddAsync(log.Incarnation!.Value));
        run.Log($"incarnation {log.Incarnation} recovered {log.Count(LogEventId.Recovered)} sagas");

        async Task RequireBucketAsync(string bucket, string kind)
        {
            (long counted, long seeded) = (pass.GetProperty(bucket).GetInt64(), await ledger.SeededAsync(kind));
            run.Require(counted == seeded, $"a pass counts {counted} sagas as {bucket}; {seeded} were seeded as {kind}");
        }
    }
}
