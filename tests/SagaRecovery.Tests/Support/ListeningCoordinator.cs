using SagaRecovery.Fencing;
using SagaRecovery.Storage;

namespace SagaRecovery.Tests.Support;

/// <summary>A coordinator that writes heartbeats and receives hints until it is disposed.</summary>
internal sealed class ListeningCoordinator : IAsyncDisposable
{
    private readonly CancellationTokenSource _ended = new();
    private readonly TaskCompletionSource<long> _listening = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _hints;
    private int _written;

    public ListeningCoordinator(SagaDatabase db, Membership member, CoordinatorProfile profile, TimeSpan period)
    {
        Member = member;
        Heartbeats = db.Controls.RunHeartbeatAsync(member, profile, period, OnNotification, _ended.Token);
    }

    public Membership Member { get; }

    public CoordinatorId Id => Member.Coordinator;

    /// <summary>Ends when it is cancelled, fenced or cut off.</summary>
    public Task Heartbeats { get; }

    /// <summary>Completes with the number of the last assignment, once it receives hints.</summary>
    public Task<long> Listening => _listening.Task;

    public int Hints => Volatile.Read(ref _hints);

    /// <summary>The reason for which it had no listener connection at the last heartbeat.</summary>
    public string? ListenerError { get; private set; }

    /// <summary>The number of heartbeats that the database has answered.</summary>
    public int Written => Volatile.Read(ref _written);

    public Task HintedAsync(int times) => Eventually.HoldsAsync(() => Hints >= times, $"it had {times} hints");

    /// <summary>Stops without reporting its shutdown.</summary>
    public async Task FallSilentAsync()
    {
        await _ended.CancelAsync();
        await Heartbeats.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    public async ValueTask DisposeAsync()
    {
        await FallSilentAsync();
        _ended.Dispose();
    }

    private void OnNotification(CoordinatorNotification news)
    {
        if (news is CoordinatorNotification.Listening listening)
        {
            _listening.TrySetResult(listening.Assigned);
        }
        else if (news is CoordinatorNotification.HeartbeatWritten written)
        {
            ListenerError = written.ListenerError;
            Interlocked.Increment(ref _written);
        }
        else
        {
            Interlocked.Increment(ref _hints);
        }
    }
}
