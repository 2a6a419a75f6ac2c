using SagaRecovery.Activation;
using SagaRecovery.Status;

namespace SagaRecovery.Tests.Hosting;

public sealed class RecoveryWakeupsTests : IDisposable
{
    private readonly WatchedTimeProvider _time = new();
    private readonly RecoveryWakeups _wakeups;

    public RecoveryWakeupsTests() => _wakeups = new RecoveryWakeups(_time);

    public void Dispose() => _wakeups.Dispose();

    [Fact]
    public async Task A_request_between_waking_and_taking_is_taken_too_and_wakes_no_second_pass()
    {
        _wakeups.Request(PassReason.Periodic);
        await _wakeups.WaitAsync(CancellationToken.None);
        Task<PassReport> late = _wakeups.RequestAndWaitAsync(CancellationToken.None);

        WakeupRequests taken = _wakeups.TakeRequests();

        taken.Reason.Should().Be(PassReason.Explicit);
        taken.Waiters.Should().ContainSingle();
        using var now = new CancellationTokenSource();
        Task again = _wakeups.WaitAsync(now.Token);
        again.IsCompleted.Should().BeFalse();
        await now.CancelAsync();
        late.IsCompleted.Should().BeFalse();
    }

    [Fact]
    public async Task A_request_after_taking_wakes_again_and_is_not_answered_by_the_previous_pass()
    {
        _wakeups.Request(PassReason.Startup);
        WakeupRequests first = _wakeups.TakeRequests();
        Task<PassReport> late = _wakeups.RequestAndWaitAsync(CancellationToken.None);

        first.Answer(new PassReport(new PassStart(1, PassReason.Startup, DateTimeOffset.UnixEpoch)));

        late.IsCompleted.Should().BeFalse();
        await _wakeups.WaitAsync(CancellationToken.None);
        _wakeups.TakeRequests().Answer(new PassReport(new PassStart(2, PassReason.Explicit, DateTimeOffset.UnixEpoch)));
        (await late).Start.Iteration.Should().Be(2);
    }

    [Fact]
    public void Of_several_reasons_the_strongest_is_named()
    {
        _wakeups.Request(PassReason.Explicit);
        _wakeups.Request(PassReason.Periodic);

        _wakeups.TakeRequests().Reason.Should().Be(PassReason.Explicit);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Withdrawn_starts_request_one_pass_soon_unless_passes_fail(bool passesFail)
    {
        _wakeups.LastPassFailed = passesFail;
        _wakeups.RequestSoon(PassReason.WithdrawnStart);
        _time.Advance(TimeSpan.FromMilliseconds(900));
        _wakeups.RequestSoon(PassReason.WithdrawnStart);
        IsRequested().Should().BeFalse();

        _time.Advance(TimeSpan.FromMilliseconds(100));

        _time.Pending.Should().BeEmpty();
        IsRequested().Should().Be(!passesFail);
        _wakeups.TakeRequests().Reason.Should().Be(passesFail ? null : PassReason.WithdrawnStart);
    }

    [Fact]
    public async Task Cancelling_a_wait_leaves_the_pass_to_the_others()
    {
        using var impatient = new CancellationTokenSource();
        Task<PassReport> given = _wakeups.RequestAndWaitAsync(impatient.Token);
        Task<PassReport> patient = _wakeups.RequestAndWaitAsync(CancellationToken.None);

        await impatient.CancelAsync();
        _wakeups.TakeRequests().Answer(new PassReport(new PassStart(1, PassReason.Explicit, DateTimeOffset.UnixEpoch)));

        await FluentActions.Awaiting(() => given).Should().ThrowAsync<OperationCanceledException>();
        (await patient).Start.Iteration.Should().Be(1);
    }

    /// <summary>Indicates whether waiting now would end at once.</summary>
    private bool IsRequested()
    {
        using var enough = new CancellationTokenSource();
        Task woken = _wakeups.WaitAsync(enough.Token);
        bool asked = woken.IsCompleted;
        enough.Cancel();
        return asked;
    }
}
