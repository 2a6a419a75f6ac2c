using SagaRecovery.Bookkeeping;
using SagaRecovery.Fencing;
using SagaRecovery.Storage;
using SagaRecovery.Tests.Support;

namespace SagaRecovery.Tests.Postgres;

/// <summary>Coordinators that take the sagas of a silent one.</summary>
public class TakeOverTests(PostgresCluster cluster, Pooler? pooler = null) : ClusterTest(cluster, pooler)
{
    [Fact]
    public async Task One_of_several_takes_over_from_a_silent_coordinator_and_none_from_one_that_answered()
    {
        Membership dead = await SilentAsync();
        await CreateSagasAsync(dead, 10);
        await using ListeningCoordinator one = await Db.RunHeartbeatAsync();
        await using ListeningCoordinator two = await Db.RunHeartbeatAsync();
        CoordinatorObservation silent = await SightAsync(dead.Coordinator);

        ReassignOutcome[] outcomes = await Task.WhenAll(
            TakeOverAsync(one.Member, silent, one.Id, two.Id), TakeOverAsync(two.Member, silent, one.Id, two.Id), TakeOverAsync(two.Member, silent, two.Id));

        outcomes.OfType<ReassignOutcome.Done>().Should().ContainSingle().Which.Moved.Should().Be(10);
        outcomes.OfType<ReassignOutcome.NotNeeded>().Should().HaveCount(2);
        (await SightAsync(dead.Coordinator)).State.Should().Be(CoordinatorState.Down);

        SagaId later = (await CreateSagasAsync(dead, 1)).Single();
        await using var stalled = new ListeningCoordinator(Db, dead, new CoordinatorProfile("1.0", Definitions: null), TimeSpan.FromSeconds(1));
        await stalled.HintedAsync(1); // it learns that it was taken over from
        (await SightAsync(dead.Coordinator)).State.Should().Be(CoordinatorState.Active);
        (await TakeOverAsync(one.Member, silent, one.Id)).Should().Be(ReassignOutcome.NotNeeded.Instance);
        (await Db.ListAsync(dead)).Should().ContainSingle(saga => saga.SagaId == later);
    }

    [Fact]
    public async Task A_fenced_process_takes_over_from_no_coordinator()
    {
        Membership dead = await SilentAsync();
        await CreateSagasAsync(dead, 1);
        await using ListeningCoordinator taker = await Db.RunHeartbeatAsync();
        Membership older = await Db.JoinAsync();
        await Db.JoinAsync(older.Coordinator);
        CoordinatorObservation silent = await SightAsync(dead.Coordinator);

        await FluentActions.Awaiting(() => TakeOverAsync(older, silent, taker.Id)).Should().ThrowAsync<CoordinatorFencedException>();

        (await SightAsync(dead.Coordinator)).State.Should().Be(CoordinatorState.Active, "it was not marked as taken over from, either");
        (await Db.ListAsync(dead)).Should().ContainSingle();
    }
}
