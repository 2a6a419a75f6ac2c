using SagaRecovery.Bookkeeping;
using SagaRecovery.Execution;
using SagaRecovery.Fencing;
using SagaRecovery.Status;
using SagaRecovery.Storage;
using SagaRecovery.Tests.Support;

namespace SagaRecovery.Tests.Hosting;

/// <summary>Each outcome of a resume, its count, and its consequences.</summary>
public sealed class ResumeTests
{
    [Fact]
    public async Task A_found_saga_is_resumed_once_and_then_skipped()
    {
        await using RecoveryHost host = await RecoveryHost.StartAsync();
        SagaId saga = host.Store.Add();

        PassReport first = await host.ActivateAsync();
        PassReport second = await host.ActivateAsync();

        first.Should().Match<PassReport>(pass => pass.Found == 1 && pass.Recovered == 1 && pass.Skipped == 0);
        second.Should().Match<PassReport>(pass => pass.Found == 1 && pass.Recovered == 0 && pass.Skipped == 1);
        host.Executor.Calls.Should().Equal($"resume {saga}@1");
    }

    [Fact]
    public async Task What_the_executor_runs_already_is_skipped_and_tracked()
    {
        await using RecoveryHost host = await RecoveryHost.StartAsync();
        host.Store.Add();
        host.Executor.OnResume = (_, _) => Task.FromResult<ResumeOutcome>(ResumeOutcome.AlreadyRunning.Instance);

        PassReport pass = await host.ActivateAsync();

        pass.Should().Match<PassReport>(p => p.Skipped == 1 && p.Recovered == 0 && p.Failed == 0 && p.Result == PassResult.Completed);
        host.Status.Current.Tracked.Should().Be(1);
    }

    [Fact]
    public async Task A_saga_of_an_unknown_definition_is_shown_retried_and_never_abandoned()
    {
        await using RecoveryHost host = await RecoveryHost.StartAsync();
        host.Store.Add();
        host.Executor.OnResume = (_, _) => Task.FromResult<ResumeOutcome>(new ResumeOutcome.UnknownDefinition("definition 'x' version 2"));

        (await host.ActivateAsync()).UnknownDefinition.Should().Be(1);
        (await host.ActivateAsync()).UnknownDefinition.Should().Be(1);

        host.Executor.Calls.Should().HaveCount(2);
        host.Store.Abandoned.Should().BeEmpty();
        host.Status.Current.Waiting.Should().ContainSingle().Which.Reason.Should().Be("definition 'x' version 2");
        host.Status.RenderText().Should().Contain("definition 'x' version 2");
    }

    [Fact]
    public async Task A_saga_whose_resume_throws_backs_off_and_stops_none_of_the_others()
    {
        await using RecoveryHost host = await RecoveryHost.StartAsync();
        SagaId bad = host.Store.Add();
        List<SagaId> good = [.. Enumerable.Range(0, 20).Select(_ => host.Store.Add())];
        host.Executor.OnResume = (saga, _) => saga.Id == bad
            ? throw new InvalidOperationException("no such image", new IOException("disk on fire"))
            : Task.FromResult<ResumeOutcome>(ResumeOutcome.Resumed.Instance);

        PassReport pass = await host.ActivateAsync();

        pass.Should().Match<PassReport>(p => p.Recovered == 20 && p.Failed == 1 && p.Result == PassResult.CompletedWithFailures);
        host.Status.Current.RecentFailures.Should().ContainSingle(f => f.SagaId == bad && f.Message == "no such image: disk on fire");
        good.Should().OnlyContain(saga => host.Executor.Calls.Contains($"resume {saga}@1"));
        host.Store.Abandoned.Should().BeEmpty("a mere exception abandons nothing");
    }

