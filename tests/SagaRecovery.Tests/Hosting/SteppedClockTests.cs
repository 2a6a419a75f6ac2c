using SagaRecovery.Bookkeeping;
using SagaRecovery.Execution;
using SagaRecovery.Status;
using SagaRecovery.Storage;
using SagaRecovery.Tests.Support;

namespace SagaRecovery.Tests.Hosting;

/// <summary>The decisions of a process whose wall clock is set two hours forward or back. They are those of a process whose clock is left alone.</summary>
public sealed class SteppedClockTests
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    private readonly ScriptedControls _controls = new();

    public static TheoryData<int> Hours => [0, 2, -2];

    [Theory]
    [MemberData(nameof(Hours))]
    public async Task A_failing_saga_is_tried_again_after_its_backoff(int hours)
    {
        await using RecoveryHost host = RecoveryHost.Create(options => options.FirstBackoff = TimeSpan.FromSeconds(8));
        SagaId failing = host.Store.Add();
        host.Executor.OnResume = (saga, _) => saga.Id == failing
            ? Task.FromException<ResumeOutcome>(new IOException("not now"))
            : Task.FromResult<ResumeOutcome>(ResumeOutcome.Resumed.Instance);
        await host.StartAsync();
        await host.PassesAsync(1);
        TimeSpan backoff = host.Status.Current.Waiting[0].NextTry!.Value - host.Status.Now;
        await host.TimerSetAsync(backoff);

        host.Time.StepWallClock(TimeSpan.FromHours(hours));
        host.Starts.Announce(host.Store.Add()).Dispose(); // requests a pass that respects the backoff
        await host.TimerSetAsync(Second);
        host.Time.Advance(Second);
        await host.PassesAsync(2);
        TriesOf(failing).Should().Be(1, "it backs off");
        await host.TimerSetAsync(backoff - Second);
        host.Time.Advance(backoff - Second);
        await host.PassesAsync(3);

        TriesOf(failing).Should().Be(2);
        host.Status.Current.LastPass!.Start.Reason.Should().Be(PassReason.Due);

        int TriesOf(SagaId saga) => host.Executor.Calls.Count(call => call.Contains($"{saga}", StringComparison.Ordinal));
    }

    [Theory]
    [MemberData(nameof(Hours))]
    public async Task A_resumed_saga_is_cleared_after_its_probation(int hours)
    {
        await using RecoveryHost host = RecoveryHost.Create(options => options.Probation = TimeSpan.FromSeconds(20), _controls);
        host.Store.Add();
        await host.StartAsync();
        await host.PassesAsync(1);
        await host.TimerSetAsync(TimeSpan.FromSeconds(20));

        host.Time.StepWallClock(TimeSpan.FromHours(hours));
        await host.ActivateAsync();
        _controls.Cleared.Should().BeEmpty("it is on probation");
        await AdvanceToPassAsync(host, TimeSpan.FromSeconds(20), passes: 3);

        _controls.Cleared.Should().Equal(TimeSpan.FromSeconds(20));
    }

    /// <summary>Eight innocent sagas beside one that may have crashed the process: they wait for one another's probation.</summary>
    [Theory]
    [MemberData(nameof(Hours))]
    public async Task After_a_crash_each_group_of_suspects_waits_for_one_probation(int hours)
    {
        await using RecoveryHost host = RecoveryHost.Create(options => options.Probation = TimeSpan.FromSeconds(20), _controls);
        SagaId[] suspects = [.. Enumerable.Range(0, 3).Select(_ => host.Store.Add())];
        _controls.Previous = new PreviousIncarnation(
            new PreviousProcess(Crashed: true, host.Time.GetUtcNow(), suspects.Length), [.. suspects.Select(saga => new Suspect(saga, suspects.Length, 0))]);
        _controls.Suspects = _controls.Previous.Suspects;
        await host.StartAsync();
        await host.PassesAsync(1);
        host.Executor.Calls.Should().ContainSingle("a group is an eighth of them, and one at least");

        for (int resumed = 2; resumed <= suspects.Length; resumed++)
        {
            await host.TimerSetAsync(TimeSpan.FromSeconds(20));
            host.Time.StepWallClock(TimeSpan.FromHours(hours));
            long passes = host.Status.Current.Totals.Passes;
            await host.ActivateAsync();
            host.Executor.Calls.Should().HaveCount(resumed - 1, "the group before is on probation");
            await AdvanceToPassAsync(host, TimeSpan.FromSeconds(20), passes + 2);

            host.Executor.Calls.Should().HaveCount(resumed);
        }
    }

    [Theory]
    [MemberData(nameof(Hours))]
    public async Task A_step_hangs_after_its_threshold(int hours)
    {
        await using RecoveryHost host = RecoveryHost.Create(
            options => (options.StalledCheckPeriod, options.StalledAfter) = (TimeSpan.FromSeconds(40), TimeSpan.FromSeconds(70)), _controls);
        var step = new StepInProgress("net", IsUndo: false, 1, host.Status.Now) { AttemptSince = host.Status.Now };
        host.Executor.Runs = [new SagaRunProgress(new SagaId(Guid.NewGuid()), "provision", RunPhase.Running, [step])];
        host.Time.StepWallClock(TimeSpan.FromHours(hours));
        var listing = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        host.Store.BeforeList = () => listing.Task;
        await host.StartAsync();
        await host.TimerSetAsync(TimeSpan.FromSeconds(40)); // the checks wait for the first pass, with a timer that must not look like that of the second check
        host.Time.Advance(Second);
        listing.SetResult();
        List<int> hanging = [];
        for (int check = 1; check <= 3; check++)
        {
            await Eventually.HoldsAsync(() => _controls.Observations == check, $"check {check} was over");
            hanging.Add(host.Status.Current.Steps!.HangingCount);
            await host.TimerSetAsync(TimeSpan.FromSeconds(40));
            host.Time.Advance(TimeSpan.FromSeconds(40));
        }

        hanging.Should().Equal(0, 0, 1);
    }

    [Theory]
    [MemberData(nameof(Hours))]
    public async Task Retention_runs_again_after_its_period(int hours)
    {
        var store = new OneExpiredSaga();
        var period = TimeSpan.FromMinutes(17);
        await using RecoveryHost host = RecoveryHost.CreateWith(store, options => (options.KeepSucceeded, options.BatchPause, options.Period) = (TimeSpan.FromDays(1), TimeSpan.Zero, period));
        await host.StartAsync();
        await host.PassesAsync(1);
        await AdvanceToNextRunAsync();

        host.Time.StepWallClock(TimeSpan.FromHours(hours));
        (await NextRunAsync() - host.Status.Now).Should().Be(period);
        host.Time.Advance(period - Second);
        store.Runs.Should().Be(1);
        host.Time.Advance(Second);
        await Eventually.HoldsAsync(() => store.Runs == 2, "the second run had begun");

        async Task AdvanceToNextRunAsync()
        {
            host.Time.Advance(await NextRunAsync() - host.Status.Now);
            await Eventually.HoldsAsync(() => store.Runs == 1 && host.Status.Current.Retention!.LastRun is not null, "the first run was over");
        }

        async Task<DateTimeOffset> NextRunAsync()
        {
            await Eventually.HoldsAsync(() => host.Status.Current.Retention?.NextRun is not null, "a run was planned");
            return host.Status.Current.Retention!.NextRun!.Value;
        }
    }

    [Theory]
    [MemberData(nameof(Hours))]
    public async Task A_drain_gives_its_grace_period_to_the_runs(int hours)
    {
        await using RecoveryHost host = await RecoveryHost.StartAsync();
        host.Executor.Unfinished = 1;
        host.Drain.Begin(new OperatorNote("ann", "version 2"), TimeSpan.FromSeconds(90));
        await host.TimerSetAsync(TimeSpan.FromSeconds(90));

        host.Time.StepWallClock(TimeSpan.FromHours(hours));
        host.Time.Advance(TimeSpan.FromSeconds(89));
        host.Status.Current.Drain!.Phase.Should().Be(DrainPhase.WaitingForRuns);
        host.Time.Advance(Second);

        await Eventually.HoldsAsync(() => host.Status.Current.Drain!.Phase != DrainPhase.WaitingForRuns, "the grace period was over");
    }

    [Theory]
    [MemberData(nameof(Hours))]
    public async Task Reports_say_how_long_ago_a_pass_began(int hours)
    {
        await using RecoveryHost host = await RecoveryHost.StartAsync();

        host.Time.StepWallClock(TimeSpan.FromHours(hours));
        host.Time.Advance(TimeSpan.FromSeconds(40));

        host.Status.RenderText().Should().Contain("(40s ago)");
    }

    /// <summary>
    /// Advances the clock to a pass for which the schedule waits. The timer that is seen may be the one before, since the schedule sets it anew after each
    /// pass; an advance that comes in between moves none, and is repeated.
    /// </summary>
    private static Task AdvanceToPassAsync(RecoveryHost host, TimeSpan delay, long passes) => Eventually.HoldsAsync(
        () =>
        {
            bool isSet = host.Time.Pending.Contains(delay); // read first: a timer that the awaited pass has set must not be advanced
            bool isOver = host.Status.Current.Totals.Passes >= passes;
            if (isSet && !isOver)
            {
                host.Time.Advance(delay);
            }

            return isOver;
        },
        $"{passes} passes had ended");
}
