using System.Text.Json.Nodes;
using SagaRecovery.Stress.Cluster;
using SagaRecovery.Stress.Reconciliation;

namespace SagaRecovery.Stress.Scenarios;

/// <summary>
/// The database fails over to a standby, under load: switchovers, killed primaries and frozen ones, in some rounds along with the service.
/// Sagas that succeed and sagas that unwind are under way. Where Patroni or etcd are missing, the result reports it.
/// </summary>
/// <param name="kinds">Each occurs once in as many rounds.</param>
internal sealed class FailoverScenario(params IReadOnlyList<Failover> kinds) : Scenario
{
    private const int Clients = 16;
    private const int DoomedClients = 4;
    private const string Doomed = "doomed";

    /// <summary>The number of rounds of which the service is killed in one, on average.</summary>
    private const int OneKillsTheService = 3;

    /// <summary>The advice of docs/operations.md: without the first, a promoted standby is considered a standby for 10 s more.</summary>
    public const string Connection = "Host Recheck Seconds=1;Timeout=3;Command Timeout=5;Cancellation Timeout=1000";

    public override string Name => "failover";

    public override async Task RunAsync(StressRun run)
    {
        if (PatroniCluster.WhyNot() is { } reason)
        {
            run.NotAvailable(reason);
            return;
        }

        PatroniCluster cluster = await PatroniCluster.StartAsync();
        await using Stage stage = await Stage.SetAsync(cluster, Connection);
        ServiceProcess first = await stage.StartAsync();
        await first.FirstPassAsync();
        await using var load = new ProjectLoad(() => stage.Present, Clients, pause: run.ClientPause);
        (await first.CreateProjectAsync("first")).Dispose(); // the sample's tables are there
        await stage.DoomAsync(Doomed);
        await using var doomed = new ProjectLoad(() => stage.Present, DoomedClients, Doomed, pause: run.ClientPause);
        run.Log("the cluster is ready");

        var round = new FailoverRound(run, stage, cluster, load, Clients);
        Dictionary<string, FailoverRecord> records = [];
        do
        {
            Failover[] order = [.. kinds];
            run.Dice.Shuffle(order);
            foreach (Failover how in order)
            {
                bool killService = run.Dice.Next(OneKillsTheService) == 0;
                FailoverTimes times = await round.StrikeAsync(how, killService);
                string name = $"{how}{(killService ? " with the service" : "")}";
                records.TryAdd(name, new FailoverRecord(name));
                records[name].Add(times);
                run.Log($"{name}: {times}");
            }
        }
        while (run.Continues(load.Promised.Count > 4 * Clients));

        run.Figures["failovers"] = records.Values.Sum(record => record.Rounds);
        run.Figures["rounds"] = new JsonArray([.. records.Values.Select(record => record.ToJson())]);
        await Reckoning.ReconcileAsync(run, stage, load, doomed);
        run.Require(doomed.Promised.IsEmpty, "a doomed project was answered with 201");
        run.RequireNone(LoggedRuns.Late(stage.Logs)); // each is dead when the next begins
        run.Require(await stage.Present!.TerminateAsync() == 0, "the service did not end cleanly");
    }
}
