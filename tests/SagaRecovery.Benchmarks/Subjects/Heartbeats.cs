using System.Diagnostics;
using SagaRecovery.Storage;

namespace SagaRecovery.Benchmarks.Subjects;

/// <summary>The heartbeats of one coordinator, until they are disposed.</summary>
internal sealed class Heartbeats : IAsyncDisposable
{
    private readonly CancellationTokenSource _ended = new();
    private readonly TaskCompletionSource _listening = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Task _connection;
    private volatile Recording? _recording;

    private Heartbeats(ProcessStore store, TimeSpan period, IReadOnlyCollection<RunnableDefinition>? definitions) => _connection =
        store.Controls.RunHeartbeatAsync(store.Member, new CoordinatorProfile("1.0", definitions), period, OnNotification, _ended.Token);

    /// <summary>Starts them, and returns when sagas can be reassigned to the coordinator.</summary>
    /// <param name="store">The process that writes them.</param>
    /// <param name="period">The time from one to the next; 0: one after the other.</param>
    /// <param name="definitions">The definitions that the process can run; null: any.</param>
    public static async Task<Heartbeats> StartAsync(
        ProcessStore store, TimeSpan period, IReadOnlyCollection<RunnableDefinition>? definitions = null)
    {
        var heartbeats = new Heartbeats(store, period, definitions);
        await await Task.WhenAny(heartbeats._listening.Task, heartbeats._connection);
        return heartbeats;
    }

    /// <summary>
    /// Measures the next heartbeats, in seconds, each from the end of the one before. The store reports a heartbeat only where it finds
    /// that the coordinator was taken over from meanwhile: so its row has to record that at each.
    /// </summary>
    public async Task<IReadOnlyList<double>> MeasureAsync(int count)
    {
        var recording = new Recording(count);
        _recording = recording;
        await await Task.WhenAny(recording.Complete, _connection);
        return recording.Seconds();
    }

    public async ValueTask DisposeAsync()
    {
        await _ended.CancelAsync();
        try
        {
            await _connection;
        }
        catch (OperationCanceledException) when (_ended.IsCancellationRequested)
        {
        }

        _ended.Dispose();
    }

    private void OnNotification(CoordinatorNotification news)
    {
        if (news is CoordinatorNotification.Listening)
        {
            _listening.TrySetResult();
        }
        else if (news is CoordinatorNotification.Hint)
        {
            _recording?.Note(Stopwatch.GetTimestamp());
        }
    }

    /// <summary>Time stamps of the given number of heartbeats, and of the one before them. One connection records them in sequence.</summary>
    private sealed class Recording(int count)
    {
        private readonly long[] _timestamps = new long[count + 1];
        private readonly TaskCompletionSource _complete = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private int _next;

        public Task Complete => _complete.Task;

        public void Note(long timestamp)
        {
            if (_next < _timestamps.Length)
            {
                _timestamps[_next++] = timestamp;
                if (_next == _timestamps.Length)
                {
                    _complete.SetResult();
                }
            }
        }

        public double[] Seconds() => [.. _timestamps.Zip(_timestamps.Skip(1), (before, after) => Stopwatch.GetElapsedTime(before, after).TotalSeconds)];
    }
}
