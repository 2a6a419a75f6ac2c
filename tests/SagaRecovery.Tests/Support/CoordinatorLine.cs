using SagaRecovery.Coordinators;

namespace SagaRecovery.Tests.Support;

/// <summary>A coordinator that gives signs of life and hears hints until it is disposed.</summary>
internal sealed class CoordinatorLine : IAsyncDisposable
{
    private readonly CancellationTokenSource _ended = new();
    private readonly TaskCompletionSource<long> _listening = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _hints;

    public CoordinatorLine(SagaDatabase db, Membership member, CoordinatorProfile profile, TimeSpan period)
    {
        Member = member;
        Line = db.Controls.StayInTouchAsync(member, profile, period, Hear, _ended.Token);
    }

    public Membership Member { get; }

    public CoordinatorId Id => Member.Coordinator;

    /// <summary>Ends when it is cancelled, fenced or cut off.</summary>
    public Task Line { get; }

    /// <summary>Completes with the number of the last assignment, once hints are heard.</summary>
    public Task<long> Listening => _listening.Task;

    public int Hints => Volatile.Read(ref _hints);

    public Task HintedAsync(int times) => Eventually.HoldsAsync(() => Hints >= times, $"it had {times} hints");

    /// <summary>Falls silent, without a goodbye.</summary>
    public async Task FallSilentAsync()
    {
        await _ended.CancelAsync();
        await Line.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    public async ValueTask DisposeAsync()
    {
        await FallSilentAsync();
        _ended.Dispose();
    }

    private void Hear(CoordinatorNews news)
    {
        if (news is CoordinatorNews.Listening listening)
        {
            _listening.TrySetResult(listening.Assigned);
        }
        else
        {
            Interlocked.Increment(ref _hints);
        }
    }
}
