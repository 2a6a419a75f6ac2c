using SagaRecovery.Fencing;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Tests.Postgres;

/// <summary>The cause of an unwinding in the row of its saga.</summary>
public sealed class SagaFailureTests(PostgresCluster cluster) : PostgresTest(cluster)
{
    [Fact]
    public async Task The_cause_is_stored_with_the_state_and_replaced_by_that_of_the_undo()
    {
        Membership us = await Db.JoinAsync();
        SagaId saga = await Db.CreateSagaAsync(us);

        await WriteAsync(us, saga, SagaState.Unwinding, new SagaFailure("charge", "declined"));
        (await SummaryAsync(saga)).Should().Match<SagaSummary>(row => row.FailedNode == "charge" && row.ErrorCode == "declined");
        await WriteAsync(us, saga, SagaState.Stuck, new SagaFailure("refund", "closed"));

        (await SummaryAsync(saga)).Should().Match<SagaSummary>(row => row.FailedNode == "refund" && row.ErrorCode == "closed" && row.State == SagaState.Stuck);
        (await FindAsync(new SagaFilter { FailedNode = "refund", ErrorCode = "closed" })).Should().Equal(saga);
        (await FindAsync(new SagaFilter { FailedNode = "charge" })).Should().BeEmpty();
    }

    [Fact]
    public async Task A_writer_that_knows_no_cause_leaves_the_stored_one()
    {
        Membership us = await Db.JoinAsync();
        SagaId saga = await Db.CreateSagaAsync(us);
        SagaId neighbour = await Db.CreateSagaAsync(us);
        await WriteAsync(us, saga, SagaState.Unwinding, new SagaFailure("charge", "declined"));
        await Db.Log.AppendAsync(
            us,
            [
                new SagaLogEntry(saga, AdoptGeneration.Initial, [], SagaState.Unwound),
                new SagaLogEntry(neighbour, AdoptGeneration.Initial, [], SagaState.Unwinding) { Failure = new SagaFailure(null, "cancelled") },
            ],
            CancellationToken.None);

        (await SummaryAsync(saga)).Should().Match<SagaSummary>(row => row.FailedNode == "charge" && row.ErrorCode == "declined" && row.State == SagaState.Unwound);
        (await SummaryAsync(neighbour)).Should().Match<SagaSummary>(row => row.FailedNode == null && row.ErrorCode == "cancelled");
    }

    [Fact]
    public async Task A_cause_and_a_cancellation_in_one_group_do_not_mix()
    {
        Membership us = await Db.JoinAsync();
        SagaId failed = await Db.CreateSagaAsync(us);
        SagaId late = await Db.CreateSagaAsync(us);

        await Db.Log.AppendAsync(
            us,
            [
                new SagaLogEntry(failed, AdoptGeneration.Initial, [], SagaState.Unwinding) { Failure = new SagaFailure("charge", "declined") },
                new SagaLogEntry(late, AdoptGeneration.Initial, [], SagaState.Unwinding) { Cancellation = SagaCancellation.AtDeadline(DateTimeOffset.UnixEpoch) },
            ],
            CancellationToken.None);

        (await Db.Operations.FindAsync(failed, CancellationToken.None))!.Should().Match<SagaDetails>(row => row.Cancellation == null && row.Summary.FailedNode == "charge");
        (await Db.Operations.FindAsync(late, CancellationToken.None))!.Should().Match<SagaDetails>(row => row.Cancellation != null && row.Summary.FailedNode == null);
    }

    [Fact]
    public async Task A_restore_writes_the_cause_that_was_lost()
    {
        Membership us = await Db.JoinAsync();
        SagaId saga = await Db.CreateSagaAsync(us);

        var everything = new SagaLogEntry(saga, AdoptGeneration.Initial, [], SagaState.Unwinding) { Failure = new SagaFailure("charge", "declined") };
        (await Db.Log.RestoreAsync(us, everything, CancellationToken.None)).Should().Be(RestoreOutcome.Restored);

        (await SummaryAsync(saga)).Should().Match<SagaSummary>(row => row.FailedNode == "charge" && row.ErrorCode == "declined");
    }

    [Fact]
    public async Task An_odd_code_does_not_keep_its_saga_from_unwinding_and_is_found_as_it_was_given()
    {
        Membership us = await Db.JoinAsync();
        SagaId saga = await Db.CreateSagaAsync(us);
        string odd = $"\0\ud800{string.Concat(Enumerable.Repeat("😀", 2_000))}";

        await WriteAsync(us, saga, SagaState.Unwinding, new SagaFailure(odd, odd));

        (await SummaryAsync(saga)).ErrorCode!.Length.Should().BeLessThanOrEqualTo(SagaFailure.MaxLength);
        (await FindAsync(new SagaFilter { ErrorCode = odd, FailedNode = odd })).Should().Equal(saga);
    }

    private async Task WriteAsync(Membership us, SagaId saga, SagaState state, SagaFailure failure) => (await Db.Log.AppendAsync(
        us, [new SagaLogEntry(saga, AdoptGeneration.Initial, [], state) { Failure = failure }], CancellationToken.None)).Should().Equal(true);

    private async Task<SagaSummary> SummaryAsync(SagaId saga) => (await Db.Operations.FindAsync(saga, CancellationToken.None))!.Summary;

    private async Task<IEnumerable<SagaId>> FindAsync(SagaFilter filter) =>
        (await Db.Operations.ListAsync(filter, CancellationToken.None)).Select(saga => saga.Id);
}
