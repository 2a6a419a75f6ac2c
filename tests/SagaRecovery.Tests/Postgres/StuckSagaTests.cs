using System.Text;
using Npgsql;
using SagaRecovery.Fencing;
using SagaRecovery.Status;
using SagaRecovery.Storage;
using SagaRecovery.Tests.Support;

namespace SagaRecovery.Tests.Postgres;

/// <summary>The operator actions that lead out of a stuck saga, in Postgres.</summary>
public sealed class StuckSagaTests(PostgresCluster cluster) : PostgresTest(cluster)
{
    private const int First = 0, Second = 1, Third = 2;

    private static readonly OperatorNote Note = new("ann", "the account is open again");

    private static readonly OperatorActionCondition Force = new() { EvenIfOwnerAnswers = true };

    private static readonly OperatorActionResult Done = OperatorActionResult.Done.Instance;

    [Fact]
    public async Task Retrying_takes_the_failures_out_of_the_log_fences_the_former_generation_and_records_what_had_failed()
    {
        Membership us = await Db.JoinAsync();
        SagaId saga = await StuckAsync(us, Second, Third);

        (await RetryAsync(saga)).Should().Be(Done, "an owner that answers has no run of it either");

        SagaDetails details = (await FindAsync(saga))!;
        details.Summary.Should().Match<SagaSummary>(row => row.State == SagaState.Unwinding && row.Generation == new AdoptGeneration(2) && row.Owner == us.Coordinator);
        details.Events.Where(one => one.NodeId == Second).Select(one => one.Type).Should().Equal(NodeEventType.Started, NodeEventType.Succeeded, NodeEventType.UndoStarted);
        details.Events.Should().NotContain(one => one.Type == NodeEventType.UndoFailed);
        (await Db.AppendAsync(us, saga, events: SagaDatabase.Event(Second, NodeEventType.UndoFinished))).Should().BeFalse("its generation is fenced");
        (await ActionsAsync(us)).Should().ContainSingle().Which.Should().Match<OperatorAction>(action => action.Kind == OperatorActionKind.RetryUndo && action.SagaId == saga)
            .And.Subject.As<OperatorAction>().Note.Should().Be(Note with
            {
                Reason = "the account is open again (the undo of 'third' had failed: closed: account 2 is closed; the undo of 'second' had failed: closed: account 1 is closed)",
            });
    }

    [Fact]
    public async Task Skipping_ends_one_undo_with_the_note_of_the_operator_and_leaves_the_others_failed()
    {
        Membership us = await Db.JoinAsync();
        SagaId saga = await StuckAsync(us, Second, Third);

        (await SkipAsync(saga, "second")).Should().Be(Done);

        SagaDetails details = (await FindAsync(saga))!;
        details.Summary.Should().Match<SagaSummary>(row => row.State == SagaState.Unwinding && row.Generation == new AdoptGeneration(2));
        details.Events.Where(one => one.NodeId == Second).Select(one => one.Type)
            .Should().Equal(NodeEventType.Started, NodeEventType.Succeeded, NodeEventType.UndoStarted, NodeEventType.UndoFinished);
        details.Events[^1].Data.Should().Be("""{"skipped" : {"actor" : "ann", "reason" : "the account is open again"}}""");
        details.Events.Should().ContainSingle(one => one.Type == NodeEventType.UndoFailed).Which.Node.Should().Be("third");
        (await Db.AppendAsync(us, saga, SagaState.Unwound)).Should().BeFalse("its generation is fenced");
        (await ActionsAsync(us)).Should().ContainSingle().Which.Should().Match<OperatorAction>(action => action.Kind == OperatorActionKind.SkipUndo
            && action.Note.Reason == "the account is open again (the undo of 'second' had failed: closed: account 1 is closed)");
    }

    [Theory]
    [InlineData(SagaState.Running, "it is running, not stuck", "it is running, neither unwinding nor stuck")]
    [InlineData(SagaState.Unwinding, "it is unwinding, not stuck", "the undo of node 'only' has not failed and is not in flight")]
    [InlineData(SagaState.Unwound, "it is unwound, not stuck", "it is unwound, neither unwinding nor stuck")]
    public async Task A_saga_that_is_not_stuck_stays_as_it_is(SagaState state, string reason, string reasonNotToSkip)
    {
        Membership us = await Db.JoinAsync();
        SagaId saga = await Db.CreateSagaAsync(us);
        await Db.AppendAsync(us, saga, state);

        ReasonOf(await RetryAsync(saga)).Should().Be(reason);
        ReasonOf(await SkipAsync(saga, "only", Force)).Should().Be(reasonNotToSkip);

        (await FindAsync(saga))!.Summary.Generation.Should().Be(AdoptGeneration.Initial);
        (await ActionsAsync(us)).Should().BeEmpty();
    }

