using SagaRecovery.Executor.Tests.Support;
using SagaRecovery.Operations;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Executor.Tests.Postgres;

/// <summary>An operator at a real process: explanations of sagas, and operator actions.</summary>
public sealed class OperatorTests(PostgresCluster cluster) : IClassFixture<PostgresCluster>, IAsyncLifetime
{
    private static readonly OperatorNote Note = new("ann", "as the runbook says");

    private readonly Guid _coordinator = Guid.NewGuid();
    private readonly Gate _gate = new();
    private string _database = null!;

    public async ValueTask InitializeAsync() => _database = await cluster.NewDatabaseAsync();

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    [Fact]
    public async Task A_started_a_recovered_and_a_finished_saga_are_distinguished()
    {
        SagaId saga;
        await using (PostgresHost first = await StartAsync())
        {
            saga = await BeginAsync(first);
            SagaExplanation started = await first.Operator.ExplainAsync(saga);
            started.Verdict.Should().Be(SagaVerdict.RunningHere, "its start was announced since the last pass, and counts all the same");
            started.Should().Match<SagaExplanation>(one => one.Reason.Contains("started") && one.Since != null && one.LastEvent!.StartsWith("only started"));
        }

        await using PostgresHost second = await StartAsync();
        await second.ActivateAsync();
        (await second.Operator.ExplainAsync(saga)).Should().Match<SagaExplanation>(
            one => one.Verdict == SagaVerdict.RunningHere && one.Reason.Contains("Recovery") && one.Since != null);

        _gate.Open();
        await second.Client.Find(saga)!.Completion.Soon();
        (await second.Operator.ExplainAsync(saga)).Verdict.Should().Be(SagaVerdict.Finished);
    }

    [Fact]
    public async Task A_held_saga_is_not_recovered_until_it_is_released_even_across_restarts()
    {
        SagaId saga;
        await using (PostgresHost first = await StartAsync())
        {
            saga = await BeginAsync(first);
            (await first.Operator.HoldAsync(saga, Note)).Should().Be(OperatorActionResult.Done.Instance);
            (await first.Operator.ExplainAsync(saga)).Should().Match<SagaExplanation>(
                one => one.Verdict == SagaVerdict.RunningHere && one.Reason.Contains("ann: as the runbook says"));
        }

        await using PostgresHost second = await StartAsync();
        (await second.ActivateAsync()).Should().Match<PassReport>(pass => pass.Held == 1 && pass.Recovered == 0);
        (await second.Operator.ExplainAsync(saga)).Should().Match<SagaExplanation>(
            one => one.Verdict == SagaVerdict.Held && one.Reason.Contains("ann: as the runbook says") && one.Since != null);
        second.Status.Current.Held.Should().ContainSingle().Which.Note.Should().Be(Note);
        second.Status.RenderText().Should().Contain("sagas held (1)").And.Contain("ann: as the runbook says");

        (await second.Operator.ReleaseAsync(saga, new OperatorNote("bob", "fixed"))).Should().Be(OperatorActionResult.Done.Instance);
        await _gate.ArrivalAsync();
        second.Status.Current.RecentActions.Select(action => (action.Kind, action.Note.Actor)).Should().Equal((OperatorActionKind.Hold, "ann"), (OperatorActionKind.Release, "bob"));
    }

    [Fact]
    public async Task A_saga_held_as_a_killer_is_tried_once_it_is_released_although_it_is_a_suspect()
    {
        await using PostgresHost host = await StartAsync();
        SagaId saga = await BeginAsync(host);
        await host.StopAsync();
        await host.ExecuteAsync("insert into saga_recovery.saga_suspect (saga_id, group_size, deaths_alone, steps) values (@Id, 1, 2, 0)", new { Id = saga.Value });
        await using PostgresHost next = await StartAsync(options => options.HoldAfterCrashes = 2);

        (await next.ActivateAsync()).Should().Match<PassReport>(pass => pass.Held == 1 && pass.Recovered == 0);
        next.Status.Current.Held.Should().ContainSingle().Which.Note.Actor.Should().Be(OperatorNote.CrashGuardActor);
        (await next.Operator.ReleaseAsync(saga, Note)).Should().Be(OperatorActionResult.Done.Instance);

        await Eventually.HoldsAsync(() => next.Status.Current.Totals.Recovered == 1, "it was tried by the pass that the release has activated, or one after it");
        next.Status.Current.Held.Should().BeEmpty();
    }

