using System.Globalization;

namespace Blast;

/// <param name="Url">Where the control plane listens.</param>
/// <param name="Concurrency">How many clients.</param>
/// <param name="Pause">How long a client waits after each answer.</param>
/// <param name="Duration">When to end; null: when told to.</param>
/// <param name="Log">Where acknowledged names go; null: nowhere.</param>
internal sealed record BlastSettings(Uri Url, int Concurrency, TimeSpan Pause, TimeSpan? Duration, FileInfo? Log);

/// <summary>One run: the clients, the progress, the last line.</summary>
internal static class BlastRun
{
    /// <summary>How long requests that are under way at the end may take to be answered.</summary>
    public static readonly TimeSpan Grace = TimeSpan.FromSeconds(3);

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
        string run = Guid.CreateVersion7().ToString("N")[4..14]; // the part that tells runs apart which begin in the same week
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
