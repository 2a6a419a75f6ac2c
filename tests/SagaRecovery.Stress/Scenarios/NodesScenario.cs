using System.Net;
using EmbeddedPostgres;
using SagaRecovery.Status;
using SagaRecovery.Storage;
using SagaRecovery.Stress.Nodes;
using SagaRecovery.Stress.Reconciliation;

namespace SagaRecovery.Stress.Scenarios;

/// <summary>
/// Three control-plane processes on one Postgres, under load. One is killed for good, and the others take over by themselves; one is
/// killed, and an operator reassigns its sagas; all three are rolled, one by one; one is paused (SIGSTOP) past its take-over, and
/// continues. Meanwhile sagas are cancelled. Each time nothing is lost, and no two owners' writes both take effect.
/// </summary>
internal sealed class NodesScenario : Scenario
{
    private const int DemosEach = 5;
    private const int Clients = 6;

    private static readonly TimeSpan WaitTimeout = TimeSpan.FromSeconds(60);
    private static readonly OperatorNote Note = new("stress", "that node was killed");

    private static readonly string[] Settings =
    [
        "--SagaRecovery:HeartbeatPeriod=00:00:00.3", "--SagaRecovery:TakeOverAfter=00:00:02", "--SagaRecovery:DrainFor=00:00:01",
    ];

    public override string Name => "nodes";

    public override async Task RunAsync(StressRun run)
    {
        await using Stage stage = await Stage.SetAsync(new ClusterOptions { MaxConnections = 200 });
        stage.SagasAreReassigned = true;
        await using var nodes = new NodeSet(stage, Settings);
        await nodes.StartAsync();
        foreach (Node node in nodes.All)
        {
            node.BeginLoad(run.IsShort ? 1 : Clients, run.ClientPause); // short: processes that start have the machine to themselves
        }

        await using var canceller = new Canceller(stage, Canceller.OnceTheProjectExists);
        List<Guid> demos = [];
        List<TimeSpan> takeOvers = [];
        List<TimeSpan> reassignments = [];
        long reassigned = 0;
        do
        {
            takeOvers.Add(await LoseAsync(run, nodes, demos));
            reassignments.Add(await ReassignAsync(run, nodes, demos));
            reassigned += await RollAsync(run, nodes, demos);
            await StallAsync(run, nodes, demos);
        }
        while (run.Continues(nodes.Promised > 64));

        stage.Present = nodes.All[0].Service;
        await ReleaseAsync(run, nodes, demos);
        await canceller.EndAsync();
        await Reckoning.ReconcileAsync(run, stage, nodes.Loads);
        await canceller.ReconcileAsync(run, stage);
        foreach (Node node in nodes.All)
        {
            run.Require((await node.TerminateAsync()).ExitCode == 0, $"{node.Name} did not end cleanly");
        }

        run.Figures["takeOvers"] = takeOvers.Count;
        run.Figures["slowestTakeOverMs"] = Math.Round(takeOvers.Max().TotalMilliseconds);
        run.Figures["slowestReassignedMs"] = Math.Round(reassignments.Max().TotalMilliseconds);
        run.Figures["reassignedByDrains"] = reassigned;
    }

    /// <summary>Kills a node for good: the others detect that, and take over.</summary>
    /// <returns>From the kill until all its sagas were others' and had been recovered.</returns>
    private static async Task<TimeSpan> LoseAsync(StressRun run, NodeSet nodes, List<Guid> demos)
    {
        Node lost = await PickAsync(run, nodes, demos);
        DateTimeOffset killed = await lost.KillAsync();
        await Eventually.HoldsAsync(async () => await nodes.InProgressOfAsync(lost.Id) == 0, "the others took over", WaitTimeout);
        TimeSpan time = await AllRecoveredAsync(nodes, lost, killed);
        run.Log($"{lost.Name} was killed: taken over and recovered after {time.TotalMilliseconds:F0} ms");
        await lost.StartAsync();
        await nodes.AllWorkAsync("a take-over");
        return time;
    }

    /// <summary>Kills a node, and reassigns its sagas to the others at once, as an operator.</summary>
    /// <returns>From the order until all had been recovered.</returns>
    private static async Task<TimeSpan> ReassignAsync(StressRun run, NodeSet nodes, List<Guid> demos)
    {
        Node lost = await PickAsync(run, nodes, demos);
        await lost.KillAsync();
        DateTimeOffset ordered = TimeProvider.System.GetUtcNow();
        var order = new Reassignment(lost.Id, [.. nodes.Except(lost).Select(node => node.Id)]) { EvenIfOwnerAnswers = true };
        ReassignOutcome outcome = await nodes.Cluster.ReassignAsync(order, Note, CancellationToken.None);
        if (outcome is not ReassignOutcome.Done { Left: 0 } done)
        {
            run.Require(holds: false, $"the reassignment came to {outcome}");
            return default;
        }

        IReadOnlyList<CaughtUp> caughtUp = await nodes.Cluster.WaitUntilCaughtUpAsync([.. done.Receipts], CancellationToken.None);
        TimeSpan time = TimeProvider.System.GetUtcNow() - ordered;
        run.Require(done.Moved >= DemosEach || await nodes.WasTakenOverAsync(lost), $"{done.Moved} sagas moved"); // on a machine that is slower than a take-over
        run.Require(caughtUp.All(one => one.NotRunning == 0), "some of them do not run");
        long[] shares = [.. done.Receipts.Select(receipt => receipt.Count).DefaultIfEmpty()];
        run.Require(shares.Max() - shares.Min() <= 3, $"they were not spread evenly: {string.Join(", ", done.Receipts)}"); // one for each definition
        run.Log($"{lost.Name} was killed: {done.Moved} sagas reassigned and recovered after {time.TotalMilliseconds:F0} ms");
        await lost.StartAsync();
        await nodes.AllWorkAsync("a reassignment");
        return time;
    }