    [Fact]
    public async Task While_recovery_is_paused_nothing_is_resumed_and_running_sagas_continue()
    {
        SagaId left;
        await using (PostgresHost first = await StartAsync())
        {
            left = await BeginAsync(first);
            await first.Operator.PauseAsync(Note);
        }

        await using PostgresHost second = await StartAsync();
        (await second.ActivateAsync()).Should().Match<PassReport>(pass => pass.Paused == 1 && pass.Recovered == 0);
        (await second.Operator.ExplainAsync(left)).Verdict.Should().Be(SagaVerdict.Paused);
        SagaId started = await BeginAsync(second);
        (await second.ActivateAsync()).Should().Match<PassReport>(pass => pass.Paused == 1 && pass.Skipped == 1);
        second.Status.Current.Paused!.Note.Should().Be(Note);

        await second.Operator.ResumeAsync(Note);
        await _gate.ArrivalAsync();
        (await second.Operator.ExplainAsync(left)).Saga!.Id.Should().NotBe(started);
        second.Status.Current.Paused.Should().BeNull();
    }

    [Fact]
    public async Task A_dry_run_returns_the_plan_and_executes_nothing()
    {
        SagaId saga;
        await using (PostgresHost first = await StartAsync())
        {
            saga = await BeginAsync(first);
            await first.Operator.PauseAsync(Note);
        }

        await using PostgresHost second = await StartAsync();
        await second.ActivateAsync();
        SagaId started = await BeginAsync(second);
        PassReport before = second.Status.Current.LastPass!;

        RecoveryPlanReport plan = await second.Operator.DryRunAsync();

        plan.Found.Should().Be(2);
        plan.Buckets.Where(bucket => bucket.Count > 0).Select(bucket => (bucket.Name, bucket.Sagas.Single())).Should().BeEquivalentTo(
            [("already running or queued", started), ("paused", saga)]);
        second.Status.Current.LastPass.Should().Be(before, "a dry run is no pass");
        second.Status.Current.Totals.ObservedStarts.Should().Be(1, "what it drained is counted");
        (await second.ActivateAsync()).Skipped.Should().Be(1);
        second.Status.Current.Totals.ObservedStarts.Should().Be(1);
    }

    [Fact]
    public async Task A_saga_whose_definition_is_missing_is_explained_by_what_is_missing()
    {
        SagaId saga;
        await using (PostgresHost first = await StartAsync())
        {
            saga = await BeginAsync(first);
        }

        await using PostgresHost second = await PostgresHost.StartAsync(_database, _coordinator);
        await second.ActivateAsync();

        (await second.Operator.ExplainAsync(saga)).Should().Match<SagaExplanation>(
            one => one.Verdict == SagaVerdict.UnknownDefinition && one.Error!.Contains("'gated' version 1") && one.Advice.Contains("Deploy"));
    }

    [Fact]
    public async Task A_saga_of_another_coordinator_and_an_unknown_one_are_distinguished()
    {
        await using PostgresHost owner = await StartAsync();
        SagaId saga = await BeginAsync(owner);
        await using PostgresHost other = await PostgresHost.StartAsync(_database, Guid.NewGuid(), TestSaga.Gated(_gate));
        await other.ActivateAsync();

        (await other.Operator.ExplainAsync(saga)).Should().Match<SagaExplanation>(
            one => one.Verdict == SagaVerdict.NotOwned && one.Reason.Contains(_coordinator.ToString()) && one.Reason.Contains("answers"));
        (await other.Operator.AbandonAsync(saga, OperatorActionCondition.None, Note)).Should().BeOfType<OperatorActionResult.OwnerAnswers>();
        (await other.Operator.ExplainAsync(SagaId.NewAt(DateTimeOffset.UtcNow))).Verdict.Should().Be(SagaVerdict.Unknown);
    }

    [Fact]
    public async Task An_owner_abandons_its_own_saga_and_stops_running_it()
    {
        await using PostgresHost host = await StartAsync();
        SagaId saga = await BeginAsync(host);
        SagaHandle run = host.Client.Find(saga)!;

        (await host.Operator.AbandonAsync(saga, OperatorActionCondition.None, Note)).Should().Be(OperatorActionResult.Done.Instance);

        (await run.Completion.Soon()).Should().BeOfType<SagaResult.Interrupted>();
        (await host.DescribeAsync(saga)).Should().Be("abandoned: operator: ann: as the runbook says");
        (await host.Operator.ExplainAsync(saga)).Should().Match<SagaExplanation>(one => one.Verdict == SagaVerdict.Abandoned && one.Since != null);
        (await host.ActivateAsync()).Should().Match<PassReport>(pass => pass.Found == 0 && pass.Reassigned == 0);
        host.Status.Current.Tracked.Should().Be(0, "this pass, or that of the action, has removed it");
    }

