using SagaRecovery.Bookkeeping;
using SagaRecovery.Fencing;
using SagaRecovery.Status;
using SagaRecovery.Storage;
using SagaRecovery.Tests.Support;

namespace SagaRecovery.Tests.Postgres;

/// <summary>Requests to cancel a saga or to stop its run, in Postgres. The contract suite has the rules about its success.</summary>
public sealed class CancellationTests(PostgresCluster cluster) : PostgresTest(cluster)
{
    private static readonly OperatorNote s_note = new("ann", "changed her mind");

    [Fact]
    public async Task A_request_is_recorded_shown_and_told_to_the_owner_until_the_saga_unwinds()
    {
        Membership us = await Db.JoinAsync();
        SagaId saga = await Db.CreateSagaAsync(us);
        await Db.CreateSagaAsync(us);

        (await CancelAsync(saga)).Should().Be(OperatorActionResult.Done.Instance);

        RecoveryControls controls = await Db.Controls.ReadControlsAsync(us, CancellationToken.None);
        controls.Cancelled.Should().ContainSingle().Which.Should().Match<(SagaId SagaId, SagaCancellation Cancellation)>(
            one => one.SagaId == saga && one.Cancellation.Note == s_note);
        controls.RecentActions.Should().ContainSingle().Which.Kind.Should().Be(OperatorActionKind.Cancel);
        (await Db.Operations.FindAsync(saga, CancellationToken.None))!.Cancellation!.Note.Should().Be(s_note);
        (await Db.AppendAsync(us, saga, SagaState.Unwinding)).Should().BeTrue();
        (await Db.Controls.ReadControlsAsync(us, CancellationToken.None)).Cancelled.Should().BeEmpty();
    }

    [Theory]
    [InlineData(SagaState.Succeeded, "it has ended")]
    [InlineData(SagaState.Stuck, "it has ended")]
    [InlineData(SagaState.Unwinding, "it is unwinding already")]
    public async Task A_saga_that_does_not_run_any_more_is_not_cancelled(SagaState state, string reason)
    {
        Membership us = await Db.JoinAsync();
        SagaId saga = await Db.CreateSagaAsync(us);
        await Db.AppendAsync(us, saga, state);

        (await CancelAsync(saga)).Should().BeOfType<OperatorActionResult.Superseded>().Which.Reason.Should().Be(reason);

        (await Db.Operations.FindAsync(saga, CancellationToken.None))!.Cancellation.Should().BeNull();
    }

    /// <summary>The deadline is given with the offset of its author's clock.</summary>
    [Fact]
    public async Task A_cancellation_of_an_append_outlives_the_end_of_its_saga_and_a_restore()
    {
        Membership us = await Db.JoinAsync();
        SagaId saga = await Db.CreateSagaAsync(us);
        SagaId lost = await Db.CreateSagaAsync(us);
        SagaCancellation cancellation = SagaCancellation.AtDeadline(new DateTimeOffset(2026, 11, 24, 14, 0, 0, TimeSpan.FromHours(2)));
        SagaLogEntry Entry(SagaId id, SagaState state, SagaCancellation? by) => new(id, AdoptGeneration.Initial, [], state) { Cancellation = by };

        (await Db.Log.AppendAsync(
            us, [Entry(saga, SagaState.Unwinding, cancellation), Entry(saga, SagaState.Unwound, null)], CancellationToken.None)).Should().Equal(true, true);
        (await Db.Log.RestoreAsync(us, Entry(lost, SagaState.Unwinding, cancellation), CancellationToken.None)).Should().Be(RestoreOutcome.Restored);

        SagaDetails ended = (await Db.Operations.FindAsync(saga, CancellationToken.None))!;
        (ended.Summary.State, ended.Cancellation).Should().Be((SagaState.Unwound, cancellation));
        (await Db.Operations.FindAsync(lost, CancellationToken.None))!.Cancellation.Should().Be(cancellation);
    }

    [Fact]
    public async Task A_second_request_names_the_first_and_an_unknown_saga_is_not_found()
    {
        SagaId saga = await Db.CreateSagaAsync(await Db.JoinAsync());
        await CancelAsync(saga);

        (await Db.Operations.CancelAsync(saga, new OperatorNote("bob", "me too"), CancellationToken.None))
            .Should().BeOfType<OperatorActionResult.Superseded>().Which.Reason.Should().Be("it was cancelled before (ann: changed her mind)");
        (await CancelAsync(SagaId.NewAt(DateTimeOffset.UtcNow))).Should().Be(OperatorActionResult.NoSuchSaga.Instance);
    }

    [Fact]
    public async Task An_unowned_saga_can_be_cancelled()
    {
        SagaId saga = await Db.CreateSagaAsync(await Db.JoinAsync());
        await Db.ExecuteAsync("update saga_recovery.saga set current_coordinator = null");

        (await CancelAsync(saga)).Should().Be(OperatorActionResult.Done.Instance);
    }

    [Fact]
    public async Task A_hold_tells_whether_it_stops_a_run()
    {
        Membership us = await Db.JoinAsync();
        SagaId saga = await Db.CreateSagaAsync(us);

        await Db.Operations.HoldAsync(saga, s_note, CancellationToken.None);
        (await HeldAsync()).StopsRun.Should().BeFalse();
        await Db.Operations.SuspendAsync(saga, s_note, CancellationToken.None);
        (await HeldAsync()).StopsRun.Should().BeTrue();
        (await Db.Operations.FindAsync(saga, CancellationToken.None))!.Hold!.StopsRun.Should().BeTrue();
        await Db.Operations.HoldAsync(saga, s_note, CancellationToken.None);
        (await HeldAsync()).StopsRun.Should().BeFalse();

        async Task<HeldSaga> HeldAsync() => (await Db.Controls.ReadControlsAsync(us, CancellationToken.None)).Held.Single();
    }

    [Fact]
    public async Task A_restore_writes_a_cancellation_that_was_lost_and_leaves_one_that_is_there()
    {
        Membership us = await Db.JoinAsync();
        SagaId lost = await Db.CreateSagaAsync(us);
        SagaId kept = await Db.CreateSagaAsync(us);
        await CancelAsync(kept);
        var known = new SagaCancellation(DateTimeOffset.UnixEpoch, new OperatorNote("bob", "as the run knows"));

        foreach (SagaId saga in (SagaId[])[lost, kept])
        {
            var everything = new SagaLogEntry(saga, AdoptGeneration.Initial, [], SagaState.Unwinding) { Cancellation = known };
            (await Db.Log.RestoreAsync(us, everything, CancellationToken.None)).Should().Be(RestoreOutcome.Restored);
        }

        (await Db.Operations.FindAsync(lost, CancellationToken.None))!.Cancellation.Should().Be(known);
        (await Db.Operations.FindAsync(kept, CancellationToken.None))!.Cancellation!.Note.Should().Be(s_note);
    }

    [Fact]
    public async Task A_restore_of_a_success_gives_way_to_a_cancellation()
    {
        Membership us = await Db.JoinAsync();
        SagaId saga = await Db.CreateSagaAsync(us);
        await CancelAsync(saga);

        var success = new SagaLogEntry(saga, AdoptGeneration.Initial, [SagaDatabase.Event(0, NodeEventType.Started), SagaDatabase.Event(0, NodeEventType.Succeeded)], SagaState.Succeeded);

        (await Db.Log.RestoreAsync(us, success, CancellationToken.None)).Should().Be(RestoreOutcome.Superseded);
    }

    private Task<OperatorActionResult> CancelAsync(SagaId saga) => Db.Operations.CancelAsync(saga, s_note, CancellationToken.None);
}