    [Fact]
    public async Task A_saga_that_failed_is_tried_again_when_it_is_due()
    {
        await using RecoveryHost host = RecoveryHost.Create(options => (options.FirstBackoff, options.Period) = (TimeSpan.FromSeconds(8), TimeSpan.FromHours(1)));
        host.Store.Add();
        host.Executor.OnResume = (_, _) => throw new IOException("for now");
        await host.StartAsync();
        await host.PassesAsync(1);
        await Eventually.HoldsAsync(() => host.Time.Pending.Count > 0, "the timer was set");
        host.Time.Pending.Should().ContainSingle().Which.Should().BeLessThanOrEqualTo(TimeSpan.FromSeconds(8));
        host.Executor.OnResume = (_, _) => Task.FromResult<ResumeOutcome>(ResumeOutcome.Resumed.Instance);

        host.Time.Advance(host.Time.Pending[0]);
        await host.PassesAsync(2);

        host.Status.Current.LastPass!.Should().Match<PassReport>(p => p.Start.Reason == PassReason.Due && p.Recovered == 1);
        host.Status.Current.WaitingCount.Should().Be(0);
    }

    [Fact]
    public async Task An_executor_that_does_not_answer_in_time_costs_its_own_saga_only()
    {
        await using RecoveryHost host = RecoveryHost.Create(options => options.ResumeTimeout = TimeSpan.FromSeconds(5));
        await host.StartAsync();
        await host.PassesAsync(1);
        SagaId silent = host.Store.Add();
        host.Store.Add();
        var asked = new TaskCompletionSource();
        host.Executor.OnResume = async (saga, _) =>
        {
            if (saga.Id == silent)
            {
                asked.SetResult();
                await new TaskCompletionSource().Task; // never, and it ignores its token
            }

            return ResumeOutcome.Resumed.Instance;
        };

        Task<PassReport> pass = host.ActivateAsync();
        await asked.Task;
        await Eventually.HoldsAsync(() => host.LogLines.Count(8) == 1, "the other saga was recovered");
        host.Time.Advance(TimeSpan.FromSeconds(5));

        (await pass).Should().Match<PassReport>(p => p.Recovered == 1 && p.Failed == 1);
        host.Status.Current.RecentFailures.Should().ContainSingle().Which.Message.Should().Contain("SagaRecovery:ResumeTimeout");
    }

    [Fact]
    public async Task A_saga_that_is_proven_corrupt_is_abandoned_with_the_reason()
    {
        await using RecoveryHost host = await RecoveryHost.StartAsync();
        SagaId corrupt = host.Store.Add();
        host.Executor.OnResume = (_, _) => Task.FromResult<ResumeOutcome>(new ResumeOutcome.Unrecoverable("node 3 never started"));

        PassReport pass = await host.ActivateAsync();

        pass.Abandoned.Should().Be(1);
        host.Store.Abandoned.Should().ContainKey(corrupt).WhoseValue.Comment.Should().Be("node 3 never started");
        (await host.ActivateAsync()).Found.Should().Be(0);
    }

    [Fact]
    public async Task With_abandoning_turned_off_a_corrupt_saga_counts_as_failed()
    {
        await using RecoveryHost host = await RecoveryHost.StartAsync(options => options.AbandonUnrecoverable = false);
        host.Store.Add();
        host.Executor.OnResume = (_, _) => Task.FromResult<ResumeOutcome>(new ResumeOutcome.Unrecoverable("node 3 never started"));

        PassReport pass = await host.ActivateAsync();

        pass.Should().Match<PassReport>(p => p.Failed == 1 && p.Abandoned == 0);
        host.Store.Abandoned.Should().BeEmpty();
    }

    [Fact]
    public async Task A_saga_that_changed_between_listing_and_loading_is_dropped_without_a_failure()
    {
        await using RecoveryHost host = await RecoveryHost.StartAsync();
        SagaId saga = host.Store.Add();
        host.Store.BeforeLoad = candidates =>
        {
            host.Store.Sagas.TryRemove(saga, out _);
            return Task.CompletedTask;
        };

        PassReport pass = await host.ActivateAsync();

        pass.Should().Match<PassReport>(p => p.Superseded == 1 && p.Failed == 0 && p.Result == PassResult.Completed);
        host.Executor.Calls.Should().BeEmpty();
    }