    [Fact]
    public async Task An_injected_error_makes_a_running_saga_unwind()
    {
        await using PostgresHost host = await StartAsync();
        SagaId saga = await BeginAsync(host);

        (await host.Operator.InjectErrorAsync(saga, "only", OperatorActionCondition.None, Note)).Should().Be(OperatorActionResult.Done.Instance);
        await Eventually.HoldsAsync(async () => await host.DescribeAsync(saga) == "unwound", "the saga was unwound");
        (await host.Operator.Store.FindAsync(saga, CancellationToken.None))!.Summary.Should().Match<SagaSummary>(row => row.FailedNode == "only" && row.ErrorCode == "injected");

        await Eventually.HoldsAsync(() => host.Status.Current.Totals.Readopted == 1, "the pass was over, in which the run at the old generation was relinquished");
        (await host.Operator.ExplainAsync(saga)).Verdict.Should().Be(SagaVerdict.Finished);
    }

    [Fact]
    public async Task An_injected_error_ends_the_run_of_a_held_saga_which_unwinds_once_it_is_released()
    {
        await using PostgresHost host = await StartAsync();
        SagaId saga = await BeginAsync(host);
        SagaHandle run = host.Client.Find(saga)!;
        (await host.Operator.HoldAsync(saga, Note)).Should().Be(OperatorActionResult.Done.Instance);

        (await host.Operator.InjectErrorAsync(saga, "only", OperatorActionCondition.None, Note)).Should().Be(OperatorActionResult.Done.Instance);

        (await run.Completion.Soon()).Should().BeOfType<SagaResult.Interrupted>().Which.Reason.Should().Be("recovery relinquished the saga");
        await Eventually.HoldsAsync(
            async () => (await host.Operator.ExplainAsync(saga)).Verdict == SagaVerdict.Held, "the pass was over, and no process runs the saga");
        (await host.Operator.ReleaseAsync(saga, Note)).Should().Be(OperatorActionResult.Done.Instance);
        await Eventually.HoldsAsync(async () => await host.DescribeAsync(saga) == "unwound", "the saga was unwound");
        (await host.Operator.ExplainAsync(saga)).Reason.Should().Be(
            "The action of 'only' failed with injected: ann: as the runbook says, and everything else was undone. An operator failed the action of 'only', and no undo of it has run.");
    }

    [Fact]
    public async Task After_an_injected_error_the_undo_runs_if_it_bears_that_the_action_may_have_taken_effect()
    {
        var undone = new Gate();
        var policy = new NodePolicy { UndoAfterFailure = true };
        var saga = new TestSaga("charge", builder => builder.Node(
            "charge", policy, context => _gate.PassAsync(context.CancellationToken), undo: _ => undone.PassAsync(CancellationToken.None)));
        SagaId id;
        await using (PostgresHost host = await PostgresHost.StartAsync(_database, _coordinator, saga))
        {
            id = (await host.Client.StartAsync(saga, "")).SagaId;
            await _gate.ArrivalAsync();
            (await host.Operator.InjectErrorAsync(id, "charge", OperatorActionCondition.None, Note)).Should().Be(OperatorActionResult.Done.Instance);
            await undone.ArrivalAsync();
        }

        await using PostgresHost next = await PostgresHost.StartAsync(_database, _coordinator, saga); // the log shows the error and the begun undo
        await undone.ArrivalAsync();
        undone.Open();
        await Eventually.HoldsAsync(async () => await next.DescribeAsync(id) == "unwound", "the saga was unwound");
    }

    private Task<PostgresHost> StartAsync(Action<SagaRecoveryOptions>? configure = null) =>
        PostgresHost.StartAsync(_database, _coordinator, configure, TestSaga.Gated(_gate));

    /// <summary>Starts a saga, and waits until it is at its gate.</summary>
    private async Task<SagaId> BeginAsync(PostgresHost host)
    {
        SagaHandle saga = await host.Client.StartAsync(host.Saga("gated"), "");
        await _gate.ArrivalAsync();
        return saga.SagaId;
    }
}
