using System.Globalization;

namespace Blast;

/// <summary>The settings of one run.</summary>
/// <param name="Url">The address of the control plane.</param>
/// <param name="Concurrency">The number of concurrent clients.</param>
/// <param name="Pause">The time that a client waits after each response.</param>
/// <param name="Duration">The duration of the run, or null to run until interrupted.</param>
/// <param name="Log">The file for acknowledged names, or null for none.</param>
internal sealed record BlastSettings(Uri Url, int Concurrency, TimeSpan Pause, TimeSpan? Duration, FileInfo? Log);

/// <summary>Runs the clients, prints the progress each second and the totals at the end.</summary>
internal static class BlastRun
{
    /// <summary>The time that requests in flight get to finish at the end of a run, also on a machine that is busy.</summary>
    public static readonly TimeSpan Grace = TimeSpan.FromSeconds(10);

    public static async Task<int> RunAsync(BlastSettings settings, bool ignoreErrors, CancellationToken interrupted)
    {
        TimeProvider time = TimeProvider.System;
        using var http = new HttpClient(new SocketsHttpHandler { MaxConnectionsPerServer = settings.Concurrency })
        {
            BaseAddress = settings.Url,
            Timeout = TimeSpan.FromSeconds(60),
        };
        await using var acknowledged = AcknowledgedNames.Open(settings.Log);
        using var ended = new CancellationTokenSource(settings.Duration ?? Timeout.InfiniteTimeSpan, time);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(interrupted, ended.Token);
        using var abort = new CancellationTokenSource();
        await using CancellationTokenRegistration grace = stop.Token.Register(() => abort.CancelAfter(Grace));

        var tally = new Tally(time);
        string run = Guid.CreateVersion7().ToString("N")[4..14]; // unique among runs of the same week
        IEnumerable<Task> clients = Enumerable.Range(1, settings.Concurrency)
            .Select(client => new BlastClient(http, tally, acknowledged, settings.Pause, time).RunAsync($"blast-{run}-{client}", stop.Token, abort.Token));
        Task progress = ShowProgressAsync(tally, time, stop.Token);
        await Task.WhenAll(clients);
        await progress;

        Tally.Counts counts = tally.Now;
        await Console.Out.WriteLineAsync(string.Create(
            CultureInfo.InvariantCulture, $"nstarted={counts.Started} ndone={counts.Done} nfailed={counts.Failed}"));
        return counts.Failed == 0 || ignoreErrors ? 0 : 1;
    }

    private static async Task ShowProgressAsync(Tally tally, TimeProvider time, CancellationToken stop)
    {
        using var everySecond = new PeriodicTimer(TimeSpan.FromSeconds(1), time);
        long before = 0;
        try
        {
            while (await everySecond.WaitForNextTickAsync(stop))
            {
                Tally.Counts counts = tally.Now;
                string line = string.Create(
                    CultureInfo.InvariantCulture,
                    $"blast: {counts.Elapsed.TotalSeconds,4:F0}s  started {counts.Started,7}  done {counts.Done,7}  failed {counts.Failed,6}  {counts.Done - before,6}/s");
                await Console.Error.WriteLineAsync(line + tally.TakeLastError());
                before = counts.Done;
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // the run is over
        }
    }
}
