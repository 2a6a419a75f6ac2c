using SagaRecovery.Execution;
using SagaRecovery.Tests.Support;
using SagaRecovery.Timing;

namespace SagaRecovery.Tests.Hosting;

/// <summary>The progress of the loop, as a liveness probe sees it.</summary>
public sealed class LoopProgressTests
{
    private static readonly TimeSpan TenMinutes = TimeSpan.FromMinutes(10);

    [Fact]
    public async Task An_idle_loop_makes_progress_between_two_passes()
    {
        await using RecoveryHost host = await RecoveryHost.StartAsync(options => options.Period = TimeSpan.FromDays(1));

        for (int i = 0; i < 5; i++)
        {
            host.Time.Advance(LoopProgress.Interval);
            await ProgressedAsync(host);
        }

        host.Status.Current.Totals.Passes.Should().Be(1, "a tick is no pass");
    }

    [Fact]
    public async Task A_loop_makes_progress_however_long_the_database_is_away()
    {
        await using RecoveryHost host = RecoveryHost.Create();
        host.Store.BeforeJoin = () => throw new IOException("connection refused");
        await host.StartAsync();
        for (int seconds = 0; seconds < 120; seconds += 5)
        {
            host.Time.Advance(LoopProgress.Interval);
            await ProgressedAsync(host);
        }

        host.Status.Current.FailedInARow.Should().BeGreaterThan(3);
    }

    public static TheoryData<string> Places => ["join", "list", "load", "resume"];

    /// <summary>The store never answers, or the executor blocks its thread.</summary>
    [Theory]
    [MemberData(nameof(Places))]
    public async Task A_loop_that_is_blocked_makes_no_progress(string place)
    {
        using var blocked = new ManualResetEventSlim();
        var entered = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var never = new TaskCompletionSource();
        await using RecoveryHost host = RecoveryHost.Create(options => options.MaxConcurrency = 1);
        host.Store.Add();
        switch (place)
        {
            case "join":
                host.Store.BeforeJoin = Never;
                break;
            case "list":
                host.Store.BeforeList = Never;
                break;
            case "load":
                host.Store.BeforeLoad = _ => Never();
                break;
            default:
                host.Executor.OnResume = (_, _) =>
                {
                    entered.SetResult();
                    blocked.Wait(CancellationToken.None);
                    return Task.FromResult<ResumeOutcome>(ResumeOutcome.Resumed.Instance);
                };
                break;
        }

        await host.StartAsync();
        await entered.Task;
        host.Time.Advance(TenMinutes);

        host.Status.SinceProgress.Should().Be(TenMinutes);
        blocked.Set();
        never.SetResult();
        await host.PassesAsync(1);
        await ProgressedAsync(host);

        Task Never()
        {
            entered.SetResult();
            return never.Task;
        }
    }

    /// <summary>Each saga takes a minute, as an executor that validates much may: the pass takes an hour, and is alive at each moment.</summary>
    [Fact]
    public async Task A_pass_that_takes_an_hour_makes_progress_with_each_saga()
    {
        await using RecoveryHost host = RecoveryHost.Create(options => options.MaxConcurrency = 1);
        int resumed = 0;
        TimeSpan longest = TimeSpan.Zero;
        host.Executor.OnResume = (_, _) =>
        {
            host.Time.Advance(TimeSpan.FromMinutes(1));
            longest = host.Status.SinceProgress!.Value > longest ? host.Status.SinceProgress.Value : longest;
            resumed++;
            return Task.FromResult<ResumeOutcome>(ResumeOutcome.Resumed.Instance);
        };
        Enumerable.Range(0, 60).ToList().ForEach(_ => host.Store.Add());
        await host.StartAsync();
        await host.PassesAsync(1);

        resumed.Should().Be(60);
        longest.Should().Be(TimeSpan.FromMinutes(1));
    }

    [Fact]
    public async Task A_loop_that_has_not_begun_or_has_stopped_with_its_host_has_no_progress_to_make()
    {
        await using RecoveryHost host = RecoveryHost.Create();
        host.Status.SinceProgress.Should().BeNull();

        await host.StartAsync();
        await host.PassesAsync(1);
        host.Status.SinceProgress.Should().NotBeNull();
        await host.StopAsync();

        host.Status.SinceProgress.Should().BeNull();
    }

    [Fact]
    public async Task Work_that_takes_any_time_is_progress_while_it_lasts()
    {
        var time = new WatchedTimeProvider();
        var progress = new LoopProgress(time);
        progress.Begin();
        var upgrade = new TaskCompletionSource();
        Task recording = progress.RecordUntilEndAsync(upgrade.Task);

        for (int i = 0; i < 3; i++)
        {
            await Eventually.HoldsAsync(() => time.Pending.Contains(LoopProgress.Interval), "the next tick was set");
            time.Advance(LoopProgress.Interval);
            await Eventually.HoldsAsync(() => progress.Silence == TimeSpan.Zero, "progress was recorded");
        }

        upgrade.SetException(new IOException("gone"));
        await FluentActions.Awaiting(() => recording).Should().ThrowAsync<IOException>();
        time.Pending.Should().BeEmpty();
    }

    private static Task ProgressedAsync(RecoveryHost host) => Eventually.HoldsAsync(() => host.Status.SinceProgress == TimeSpan.Zero, "the loop had moved");
}
