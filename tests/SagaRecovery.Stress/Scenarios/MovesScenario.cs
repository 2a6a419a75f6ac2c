using EmbeddedPostgres;
using SagaRecovery.Status;
using SagaRecovery.Storage;
using SagaRecovery.Stress.Nodes;
using SagaRecovery.Stress.Reconciliation;

namespace SagaRecovery.Stress.Scenarios;

/// <summary>
/// Measures on three idle control-plane processes: their load on the database when idle, the time until a single
/// reassigned saga is resumed at its new owner, and until all those of a dead node are, spread over the two others.
/// </summary>
internal sealed class MovesScenario : Scenario
{
    private const int Singles = 200;
    private const int Many = 10_000;
    private const int Clients = 32;

    private static readonly TimeSpan Window = TimeSpan.FromSeconds(20);
    private static readonly OperatorNote Note = new("stress", "to measure");

    private static readonly ClusterOptions Cluster = new()
    {
        MaxConnections = 200,
        Settings = new Dictionary<string, string>(StringComparer.Ordinal) { ["shared_preload_libraries"] = "pg_stat_statements" },
    };

    public override string Name => "moves";

    public override async Task RunAsync(StressRun run)
    {
        await using Stage stage = await Stage.SetAsync(Cluster);
        await stage.ExecuteAsync("create extension pg_stat_statements");
        await using var nodes = new NodeSet(stage);
        await nodes.StartAsync();
        await MeasureIdleAsync(run, stage);
        await MeasureSinglesAsync(run, nodes);
        await MeasureManyAsync(run, nodes);
    }

    private static async Task MeasureIdleAsync(StressRun run, Stage stage)
    {
        await stage.ExecuteAsync("select pg_stat_statements_reset()");
        await Task.Delay(Window); // the load is measured over a period
        long calls = await stage.ScalarAsync<long>(
            $"select coalesce(sum(calls), 0)::bigint from pg_stat_statements where userid = '{Stage.Role}'::regrole");
        run.Figures["idleStatementsPerSecond"] = Math.Round(calls / Window.TotalSeconds, 2);
        run.Log($"three idle nodes: {calls / Window.TotalSeconds:F2} statements a second");
    }

    private static async Task MeasureSinglesAsync(StressRun run, NodeSet nodes)
    {
        (Node from, Node to) = (nodes.All[0], nodes.All[1]);
        Dictionary<Guid, DateTimeOffset> ordered = [];
        for (int i = 0; i < Singles; i++)
        {
            Guid demo = await from.Service.StartDemoSagaAsync();
            ordered.Add(demo, TimeProvider.System.GetUtcNow());
            await MoveAsync(run, nodes, from, to);
        }

        List<double> times = [.. ProcessLog.Resumed(to.Service).Where(line => ordered.ContainsKey(line.Saga!.Value)).Select(line => (line.Time - ordered[line.Saga!.Value]).TotalMilliseconds).Order()];
        run.Require(times.Count == Singles, $"{times.Count} of {Singles} sagas were resumed");
        run.Figures["singlesMedianMs"] = Math.Round(times[times.Count / 2], 1);
        run.Figures["singles99Ms"] = Math.Round(times[times.Count * 99 / 100], 1);
        run.Log($"a reassigned saga is resumed after {times[times.Count / 2]:F1} ms (median), {times[times.Count * 99 / 100]:F1} ms (99%), of {Singles}");
    }

    private static async Task MeasureManyAsync(StressRun run, NodeSet nodes)
    {
        Node lost = nodes.All[0];
        await Parallel.ForAsync(0, Many, new ParallelOptions { MaxDegreeOfParallelism = Clients }, async (_, _) => await lost.Service.StartDemoSagaAsync());
        await lost.KillAsync();
        DateTimeOffset ordered = TimeProvider.System.GetUtcNow();
        await MoveAsync(run, nodes, lost, [.. nodes.Except(lost)]);
        List<LogLine> resumed = [.. nodes.Except(lost).SelectMany(node => ProcessLog.Resumed(node.Service)).Where(line => line.Time >= ordered)];
        run.Require(resumed.Count == Many, $"{resumed.Count} of {Many} sagas were resumed");
        TimeSpan time = resumed.Max(line => line.Time) - ordered;
        run.Figures["manyMs"] = Math.Round(time.TotalMilliseconds);
        run.Log($"{Many} sagas of a dead node were spread over two and resumed after {time.TotalMilliseconds:F0} ms");
    }

    private static async Task MoveAsync(StressRun run, NodeSet nodes, Node from, params Node[] to)
    {
        var order = new Reassignment(from.Id, [.. to.Select(node => node.Id)]) { EvenIfOwnerAnswers = true };
        if (await nodes.Cluster.ReassignAsync(order, Note, CancellationToken.None) is ReassignOutcome.Done done)
        {
            await nodes.Cluster.WaitUntilCaughtUpAsync([.. done.Receipts], CancellationToken.None);
        }
        else
        {
            run.Require(holds: false, "a reassignment was refused");
        }
    }
}