    [Fact]
    public async Task What_does_not_apply_is_refused_and_changes_nothing()
    {
        Membership us = await Db.JoinAsync();
        SagaId saga = await StuckAsync(us, Second);
        var unknown = SagaId.NewAt(DateTimeOffset.UtcNow);

        (await RetryAsync(unknown)).Should().Be(OperatorActionResult.NoSuchSaga.Instance);
        (await SkipAsync(unknown, "second")).Should().Be(OperatorActionResult.NoSuchSaga.Instance);
        ReasonOf(await SkipAsync(saga, "secnd")).Should().Be("it has no node 'secnd'");
        ReasonOf(await SkipAsync(saga, "first")).Should().Be("the undo of node 'first' has not failed and is not in flight");
        ReasonOf(await RetryAsync(saga, new OperatorActionCondition { Generation = new AdoptGeneration(2) })).Should().Be("it was at generation 2 when you saw it");
        ReasonOf(await RetryAsync(saga, new OperatorActionCondition { State = SagaState.Unwinding })).Should().Be("it was unwinding when you saw it");

        (await Db.StateOfAsync(saga)).Should().Be("stuck");
        (await FindAsync(saga))!.Events.Should().ContainSingle(one => one.Type == NodeEventType.UndoFailed);
        (await ActionsAsync(us)).Should().BeEmpty();
    }

    [Fact]
    public async Task An_undo_in_flight_is_skipped_unless_its_owner_answers_and_fences_the_run()
    {
        await using ListeningCoordinator owner = await Db.RunHeartbeatAsync();
        SagaId saga = await UnwindingAsync(owner.Member, SagaState.Unwinding, [SagaDatabase.Event(Second, NodeEventType.UndoStarted)]);

        (await SkipAsync(saga, "second")).Should().BeOfType<OperatorActionResult.OwnerAnswers>();
        ReasonOf(await SkipAsync(saga, "first", Force)).Should().Be("the undo of node 'first' has not failed and is not in flight");
        (await SkipAsync(saga, "second", Force)).Should().Be(Done);
        ReasonOf(await SkipAsync(saga, "second", Force)).Should().Be("the undo of node 'second' has not failed and is not in flight");

        SagaDetails details = (await FindAsync(saga))!;
        details.Summary.Should().Match<SagaSummary>(row => row.State == SagaState.Unwinding && row.Generation == new AdoptGeneration(2));
        details.Events[^1].Should().Match<LoggedEvent>(one => one.NodeId == Second && one.Type == NodeEventType.UndoFinished && one.Data!.Contains("skipped"));
        (await Db.AppendAsync(owner.Member, saga, SagaState.Unwound)).Should().BeFalse("its generation is fenced");
    }

    [Fact]
    public async Task An_undo_that_failed_beside_one_in_flight_is_skipped_and_its_error_recorded()
    {
        Membership us = await Db.JoinAsync();
        SagaId saga = await UnwindingAsync(us, SagaState.Unwinding, [.. Failed(Second), SagaDatabase.Event(Third, NodeEventType.UndoStarted)]);

        (await SkipAsync(saga, "second", Force)).Should().Be(Done);

        SagaDetails details = (await FindAsync(saga))!;
        details.Events.Should().NotContain(one => one.Type == NodeEventType.UndoFailed);
        details.Events.Where(one => one.Type == NodeEventType.UndoFinished).Should().ContainSingle().Which.NodeId.Should().Be(Second);
        (await ActionsAsync(us)).Should().ContainSingle().Which.Note.Reason.Should().EndWith("(the undo of 'second' had failed: closed: account 1 is closed)");
    }

    [Fact]
    public async Task A_saga_that_gets_stuck_while_an_undo_is_skipped_stays_as_it_is()
    {
        Membership us = await Db.JoinAsync();
        SagaId saga = await UnwindingAsync(us, SagaState.Unwinding, [SagaDatabase.Event(Second, NodeEventType.UndoStarted)]);
        await using NpgsqlConnection writer = await Db.DataSource.OpenConnectionAsync();
        await using NpgsqlTransaction writing = await writer.BeginTransactionAsync();
        await ExecuteAsync(writer, Db.LockOn(us.Coordinator, shared: true));
        Task<OperatorActionResult> skipping = SkipAsync(saga, "second", Force);
        await Db.WaitForBlockedSessionAsync();

        await ExecuteAsync(writer, "update saga_recovery.saga set state = 'stuck'");
        await ExecuteAsync(writer, $"insert into saga_recovery.saga_node_event (saga_id, node_id, event_type, creator) values ('{saga}', {Second}, 'undo_failed', '{us.Coordinator}')");
        await writing.CommitAsync();

        ReasonOf(await skipping).Should().Be("it changed while the action ran");
        (await Db.StateOfAsync(saga)).Should().Be("stuck");
    }

