using SagaRecovery.Benchmarks.Data;
using SagaRecovery.Benchmarks.Reports;
using SagaRecovery.Benchmarks.Subjects;

namespace SagaRecovery.Benchmarks.Areas;

/// <summary>
/// Libraries with a similar purpose: jobs of two steps, from the launch of the next process after a kill until all are back in user code, and from
/// start to end. Sizes are jobs.
/// </summary>
internal sealed class PeersArea : Area
{
    /// <summary>The longest measured time of a recovery. Defaults can need more: an invisibility time-out of 30 minutes, for example.</summary>
    private static readonly TimeSpan Deadline = TimeSpan.FromMinutes(2);

    /// <summary>Fewer are completed than recovered: some peers complete less than a hundred a second.</summary>
    private const int RecoveredForEachCompleted = 5;

    /// <summary>The time in which a second entry is noticed.</summary>
    private static readonly TimeSpan Watch = TimeSpan.FromSeconds(5);

    public override string Name => "peers";

    public override string Description => "other libraries: recovery after a kill, and completed jobs";

    public override async Task RunAsync(BenchmarkRun run)
    {
        IReadOnlyList<PeerDescription> peers = await PeerProcess.DescribeAsync();
        run.Describe(peers);
        foreach (int size in run.Scope.SizesOr([10_000], [100]))
        {
            await MeasureAsync(run, size, [.. peers.Where(peer => peer.IsTuned).Select(peer => peer.Name)], run.Scope.TurnsFor(size), isJudged: true);
            if (!run.Scope.IsShort)
            {
                // once: a time-out decides, and not the speed of the machine
                await MeasureAsync(run, size, [.. peers.Where(peer => !peer.IsTuned).Select(peer => peer.Name)], turns: 1, isJudged: false);
            }
        }
    }

    private async Task MeasureAsync(BenchmarkRun run, int size, IReadOnlyList<string> peers, int turns, bool isJudged)
    {
        TimeSpan watch = run.Scope.IsShort ? TimeSpan.Zero : Watch;
        var order = new TurnOrder(turns);
        IReadOnlyList<Measurement> recovered = await run.MeasureAsync(Name, "launch to all re-entered", size, peers, peers[0], order, async peer =>
        {
            string database = await run.Server.NewDatabaseAsync();
            return await PeerProcess.RecoverAsync(peer, database, size, () => BenchmarkServer.SettleAsync(database), Deadline, watch);
        });
        AddMoments(run, recovered);
        int fewer = Math.Max(1, size / RecoveredForEachCompleted);
        IReadOnlyList<Measurement> completed = await run.MeasureAsync(Name, "start to end", fewer, peers, peers[0], order, async peer =>
            await PeerProcess.RunSteadilyAsync(peer, await run.Server.NewDatabaseAsync(), warmUp: fewer / 4, fewer));
        if (isJudged)
        {
            run.Judge(Goal.AtLeast($"speed of recovering {size:N0} jobs, of the fastest peer's", SpeedOfFastest(recovered), 4, "x"));
            run.Judge(Goal.AtLeast($"speed of completing {fewer:N0} jobs, of the fastest peer's", SpeedOfFastest(completed), 3, "x"));
        }
    }

    private static void AddMoments(BenchmarkRun run, IReadOnlyList<Measurement> recovered)
    {
        (string Metric, string What)[] moments = [(Metric.OpenedSeconds, "launch to library started"), (Metric.FirstSeconds, "launch to first re-entered")];
        foreach ((string metric, string what) in moments)
        {
            run.Add(recovered.Where(one => one.Turns.All(turn => turn[metric] is not null)).Select(one => one.Of(metric, what)));
        }
    }

    /// <summary>The first is ours. Each turn is compared with the same turn of the others.</summary>
    private static double SpeedOfFastest(IReadOnlyList<Measurement> measured) => measured.Skip(1).Min(peer => measured[0].PairedSpeedOf(peer));
}