    [Fact]
    public async Task A_saga_whose_log_cannot_be_read_fails_visibly_and_alone()
    {
        await using RecoveryHost host = await RecoveryHost.StartAsync();
        SagaId bad = host.Store.Add();
        host.Store.Add();
        host.Store.LoadInstead = id => id == bad ? new LoadedSaga.Unreadable("event type 'paused'") : null;

        PassReport pass = await host.ActivateAsync();

        pass.Should().Match<PassReport>(p => p.Recovered == 1 && p.Failed == 1);
        host.Status.Current.Waiting.Should().ContainSingle(waiting => waiting.SagaId == bad && waiting.Reason == "event type 'paused'");
    }

    [Fact]
    public async Task When_loading_fails_midway_the_pass_reports_it_abandons_nothing_and_the_next_continues()
    {
        await using RecoveryHost host = await RecoveryHost.StartAsync(options => (options.LoadBatchSize, options.MaxConcurrency) = (10, 2));
        for (int i = 0; i < 30; i++)
        {
            host.Store.Add();
        }

        int loads = 0;
        host.Store.BeforeLoad = _ => ++loads == 2 ? throw new IOException("the server closed the connection") : Task.CompletedTask;

        PassReport cut = await host.ActivateAsync();
        PassReport next = await host.ActivateAsync();

        cut.Should().Match<PassReport>(p => p.Result == PassResult.Failed && p.Recovered == 10 && p.NotAttempted == 20);
        cut.Error.Should().Contain("closed the connection");
        next.Should().Match<PassReport>(p => p.Result == PassResult.Completed && p.Skipped == 10 && p.Recovered == 20);
        host.Store.Abandoned.Should().BeEmpty();
        host.Executor.Calls.Should().HaveCount(30).And.OnlyHaveUniqueItems();
    }

    [Fact]
    public async Task Resumes_run_in_parallel_up_to_the_limit()
    {
        await using RecoveryHost host = await RecoveryHost.StartAsync(options => options.MaxConcurrency = 4);
        for (int i = 0; i < 40; i++)
        {
            host.Store.Add();
        }

        int entered = 0;
        var fourIn = new TaskCompletionSource();
        host.Executor.OnResume = async (_, _) =>
        {
            if (Interlocked.Increment(ref entered) == 4)
            {
                fourIn.SetResult();
            }

            await fourIn.Task;
            return ResumeOutcome.Resumed.Instance;
        };

        (await host.ActivateAsync()).Recovered.Should().Be(40);
        host.Executor.MostInFlight.Should().Be(4);
    }

    [Fact]
    public async Task A_saga_that_came_back_is_relinquished_before_it_is_resumed_again()
    {
        await using RecoveryHost host = await RecoveryHost.StartAsync();
        SagaId saga = host.Store.Add();
        await host.ActivateAsync();
        host.Store.Sagas[saga] = new AdoptGeneration(3);

        PassReport pass = await host.ActivateAsync();

        pass.Should().Match<PassReport>(p => p.Readopted == 1 && p.Recovered == 1 && p.Removed == 0);
        host.Executor.Calls.Should().Equal($"resume {saga}@1", $"relinquish {saga}@1", $"resume {saga}@3");
        (await host.ActivateAsync()).Skipped.Should().Be(1);
    }

    [Fact]
    public async Task A_saga_that_is_no_longer_listed_is_relinquished_and_a_run_that_was_reassigned_is_counted()
    {
        await using RecoveryHost host = await RecoveryHost.StartAsync();
        SagaId finished = host.Store.Add();
        SagaId taken = host.Store.Add();
        await host.ActivateAsync();
        host.Store.Sagas.Clear();
        host.Executor.OnRelinquish = id => Task.FromResult(id == taken ? RelinquishOutcome.Relinquished : RelinquishOutcome.NotRunning);

        PassReport pass = await host.ActivateAsync();

        pass.Should().Match<PassReport>(p => p.Removed == 2 && p.Reassigned == 1);
        host.Executor.Calls.Should().Contain($"relinquish {finished}@1");
        host.Status.Current.Should().Match<RecoveryReport>(r => r.Tracked == 0 && r.Totals.InferredFinished == 2 && r.Totals.BadStateInExecutor == 1);
    }

