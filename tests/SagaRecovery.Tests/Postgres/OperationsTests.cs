using Npgsql;
using SagaRecovery.Fencing;
using SagaRecovery.Status;
using SagaRecovery.Storage;
using SagaRecovery.Tests.Support;

namespace SagaRecovery.Tests.Postgres;

/// <summary>The queries and operator actions on sagas in Postgres, from any process.</summary>
public class OperationsTests(PostgresCluster cluster, Pooler? pooler = null, string isolation = PostgresTest.ReadCommitted) : PostgresTest(cluster, pooler, isolation)
{
    private static readonly OperatorNote Note = new("ann", "no longer needed");
    private static readonly OperatorActionCondition Force = new() { EvenIfOwnerAnswers = true };

    [Fact]
    public async Task All_of_a_saga_is_shown()
    {
        Membership us = await Db.JoinAsync();
        SagaId saga = await Db.CreateSagaAsync(us);
        await Db.AppendAsync(us, saga, events: [SagaDatabase.Event(0, NodeEventType.Started), SagaDatabase.Event(0, NodeEventType.Failed, "{\"code\":\"no\"}")]);
        await Db.Operations.HoldAsync(saga, Note, CancellationToken.None);

        SagaDetails details = (await FindAsync(saga))!;

        details.Summary.Should().Match<SagaSummary>(row => row.Id == saga && row.Name == "test-saga" && row.State == SagaState.Running
            && row.Owner == us.Coordinator && row.Generation == AdoptGeneration.Initial && row.IsHeld);
        details.Creator.Should().Be(us.Coordinator);
        details.Version.Should().Be(1);
        details.DefinitionHash.Should().Be(SagaDatabase.Definition.Hash);
        details.Graph!.Nodes.Should().ContainSingle().Which.Name.Should().Be("only");
        details.Parameters.Should().Be("{\"a\":1}");
        details.Events.Select(one => (one.Node, one.Type, one.Data)).Should().Equal(
            ("only", NodeEventType.Started, null), ("only", NodeEventType.Failed, "{\"code\":\"no\"}"));
        details.Hold!.Note.Should().Be(Note);
        details.Owner!.Should().Match<CoordinatorDetails>(owner => owner.Id == us.Coordinator && owner.Answers && owner.ProcessId == Environment.ProcessId);
        (await FindAsync(SagaId.NewAt(DateTimeOffset.UtcNow))).Should().BeNull();
    }

    [Fact]
    public async Task Megabytes_are_cut_where_they_are_read()
    {
        Membership us = await Db.JoinAsync();
        SagaId saga = await Db.CreateSagaAsync(us);
        string endless = $"\"{new string('x', 3_000_000)}\"";
        await Db.AppendAsync(us, saga, events: [SagaDatabase.Event(0, NodeEventType.Started), SagaDatabase.Event(0, NodeEventType.Succeeded, endless)]);
        await Db.ExecuteAsync("update saga_recovery.saga set params = @Json::json", new { Json = endless });

        SagaDetails details = (await FindAsync(saga))!;

        details.Parameters.Should().HaveLength(SagaDetails.LongestText);
        details.Events.Should().OnlyContain(one => one.Data == null || one.Data.Length == SagaDetails.LongestText);
    }

    [Fact]
    public async Task Sagas_are_listed_newest_first_narrowed_and_by_pages()
    {
        Membership us = await Db.JoinAsync();
        Membership others = await Db.JoinAsync();
        SagaId[] ours = [await Db.CreateSagaAsync(us), await Db.CreateSagaAsync(us, SagaDatabase.DefinitionNamed("other")), await Db.CreateSagaAsync(us)];
        SagaId theirs = await Db.CreateSagaAsync(others);
        await Db.AppendAsync(us, ours[0], SagaState.Succeeded);

        IReadOnlyList<SagaSummary> all = await Db.Operations.ListAsync(new SagaFilter(), CancellationToken.None);
        all.Select(saga => saga.Id).Should().Equal(theirs, ours[2], ours[1], ours[0]);
        (await ListAsync(new SagaFilter { Limit = 2, Before = SagaCursor.Of(all[0]) })).Should().Equal(ours[2], ours[1]);
        (await ListAsync(new SagaFilter { Owner = others.Coordinator })).Should().Equal(theirs);
        (await ListAsync(new SagaFilter { State = SagaState.Succeeded })).Should().Equal(ours[0]);
        (await ListAsync(new SagaFilter { Name = "other" })).Should().Equal(ours[1]);
        (await Db.Operations.CountAsync(CancellationToken.None)).Should().BeEquivalentTo(new[]
        {
            new SagaCount("test-saga", us.Coordinator, SagaState.Running, 1),
            new SagaCount("other", us.Coordinator, SagaState.Running, 1),
            new SagaCount("test-saga", others.Coordinator, SagaState.Running, 1),
        });
    }

