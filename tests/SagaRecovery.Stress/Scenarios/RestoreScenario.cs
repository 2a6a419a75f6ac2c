using System.Net;
using System.Text.Json.Nodes;
using SagaRecovery.Stress.Cluster;
using SagaRecovery.Stress.Loss;
using SagaRecovery.Stress.Reconciliation;

namespace SagaRecovery.Stress.Scenarios;

/// <summary>
/// A backup of the database is restored under a process that runs on. It has to finish every saga that the restored database knows; where
/// a successor has joined first, it has to stop and to write nothing that takes effect.
/// </summary>
internal sealed class RestoreScenario(bool isShort = false) : Scenario
{
    private const string First = "first";
    private const string Successor = "successor";

    /// <summary>The time that the process runs on after the backup, under full load; all of it is lost.</summary>
    private static readonly TimeSpan LivesOn = TimeSpan.FromSeconds(3);

    private static readonly RestoreCase[] Cases =
    [
        new("folder put back", IsInShortForm: true),
        new("new timeline", NewTimeline: true),
        new("successor joins first", SuccessorJoins: true),
        new("successor joins first and gets the same incarnation", SuccessorJoins: true, SameIncarnation: true, IsInShortForm: true),
        new("the same on a new timeline", SuccessorJoins: true, SameIncarnation: true, NewTimeline: true),
    ];

    public override string Name => "restore";

    public override async Task RunAsync(StressRun run)
    {
        JsonArray cases = [];
        do
        {
            foreach (RestoreCase one in isShort ? Cases.Where(one => one.IsInShortForm) : Cases)
            {
                run.Part = one.Name;
                await RunAsync(run, one);
                cases.Add(new JsonObject { ["case"] = one.Name, ["figures"] = run.Figures.DeepClone() });
                run.Figures.Clear();
            }
        }
        while (run.Continues(enough: true));

        run.Part = null;
        run.Figures["restores"] = cases.Count;
        run.Figures["cases"] = cases;
    }

    private static async Task RunAsync(StressRun run, RestoreCase one)
    {
        RestoredServer server = await RestoredServer.StartAsync();
        await using Stage stage = await Stage.SetAsync(server, FailoverScenario.Connection);
        string[] settings = [LossyLoad.Period, WriterJournal.NameSetting(stage, First)];
        ServiceProcess first = await stage.StartAsync(settings);
        await first.FirstPassAsync();
        var journal = new WriterJournal(stage);
        await journal.CreateAsync();
        await using var load = new LossyLoad(run, stage);
        await load.IsInFullSwingAsync();
        await server.BackUpAsync();
        List<ProcessLog> endedBefore = [];
        if (one.SameIncarnation)
        {
            // the join of the next process is not in the backup: the one after the restore gets the same number
            await first.KillAsync();
            endedBefore.Add(await stage.RetireAsync(first));
            first = await stage.StartAsync(settings);
            await first.FirstPassAsync();
        }

        await load.IsInFullSwingAsync();
        await Task.Delay(LivesOn);
        var ledger = new LossLedger(one.Name) { EndedBefore = endedBefore };
        if (one.SuccessorJoins)
        {
            await first.SignalAsync("STOP");
        }

        DatabaseLoss loss = await server.RestoreAsync(one.NewTimeline);
        run.Log($"{one.Name}: {loss}");
        if (one.SuccessorJoins)
        {
            await TakeOverAsync(run, stage, first, journal);
        }

        await load.IsInFullSwingAsync();
        run.Figures["timeline"] = await stage.ScalarAsync<string>("select left(pg_walfile_name(pg_current_wal_insert_lsn()), 8)");
        ledger.Add(one.Name, loss, new LossTimes(Database: null, Pass: null, Project: null));
        await LossReckoning.ReconcileAsync(run, stage, ledger, load);
        run.Require(await stage.Present!.TerminateAsync() == 0, "the last service did not end cleanly");
    }

    /// <summary>A successor joins while the first process is paused. The first one continues, has to be fenced, and is ended.</summary>
    private static async Task TakeOverAsync(StressRun run, Stage stage, ServiceProcess first, WriterJournal journal)
    {
        ServiceProcess successor = await stage.StartAsync(LossyLoad.Period, WriterJournal.NameSetting(stage, Successor));
        await successor.FirstPassAsync();
        long before = await journal.RowsOfAsync(First);
        await first.SignalAsync("CONT");
        bool fenced = await IsFencedAsync(first);
        run.Require(fenced, "the first process continues beside its successor: it was not fenced");
        if (fenced)
        {
            using HttpResponseMessage refused = await first.CreateProjectAsync("too-late");
            run.Require(refused.StatusCode == HttpStatusCode.ServiceUnavailable, $"a fenced process answered {refused.StatusCode}");
        }

        run.Require(await first.TerminateAsync() == 0, "the first process did not end cleanly");
        await stage.RetireAsync(first);
        long written = await journal.RowsOfAsync(First) - before;
        run.Require(written == 0, $"the first process wrote {written} rows after its successor had joined");
        run.Figures["rowsWrittenBesideTheSuccessor"] = written;
    }

    private static async Task<bool> IsFencedAsync(ServiceProcess process)
    {
        try
        {
            await Eventually.HoldsAsync(
                () => ProcessLog.Read(process.Output).Of(LogEventId.Fenced).Any(), "the first process was fenced");
            return true;
        }
        catch (TimeoutException)
        {
            return false;
        }
    }

    /// <param name="Name">Its name in the result.</param>
    /// <param name="NewTimeline">The restored server begins a new timeline.</param>
    /// <param name="SuccessorJoins">A second process joins before the first one meets the restored database.</param>
    /// <param name="SameIncarnation">The second process gets the incarnation that the first one has.</param>
    /// <param name="IsInShortForm">It runs with the tests.</param>
    private sealed record RestoreCase(
        string Name, bool NewTimeline = false, bool SuccessorJoins = false, bool SameIncarnation = false, bool IsInShortForm = false);
}