    [Fact]
    public async Task A_saga_that_the_database_has_lost_counts_as_lost_and_not_as_finished_or_taken_away()
    {
        await using RecoveryHost host = await RecoveryHost.StartAsync();
        SagaId lost = host.Store.Add();
        SagaId finished = host.Store.Add();
        await host.ActivateAsync();
        host.Executor.OnRelinquish = id => Task.FromResult(id == lost ? RelinquishOutcome.Relinquished : RelinquishOutcome.NotRunning);
        host.Store.Sagas.TryRemove(finished, out _);
        host.Store.FailOver(lost);

        await host.ActivateAsync(); // learns of the fail-over, and joins again
        await host.ActivateAsync();

        host.Status.Current.Totals.Should().Match<RecoveryTotals>(t => t.Lost == 1 && t.InferredFinished == 1 && t.BadStateInExecutor == 0);
        host.Executor.Calls.Should().Contain($"relinquish {lost}@1", "its run is stopped");
        host.LogLines.Count(45).Should().Be(1);
        host.LogLines.Count(14).Should().Be(0, "no other process has it");
        host.Status.Current.Tracked.Should().Be(0);
    }

    [Fact]
    public async Task An_executor_that_fails_to_relinquish_is_asked_again()
    {
        await using RecoveryHost host = await RecoveryHost.StartAsync();
        host.Store.Add();
        await host.ActivateAsync();
        host.Store.Sagas.Clear();
        host.Executor.OnRelinquish = _ => throw new InvalidOperationException("busy");

        (await host.ActivateAsync()).Removed.Should().Be(0);
        host.Executor.OnRelinquish = _ => Task.FromResult(RelinquishOutcome.NotRunning);
        (await host.ActivateAsync()).Removed.Should().Be(1);
    }

    [Fact]
    public async Task A_run_that_the_executor_interrupts_is_recovered_by_itself_once_it_is_due()
    {
        await using RecoveryHost host = await RecoveryHost.StartAsync(options => options.FirstBackoff = TimeSpan.FromSeconds(4));
        SagaId saga = host.Store.Add();
        await host.ActivateAsync();

        host.Starts.ReportInterrupted(saga, AdoptGeneration.Initial);
        await host.TimerSetAsync(TimeSpan.FromSeconds(1));
        host.Time.Advance(TimeSpan.FromSeconds(1));
        await host.PassesAsync(3);
        host.Status.Current.LastPass!.Should().Match<PassReport>(p => p.Start.Reason == PassReason.InterruptedRun && p.BackingOff == 1);
        await Eventually.HoldsAsync(() => host.Time.Pending is [var due] && due <= TimeSpan.FromSeconds(4), "its next try was set");
        host.Time.Advance(host.Time.Pending[0]);
        await host.PassesAsync(4);

        host.Status.Current.LastPass!.Should().Match<PassReport>(p => p.Start.Reason == PassReason.Due && p.Recovered == 1);
    }

    [Fact]
    public async Task A_run_that_the_executor_interrupts_is_recovered_at_once_on_request()
    {
        await using RecoveryHost host = await RecoveryHost.StartAsync();
        SagaId saga = host.Store.Add();
        await host.ActivateAsync();

        host.Starts.ReportInterrupted(saga, AdoptGeneration.Initial);
        PassReport pass = await host.ActivateAsync();

        pass.Should().Match<PassReport>(p => p.Interrupted == 1 && p.Recovered == 1);
        host.Status.Current.Totals.MissingFromExecutor.Should().Be(1);
    }
}