    [Fact]
    public async Task Coordinators_show_whether_they_answer_left_or_fell_silent()
    {
        Membership answers = await Db.JoinAsync();
        Membership left = await Db.JoinAsync();
        Membership silent = await Db.JoinAsync();
        await Db.CreateSagaAsync(answers);
        await Db.Controls.ReportShutdownAsync(left, CancellationToken.None);
        await SilenceAsync(silent);
        await Db.Operations.PauseAsync(silent.Coordinator, Note, CancellationToken.None);

        var found = (await Db.Operations.ListCoordinatorsAsync(CancellationToken.None)).ToDictionary(one => one.Id);

        found[answers.Coordinator].Should().Match<CoordinatorDetails>(one => one.Answers && one.InProgress == 1 && one.Paused == null);
        found[left.Coordinator].Should().Match<CoordinatorDetails>(one => !one.Answers && one.HasShutDown);
        found[silent.Coordinator].Should().Match<CoordinatorDetails>(one => !one.Answers && !one.HasShutDown && one.Paused!.Note == Note);
    }

    [Fact]
    public async Task Holding_and_releasing_is_recorded_and_harmless_again()
    {
        Membership us = await Db.JoinAsync();
        SagaId saga = await Db.CreateSagaAsync(us);

        (await HoldAsync(saga, Note)).Should().Be(OperatorActionResult.Done.Instance);
        (await HoldAsync(saga, new OperatorNote("bob", "me too"))).Should().Be(OperatorActionResult.Done.Instance);
        (await FindAsync(saga))!.Hold!.Note.Should().Be(new OperatorNote("bob", "me too"));
        (await ReleaseAsync(saga)).Should().Be(OperatorActionResult.Done.Instance);
        (await ReleaseAsync(saga)).Should().BeOfType<OperatorActionResult.Superseded>().Which.Reason.Should().Contain("not held");

        (await ActionsAsync(us)).Should().Equal((OperatorActionKind.Hold, "ann"), (OperatorActionKind.Hold, "bob"), (OperatorActionKind.Release, "ann"));
    }

    [Fact]
    public async Task An_ended_saga_is_not_held_and_a_missing_one_is_not_found()
    {
        Membership us = await Db.JoinAsync();
        SagaId saga = await Db.CreateSagaAsync(us);
        await Db.AppendAsync(us, saga, SagaState.Succeeded);
        var unknown = SagaId.NewAt(DateTimeOffset.UtcNow);

        (await HoldAsync(saga, Note)).Should().BeOfType<OperatorActionResult.Superseded>().Which.Present.State.Should().Be(SagaState.Succeeded);
        (await HoldAsync(unknown, Note)).Should().Be(OperatorActionResult.NoSuchSaga.Instance);
        (await ReleaseAsync(unknown)).Should().Be(OperatorActionResult.NoSuchSaga.Instance);
        (await AbandonAsync(unknown, Force)).Should().Be(OperatorActionResult.NoSuchSaga.Instance);
        (await Db.Operations.RecordRetryAsync(unknown, Note, CancellationToken.None)).Should().Be(OperatorActionResult.NoSuchSaga.Instance);
        (await ActionsAsync(us)).Should().BeEmpty();
    }

    [Fact]
    public async Task Abandoning_is_refused_while_the_owner_answers_and_done_when_it_does_not()
    {
        Membership us = await Db.JoinAsync();
        SagaId saga = await Db.CreateSagaAsync(us);

        (await AbandonAsync(saga, OperatorActionCondition.None)).Should().BeOfType<OperatorActionResult.OwnerAnswers>().Which.Owner.Id.Should().Be(us.Coordinator);
        (await Db.StateOfAsync(saga)).Should().Be("running");
        await SilenceAsync(us);
        (await AbandonAsync(saga, OperatorActionCondition.None)).Should().Be(OperatorActionResult.Done.Instance);

        SagaDetails details = (await FindAsync(saga))!;
        details.Summary.State.Should().Be(SagaState.Abandoned);
        details.Abandonment.Should().Match<AbandonmentDetails>(why => why.Reason == "operator" && why.Comment == "ann: no longer needed");
        (await AbandonAsync(saga, OperatorActionCondition.None)).Should().BeOfType<OperatorActionResult.Superseded>().Which.Present.State.Should().Be(SagaState.Abandoned);
        (await Db.AppendAsync(us, saga, events: [SagaDatabase.Event(0, NodeEventType.Started)])).Should().BeFalse("its owner, should it wake up, is fenced");
        (await ActionsAsync(us)).Should().Equal((OperatorActionKind.Abandon, "ann"));
    }

    [Fact]
    public async Task A_saga_that_was_superseded_since_it_was_shown_is_left_alone()
    {
        Membership us = await Db.JoinAsync();
        SagaId saga = await Db.CreateSagaAsync(us);
        await Db.AppendAsync(us, saga, SagaState.Unwinding);
        await Db.ReassignAsync(saga, us.Coordinator);

        (await AbandonAsync(saga, Force with { State = SagaState.Running })).Should().BeOfType<OperatorActionResult.Superseded>().Which.Present.State.Should().Be(SagaState.Unwinding);
        (await AbandonAsync(saga, Force with { Generation = AdoptGeneration.Initial })).Should().BeOfType<OperatorActionResult.Superseded>();
        (await AbandonAsync(saga, Force with { State = SagaState.Unwinding, Generation = new AdoptGeneration(2) })).Should().Be(OperatorActionResult.Done.Instance);
    }