    /// <summary>Updates all nodes, one by one: each drains, ends, and is started again under its id.</summary>
    /// <returns>The number of reassigned sagas.</returns>
    private static async Task<long> RollAsync(StressRun run, NodeSet nodes, List<Guid> demos)
    {
        long reassigned = 0;
        foreach (Node node in nodes.All)
        {
            await StartDemosAsync(node, demos);
            TimeSpan asked = run.Elapsed;
            (int exitCode, ProcessLog log) = await node.TerminateAsync();
            TimeSpan ended = run.Elapsed;
            run.Require(exitCode == 0, $"{node.Name} did not end cleanly");
            run.Require(log.Count(LogEventId.Drained) == 1, $"{node.Name} did not log that it drained");
            run.Require(await nodes.InProgressOfAsync(node.Id) == 0, $"{node.Name} left sagas behind");
            reassigned += log.Sum(LogEventId.Drained, "sagas reassigned:");
            await node.StartAsync(node.Id);
            run.Log($"{node.Name} drained and ended in {(ended - asked).TotalMilliseconds:F0} ms, and was back after {(run.Elapsed - ended).TotalMilliseconds:F0} ms more");
        }

        run.Log($"all three were rolled: {reassigned} sagas reassigned");
        await nodes.AllWorkAsync("a rolling update");
        return reassigned;
    }

    /// <summary>Stops a node at a random moment until the others have taken over, and continues it: it runs on, without those sagas.</summary>
    private static async Task StallAsync(StressRun run, NodeSet nodes, List<Guid> demos)
    {
        Node stalled = await PickAsync(run, nodes, demos);
        DateTimeOffset stopped = TimeProvider.System.GetUtcNow();
        await stalled.Service.SignalAsync("STOP");
        await Eventually.HoldsAsync(async () => await nodes.InProgressOfAsync(stalled.Id) == 0, "the others took over", WaitTimeout);
        await AllRecoveredAsync(nodes, stalled, stopped);
        await stalled.Service.SignalAsync("CONT");
        await Eventually.HoldsAsync(
            async () => (await stalled.Service.StatusAsync()).GetProperty("lastPass").GetProperty("start").GetProperty("startedAt").GetDateTimeOffset() > stopped,
            "it checked which sagas it owns",
            WaitTimeout);
        run.Log($"{stalled.Name} was stalled past its take-over, and continues");
        await nodes.AllWorkAsync("a stall");
        run.Require(!stalled.Service.Output.Any(line => line.Contains(" FTL ", StringComparison.Ordinal)), "it reported that it was fenced, though no other process has its id");
    }

    private static async Task<Node> PickAsync(StressRun run, NodeSet nodes, List<Guid> demos)
    {
        Node node = nodes.All[run.Dice.Next(nodes.All.Count)];
        await StartDemosAsync(node, demos);
        return node;
    }

    private static async Task StartDemosAsync(Node node, List<Guid> demos)
    {
        for (int i = 0; i < DemosEach; i++)
        {
            demos.Add(await node.Service.StartDemoSagaAsync());
        }
    }

    /// <summary>Waits until the others have caught up with all that was assigned to them.</summary>
    /// <returns>From a time until the last saga that was recovered since then.</returns>
    private static async Task<TimeSpan> AllRecoveredAsync(NodeSet nodes, Node except, DateTimeOffset since)
    {
        await Eventually.HoldsAsync(async () => await nodes.HaveCaughtUpAsync(except), "all of them were recovered", WaitTimeout);
        return nodes.Except(except).SelectMany(node => ProcessLog.Read(node.Service.Output).Of(LogEventId.Recovered)).Max(line => line.Time) - since;
    }

    private static async Task ReleaseAsync(StressRun run, NodeSet nodes, List<Guid> demos)
    {
        foreach (Guid demo in demos)
        {
            using HttpResponseMessage released = await nodes.All[run.Dice.Next(nodes.All.Count)].Service.ReleaseDemoSagaAsync(demo);
            run.Require(released.StatusCode == HttpStatusCode.NoContent, $"demo saga {demo} could not be released: {released.StatusCode}");
        }
    }
}
