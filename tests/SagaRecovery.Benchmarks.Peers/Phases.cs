using System.Diagnostics;
using SagaRecovery.Benchmarks.Subjects;

namespace SagaRecovery.Benchmarks.Peers;

/// <summary>What a process does with a peer.</summary>
internal static class Phases
{
    /// <summary>The number of clients that submit jobs at the same time.</summary>
    private const int Clients = 64;

    /// <summary>
    /// Runs the first steps of all jobs, and as many second steps as can wait at the gate. The task completes when the store has all of this: the
    /// process may be killed.
    /// </summary>
    public static async Task SeedAsync(Peer peer, string connectionString, int jobs)
    {
        var steps = new JobSteps(jobs, isGateOpen: false);
        IPeerProcess process = await peer.OpenAsync(connectionString, steps);
        await SubmitAsync(process, 0, jobs);
        await process.RunAsync(); // after all were submitted: the first steps are the older ones, and no worker waits at the gate before they are done
        await steps.First.HaveEnteredAsync(jobs);
        await steps.Second.HaveEnteredAsync(peer.AtGate(jobs));
        await process.FirstStepsAreDurableAsync();
    }

    /// <summary>Recovers what a killed process left.</summary>
    /// <param name="peer">The peer.</param>
    /// <param name="connectionString">The database of the killed process.</param>
    /// <param name="jobs">The number of its jobs.</param>
    /// <param name="launchedAt">The time stamp at which this process was launched.</param>
    /// <param name="deadline">The longest time that is measured.</param>
    /// <param name="watch">The time in which further entries are still counted after the last job has entered.</param>
    public static async Task<Dictionary<string, double>> RecoverAsync(
        Peer peer, string connectionString, int jobs, long launchedAt, TimeSpan deadline, TimeSpan watch)
    {
        var steps = new JobSteps(jobs, isGateOpen: true);
        IPeerProcess process = await peer.OpenAsync(connectionString, steps);
        await process.RunAsync();
        double opened = Stopwatch.GetElapsedTime(launchedAt).TotalSeconds;
        Task all = steps.Second.HaveEnteredAsync(jobs);
        bool isComplete = await Task.WhenAny(all, Task.Delay(deadline)) == all;
        Dictionary<string, double> figures = Usage(jobs, CpuUsed(), GC.GetTotalAllocatedBytes());
        figures[Metric.Seconds] = Stopwatch.GetElapsedTime(launchedAt, isComplete ? steps.Second.LastAt : Stopwatch.GetTimestamp()).TotalSeconds;
        figures[Metric.OpenedSeconds] = opened;
        if (steps.Second.Entered > 0)
        {
            figures[Metric.FirstSeconds] = Stopwatch.GetElapsedTime(launchedAt, steps.Second.FirstAt).TotalSeconds;
        }

        await Task.Delay(watch);
        figures[Metric.NotEntered] = jobs - steps.Second.Entered;
        figures[Metric.EnteredTwice] = steps.Second.EnteredTwice;
        figures[Metric.FirstStepsAgain] = steps.First.Entered;
        return figures;
    }

    /// <summary>Runs jobs from start to end, as fast as the workers can: the clients submit all of them without a pause.</summary>
    public static async Task<Dictionary<string, double>> RunSteadilyAsync(Peer peer, string connectionString, int warmUp, int jobs)
    {
        var steps = new JobSteps(warmUp + jobs, isGateOpen: true);
        IPeerProcess process = await peer.OpenAsync(connectionString, steps);
        await process.RunAsync();
        await SubmitAsync(process, 0, warmUp);
        await steps.Second.HaveEnteredAsync(warmUp);

        long began = Stopwatch.GetTimestamp();
        double cpu = CpuUsed();
        long allocated = GC.GetTotalAllocatedBytes();
        await SubmitAsync(process, warmUp, jobs);
        await steps.Second.HaveEnteredAsync(warmUp + jobs);
        Dictionary<string, double> figures = Usage(jobs, CpuUsed() - cpu, GC.GetTotalAllocatedBytes() - allocated);
        figures[Metric.Seconds] = Stopwatch.GetElapsedTime(began, steps.Second.LastAt).TotalSeconds;
        return figures;
    }

    private static Task SubmitAsync(IPeerProcess process, int first, int count) =>
        Parallel.ForAsync(first, first + count, new ParallelOptions { MaxDegreeOfParallelism = Clients }, async (job, _) => await process.SubmitAsync(job));

    private static double CpuUsed() => Environment.CpuUsage.TotalTime.TotalSeconds;

    private static Dictionary<string, double> Usage(int jobs, double cpu, long allocated)
    {
        using var self = Process.GetCurrentProcess();
        return new Dictionary<string, double>
        {
            [Metric.Rows] = jobs,
            [Metric.CpuSeconds] = cpu,
            [Metric.AllocatedBytes] = allocated,
            [Metric.PeakBytes] = self.PeakWorkingSet64,
        };
    }
}