    [Theory]
    [InlineData("state = 'succeeded'")]
    [InlineData("adopt_generation = 2")]
    [InlineData("current_coordinator = gen_random_uuid()")]
    public async Task Abandoning_waits_for_the_owners_write_under_way_and_sees_what_it_wrote(string written)
    {
        Membership us = await Db.JoinAsync();
        SagaId saga = await Db.CreateSagaAsync(us);
        await using NpgsqlConnection writer = await Db.DataSource.OpenConnectionAsync();
        await using NpgsqlTransaction writing = await writer.BeginTransactionAsync();
        await ExecuteAsync(writer, Db.LockOn(us.Coordinator, shared: true));
        Task<OperatorActionResult> abandoning = AbandonAsync(saga, Force);
        await Db.WaitForBlockedSessionAsync();

        await ExecuteAsync(writer, $"update saga_recovery.saga set {written}");
        await writing.CommitAsync();

        (await abandoning).Should().BeOfType<OperatorActionResult.Superseded>();
        (await Db.StateOfAsync(saga)).Should().NotBe("abandoned");
    }

    [Fact]
    public async Task An_injected_error_fails_a_node_that_had_started_and_fences_the_run()
    {
        Membership us = await Db.JoinAsync();
        SagaId saga = await Db.CreateSagaAsync(us);
        (await InjectAsync(saga, "only", Force)).Should().BeOfType<OperatorActionResult.Superseded>("it has not started").Which.Reason.Should().Contain("'only'");
        await Db.AppendAsync(us, saga, events: [SagaDatabase.Event(0, NodeEventType.Started)]);
        (await InjectAsync(saga, "other", Force)).Should().BeOfType<OperatorActionResult.Superseded>("there is no such node");
        (await InjectAsync(saga, "only", OperatorActionCondition.None)).Should().BeOfType<OperatorActionResult.OwnerAnswers>();

        (await InjectAsync(saga, "only", Force)).Should().Be(OperatorActionResult.Done.Instance);

        SagaDetails details = (await FindAsync(saga))!;
        details.Summary.Generation.Should().Be(new AdoptGeneration(2));
        details.Events[^1].Should().Match<LoggedEvent>(one => one.Type == NodeEventType.Failed && one.Data!.Contains("\"injected\"") && one.Data.Contains("ann"));
        (await Db.AppendAsync(us, saga, events: [SagaDatabase.Event(0, NodeEventType.Succeeded)])).Should().BeFalse("the run is fenced");
        (await InjectAsync(saga, "only", Force)).Should().BeOfType<OperatorActionResult.Superseded>("it has failed already");
    }

    [Fact]
    public async Task Pausing_and_resuming_is_recorded_and_harmless_again()
    {
        Membership us = await Db.JoinAsync();

        await Db.Operations.PauseAsync(us.Coordinator, Note, CancellationToken.None);
        await Db.Operations.PauseAsync(us.Coordinator, Note, CancellationToken.None);
        await Db.Operations.ResumeAsync(us.Coordinator, Note, CancellationToken.None);
        await Db.Operations.ResumeAsync(us.Coordinator, Note, CancellationToken.None);

        (await ActionsAsync(us)).Should().Equal((OperatorActionKind.Pause, "ann"), (OperatorActionKind.Pause, "ann"), (OperatorActionKind.Resume, "ann"));
    }

    private Task<SagaDetails?> FindAsync(SagaId saga) => Db.Operations.FindAsync(saga, CancellationToken.None);

    private async Task<IEnumerable<SagaId>> ListAsync(SagaFilter filter) =>
        (await Db.Operations.ListAsync(filter, CancellationToken.None)).Select(saga => saga.Id);

    private Task<OperatorActionResult> HoldAsync(SagaId saga, OperatorNote note) => Db.Operations.HoldAsync(saga, note, CancellationToken.None);

    private Task<OperatorActionResult> ReleaseAsync(SagaId saga) => Db.Operations.ReleaseAsync(saga, Note, CancellationToken.None);

    private Task<OperatorActionResult> AbandonAsync(SagaId saga, OperatorActionCondition condition) =>
        Db.Operations.AbandonAsync(saga, condition, Note, CancellationToken.None);

    private Task<OperatorActionResult> InjectAsync(SagaId saga, string node, OperatorActionCondition condition) =>
        Db.Operations.InjectErrorAsync(saga, node, condition, Note, CancellationToken.None);

    private async Task<IEnumerable<(OperatorActionKind, string)>> ActionsAsync(Membership member) =>
        (await Db.Controls.ReadControlsAsync(member, CancellationToken.None)).RecentActions.Select(action => (action.Kind, action.Note.Actor));

    private Task SilenceAsync(Membership member) => Db.ExecuteAsync(
        "update saga_recovery.saga_coordinator set time_seen = time_seen - interval '1 minute' where id = @Id", new { Id = member.Coordinator.Value });

    private static async Task ExecuteAsync(NpgsqlConnection connection, string sql)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
    }
}