    [Fact]
    public async Task A_stuck_saga_without_an_owner_becomes_one_in_progress_that_is_reassigned()
    {
        Membership us = await Db.JoinAsync();
        await using ListeningCoordinator taker = await Db.RunHeartbeatAsync();
        SagaId saga = await StuckAsync(us, Second);
        await Db.ExecuteAsync("update saga_recovery.saga set current_coordinator = null");

        (await RetryAsync(saga)).Should().Be(Done);

        (await FindAsync(saga))!.Summary.Should().Match<SagaSummary>(row => row.State == SagaState.Unwinding && row.Owner == null);
        (await Db.Cluster.ReassignAsync(new Reassignment(null, [taker.Id]), Note, CancellationToken.None)).Should().BeOfType<ReassignOutcome.Done>().Which.Moved.Should().Be(1);
    }

    [Fact]
    public async Task The_recorded_reason_fits_a_note_however_long_the_errors_are()
    {
        Membership us = await Db.JoinAsync();
        SagaId saga = await StuckAsync(us, Second, Third);
        await Db.ExecuteAsync(
            "update saga_recovery.saga_node_event set data = json_build_object('code', 'x', 'message', repeat('😀', 9000)) where event_type = 'undo_failed'");
        var longest = new OperatorNote("ann", new string('x', OperatorNote.MaxLength - 100));

        (await Db.Operations.RetryUndoAsync(saga, OperatorActionCondition.None, longest, CancellationToken.None)).Should().Be(Done);

        (await ActionsAsync(us)).Should().ContainSingle().Which.Note.Reason.Should().StartWith($"{longest.Reason} (the undo of 'third' had failed: x: 😀")
            .And.EndWith("…)").And.Match(reason => reason.Length <= OperatorNote.MaxLength);
    }

    [Fact]
    public async Task It_waits_for_a_write_of_the_owner_under_way_and_sees_what_it_wrote()
    {
        Membership us = await Db.JoinAsync();
        SagaId saga = await StuckAsync(us, Second);
        await using NpgsqlConnection writer = await Db.DataSource.OpenConnectionAsync();
        await using NpgsqlTransaction writing = await writer.BeginTransactionAsync();
        await ExecuteAsync(writer, Db.LockOn(us.Coordinator, shared: true));
        Task<OperatorActionResult> retrying = RetryAsync(saga);
        await Db.WaitForBlockedSessionAsync();

        await ExecuteAsync(writer, "update saga_recovery.saga set adopt_generation = 2");
        await writing.CommitAsync();

        ReasonOf(await retrying).Should().Be("it changed while the action ran");
        (await Db.StateOfAsync(saga)).Should().Be("stuck");
    }

    /// <summary>Creates a saga that is stuck, because the undos of these nodes failed.</summary>
    private Task<SagaId> StuckAsync(Membership us, params int[] failedUndos) => UnwindingAsync(us, SagaState.Stuck, failedUndos.SelectMany(Failed));

    private static SavedNodeEvent[] Failed(int node) =>
    [
        SagaDatabase.Event(node, NodeEventType.UndoStarted),
        SagaDatabase.Event(node, NodeEventType.UndoFailed, $$"""{"exception":"…","code":"closed","message":"account {{node}} is closed"}"""),
    ];

    private async Task<SagaId> UnwindingAsync(Membership us, SagaState state, IEnumerable<SavedNodeEvent> undos)
    {
        byte[] dag = Encoding.UTF8.GetBytes("""
            {"name":"transfer","version":1,"nodes":[{"id":0,"name":"first","undo":true,"after":[]},
            {"id":1,"name":"second","undo":true,"after":[0]},{"id":2,"name":"third","undo":true,"after":[0]}]}
            """);
        SagaId saga = await Db.CreateSagaAsync(us, new SavedDefinition(DefinitionHash.Of(dag), "transfer", 1, dag));
        int[] nodes = [First, Second, Third];
        SavedNodeEvent[] events =
        [
            .. nodes.SelectMany(node => new[] { SagaDatabase.Event(node, NodeEventType.Started), SagaDatabase.Event(node, NodeEventType.Succeeded) }),
            .. undos,
        ];
        (await Db.AppendAsync(us, saga, state, events)).Should().BeTrue();
        return saga;
    }

    private static string ReasonOf(OperatorActionResult result) => result.Should().BeOfType<OperatorActionResult.Superseded>().Which.Reason;

    private Task<SagaDetails?> FindAsync(SagaId saga) => Db.Operations.FindAsync(saga, CancellationToken.None);

    private Task<OperatorActionResult> RetryAsync(SagaId saga, OperatorActionCondition? condition = null) =>
        Db.Operations.RetryUndoAsync(saga, condition ?? OperatorActionCondition.None, Note, CancellationToken.None);

    private Task<OperatorActionResult> SkipAsync(SagaId saga, string node, OperatorActionCondition? condition = null) =>
        Db.Operations.SkipUndoAsync(saga, node, condition ?? OperatorActionCondition.None, Note, CancellationToken.None);

    private async Task<IReadOnlyList<OperatorAction>> ActionsAsync(Membership member) =>
        (await Db.Controls.ReadControlsAsync(member, CancellationToken.None)).RecentActions;

    private static async Task ExecuteAsync(NpgsqlConnection connection, string sql)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
    }
}
