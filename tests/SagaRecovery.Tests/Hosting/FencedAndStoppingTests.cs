using SagaRecovery.Execution;
using SagaRecovery.Fencing;
using SagaRecovery.Operations;
using SagaRecovery.Status;
using SagaRecovery.Tests.Support;

namespace SagaRecovery.Tests.Hosting;

public sealed class FencedAndStoppingTests
{
    [Fact]
    public async Task A_fenced_process_resumes_nothing_reports_it_and_refuses_new_starts()
    {
        await using RecoveryHost host = await RecoveryHost.StartAsync();
        host.Store.Add();
        host.Store.JoinElsewhere();

        PassReport pass = await host.ActivateAsync();

        pass.Result.Should().Be(PassResult.Failed);
        host.Executor.Calls.Should().BeEmpty();
        host.Coordinator.Fenced.IsCancellationRequested.Should().BeTrue();
        host.Status.Current.Coordinator.Fenced!.By.Should().Be(new Incarnation(2));
        host.Status.RenderText().Should().Contain("FENCED by incarnation 2");
        host.LogLines.Count(2).Should().Be(1);
        FluentActions.Invoking(() => host.Starts.Announce(new SagaId(Guid.NewGuid()))).Should().Throw<CoordinatorFencedException>();
        await FluentActions.Awaiting(() => host.Coordinator.JoinedAsync(CancellationToken.None)).Should().ThrowAsync<CoordinatorFencedException>();
    }

    [Fact]
    public async Task A_fenced_process_never_joins_again()
    {
        await using RecoveryHost host = await RecoveryHost.StartAsync();
        host.Store.JoinElsewhere();

        await host.ActivateAsync();
        PassReport later = await host.ActivateAsync();

        later.Result.Should().Be(PassResult.Failed);
        host.Store.Joins.Should().Be(1);
        host.LogLines.Count(2).Should().Be(1);
    }

    [Fact]
    public async Task A_process_that_is_fenced_while_it_loads_resumes_nothing()
    {
        await using RecoveryHost host = await RecoveryHost.StartAsync();
        host.Store.Add();
        host.Store.BeforeLoad = _ =>
        {
            host.Store.JoinElsewhere();
            return Task.CompletedTask;
        };

        PassReport pass = await host.ActivateAsync();

        pass.Should().Match<PassReport>(p => p.Result == PassResult.Failed && p.NotAttempted == 1);
        host.Executor.Calls.Should().BeEmpty();
        host.Coordinator.Fenced.IsCancellationRequested.Should().BeTrue();
    }

    [Fact]
    public async Task Shutdown_finishes_the_resume_under_way_and_begins_no_other()
    {
        RecoveryHost host = await RecoveryHost.StartAsync(options => options.MaxConcurrency = 1);
        for (int i = 0; i < 5; i++)
        {
            host.Store.Add();
        }

        var inFlight = new TaskCompletionSource();
        var go = new TaskCompletionSource();
        host.Executor.OnResume = async (_, _) =>
        {
            inFlight.TrySetResult();
            await go.Task;
            return ResumeOutcome.Resumed.Instance;
        };
        Task<PassReport> pass = host.ActivateAsync();
        await inFlight.Task;

        Task stopping = host.StopAsync();
        await Eventually.HoldsAsync(() => IsRefused(host), "shutdown had begun");
        go.SetResult();
        await stopping;

        (await pass).Should().Match<PassReport>(p => p.Result == PassResult.CutShort && p.Recovered == 1 && p.NotAttempted == 4);
        host.Executor.Calls.Should().ContainSingle();
        await host.DisposeAsync();
    }

    [Fact]
    public async Task When_the_shutdown_timeout_has_passed_the_resume_under_way_is_cancelled()
    {
        RecoveryHost host = await RecoveryHost.StartAsync();
        host.Store.Add();
        var inFlight = new TaskCompletionSource();
        host.Executor.OnResume = async (_, _) =>
        {
            inFlight.TrySetResult();
            await new TaskCompletionSource().Task;
            return ResumeOutcome.Resumed.Instance;
        };
        Task<PassReport> pass = host.ActivateAsync();
        await inFlight.Task;

        await host.StopAsync(new CancellationToken(canceled: true)).ContinueWith(_ => { }, TaskScheduler.Default); // the host reports that it was cut short

        (await pass).Failed.Should().Be(1);
        await host.DisposeAsync();
    }

    [Fact]
    public async Task Counting_log_lines_gives_the_totals()
    {
        await using RecoveryHost host = await RecoveryHost.StartAsync();
        SagaId bad = host.Store.Add();
        List<SagaId> good = [.. Enumerable.Range(0, 7).Select(_ => host.Store.Add())];
        host.Executor.OnResume = (saga, _) => saga.Id == bad
            ? throw new IOException("no")
            : Task.FromResult<ResumeOutcome>(ResumeOutcome.Resumed.Instance);
        await host.ActivateAsync();
        using (SagaStart start = host.Starts.Announce(new SagaId(Guid.NewGuid())))
        {
            start.Confirm(AdoptGeneration.Initial);
        }

        host.Store.Sagas.TryRemove(good[0], out _);
        await host.ActivateAsync();
        await host.ActivateAsync();

        RecoveryTotals totals = host.Status.Current.Totals;
        totals.Should().Match<RecoveryTotals>(t => t.Recovered == 7 && t.Failed == 3 && t.ObservedStarts == 1 && t.InferredFinished == 2 && t.Passes == 4);
        host.LogLines.Count(3).Should().Be((int)totals.Passes);
        host.LogLines.Count(5).Should().Be((int)totals.ObservedStarts);
        host.LogLines.Count(8).Should().Be((int)totals.Recovered);
        host.LogLines.Count(9).Should().Be((int)totals.Failed);
        host.LogLines.Count(10).Should().Be((int)totals.InferredFinished);
        host.LogLines.Count(11).Should().Be((int)totals.Passes);
    }

    [Fact]
    public async Task The_report_goes_to_json_and_back()
    {
        await using RecoveryHost host = await RecoveryHost.StartAsync();
        host.Store.Add();
        await host.ActivateAsync();
        RecoveryReport report = host.Status.Current;

        string json = System.Text.Json.JsonSerializer.Serialize(report, RecoveryReportJson.Default.RecoveryReport);
        RecoveryReport? back = System.Text.Json.JsonSerializer.Deserialize(json, RecoveryReportJson.Default.RecoveryReport);

        back.Should().BeEquivalentTo(report);
        json.Should().Contain("\"schemaVersion\": 1").And.Contain("\"reason\": \"Explicit\"").And.Contain($"\"id\": \"{host.Coordinator.Id}\"");
    }

    private static bool IsRefused(RecoveryHost host)
    {
        try
        {
            host.Starts.Announce(new SagaId(Guid.NewGuid())).Dispose();
            return false;
        }
        catch (InvalidOperationException)
        {
            return true;
        }
    }
}
