using System.Globalization;
using System.Text.Json;
using EmbeddedPostgres;
using SagaRecovery.Stress.Reconciliation;
using SagaRecovery.Stress.Worker;

namespace SagaRecovery.Stress.Scenarios;

/// <summary>
/// An outage has left a hundred thousand sagas, and a hundred may run at once. A worker recovers them, is killed half-way, and another continues:
/// every saga ends, none runs twice, and what waits for a slot takes little memory.
/// </summary>
/// <param name="sagas">The number of sagas.</param>
internal sealed class BacklogScenario(int sagas = 100_000) : Scenario
{
    private const int Slots = 100;

    private static readonly TimeSpan WaitTimeout = TimeSpan.FromSeconds(180);

    public override string Name => "backlog";

    public override async Task RunAsync(StressRun run)
    {
        await using Stage stage = await Stage.SetAsync(new ClusterOptions { Durable = false });
        var seeding = new Seeding(stage.Connection, stage.CoordinatorId);
        var ledger = new SeededLedger(stage.Connection);
        await seeding.CreateTablesAsync();
        await seeding.SeedAsync(SagaKind.Backlog, sagas);
        await KillHalfWayAsync(run, stage, ledger);
        await ContinueAsync(run, stage, ledger);

        IReadOnlyList<ProcessLog> logs = stage.Logs;
        IReadOnlyList<string> twice = LoggedRuns.Twice(logs);
        run.RequireNone(twice);
        run.RequireNone(LoggedRuns.Late(logs));
        run.RequireNone(await ledger.OddAsync(incarnations: 2));
        long executedTwice = await ledger.ExecutedTwiceAsync();
        long afterSuccess = await ledger.ExecutedAfterSuccessAsync();
        run.Require(executedTwice == 0, $"{executedTwice} actions were run twice by one process");
        run.Require(afterSuccess == 0, $"{afterSuccess} actions were run though they had succeeded");
        run.Require(await stage.Ledger.SucceededSagasThatDoNotAddUpAsync() == 0, "a succeeded saga has a node that did not start and succeed exactly once");
        run.Figures["runTwice"] = twice.Count + executedTwice + afterSuccess;
        run.Figures["lost"] = await ledger.GoodInProgressAsync();
        run.Figures["good"] = await ledger.SeededAsync(SagaKind.Good);
        run.Figures["actionsRun"] = await ledger.ExecutionsAsync();
        Reckoning.AddFigures(run, logs);
    }

    private async Task KillHalfWayAsync(StressRun run, Stage stage, SeededLedger ledger)
    {
        ServiceProcess worker = await StartAsync(stage);
        JsonElement pass = await worker.FirstPassAsync();
        run.RequireNone(Totals.Unaccounted(pass));
        run.Figures["waitedForSlot"] = pass.GetProperty("waitingForSlot").GetInt64();
        await Eventually.HoldsAsync(async () => await ledger.GoodInProgressAsync() < sagas / 2, "half of the sagas had ended", WaitTimeout);
        run.Figures["peakMegabytes"] = PeakMegabytes(worker);
        await worker.KillAsync();
        await stage.RetireAsync(worker);
    }

    private static async Task ContinueAsync(StressRun run, Stage stage, SeededLedger ledger)
    {
        ServiceProcess worker = await StartAsync(stage);
        run.RequireNone(Totals.Unaccounted(await worker.FirstPassAsync()));
        await Eventually.HoldsAsync(async () => await ledger.GoodInProgressAsync() == 0, "every saga had ended", WaitTimeout);
        JsonElement last = await worker.ActivateAsync();
        run.RequireNone(Totals.Unaccounted(last));
        run.Require(last.GetProperty("found").GetInt64() == 0, "a pass still finds sagas");
        await Reckoning.CheckStatusAsync(run, worker);
        run.Figures["peakMegabytes"] = Math.Max(run.Figures["peakMegabytes"]!.GetValue<long>(), PeakMegabytes(worker));
        run.Require(await worker.TerminateAsync() == 0, "the worker did not end cleanly");
        await stage.RetireAsync(worker);
    }

    private static async Task<ServiceProcess> StartAsync(Stage stage)
    {
        ServiceProcess worker = stage.LaunchWorker(WorkerHost.Verb, $"--SagaRecovery:Executor:MaxRunningSagas={Slots}");
        await worker.ListensAsync();
        return worker;
    }

    /// <summary>The peak of the resident set: proc(5).</summary>
    private static long PeakMegabytes(ServiceProcess worker)
    {
        string line = File.ReadLines($"/proc/{worker.ProcessId}/status").First(one => one.StartsWith("VmHWM:", StringComparison.Ordinal));
        return long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) / 1024;
    }
}
