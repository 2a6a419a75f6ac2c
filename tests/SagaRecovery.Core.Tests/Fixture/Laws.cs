using SagaRecovery.Bookkeeping;
using SagaRecovery.Fencing;
using SagaRecovery.Status;

namespace SagaRecovery.Core.Tests.Fixture;

/// <summary>Invariants of every pass.</summary>
internal static class Laws
{
    /// <summary>The law of conservation that <see cref="PassReport"/> states.</summary>
    public static void FoundSagasAreAllAccountedFor(PassReport pass)
    {
        int accountedFor = pass.Recovered + pass.Failed + pass.Skipped + pass.UnknownDefinition + pass.Abandoned + pass.Superseded
            + pass.NotAttempted + pass.BackingOff + pass.Held + pass.Paused + pass.Deferred + pass.WaitingForSlot + pass.Unreadable;
        accountedFor.Should().Be(pass.Found, "every saga found is accounted for once: {0}", pass);
    }

    /// <summary>The law of conservation that <see cref="RefillReport"/> states.</summary>
    public static void TakenSagasAreAllAccountedFor(RefillReport refill) =>
        (refill.Recovered + refill.Failed + refill.Skipped + refill.UnknownDefinition + refill.Abandoned + refill.Superseded + refill.NotAttempted)
            .Should().Be(refill.Taken, "every saga taken is accounted for once: {0}", refill);

    public static void EachSagaIsInOneBucket(RecoveryPlan plan, IReadOnlyCollection<SagaId> listed, IReadOnlyCollection<SagaId> waiting)
    {
        plan.WaitingForSlot.Should().Be(waiting.Count);
        SagaId[] bucketsOfListed =
        [
            .. plan.Recover.Select(candidate => candidate.SagaId),
            .. plan.AlreadyRunning,
            .. plan.Readopted.Select(readopted => readopted.Candidate.SagaId),
            .. plan.BackingOff.Select(saga => saga.Candidate.SagaId),
            .. plan.UnknownDefinition.Select(candidate => candidate.SagaId),
            .. plan.Held.Select(candidate => candidate.SagaId),
            .. plan.Paused.Select(candidate => candidate.SagaId),
            .. plan.Deferred.Select(candidate => candidate.SagaId),
            .. plan.Unreadable.Select(saga => saga.SagaId),
            .. waiting,
        ];
        SagaId[] bucketsOfMissing = [.. plan.NoLongerListed.Select(unlisted => unlisted.SagaId), .. plan.Starting];
        AssertSame(bucketsOfListed, listed, "each listed saga is in one bucket");
        bucketsOfMissing.Distinct().Count().Should().Be(bucketsOfMissing.Length, "each missing saga is in one bucket");
        bucketsOfMissing.Intersect(listed).Any().Should().BeFalse("a listed saga is not missing");
        plan.Found.Should().Be(listed.Count);
    }

    public static void ForgottenSagasDoNotRunHere(UnlistedSaga unlisted, FakeExecutor executor, FakeDatabase database)
    {
        bool runsRightly = executor.Running.TryGetValue(unlisted.SagaId, out AdoptGeneration generation)
            && database.IsOursAt(unlisted.SagaId, generation);
        runsRightly.Should().BeFalse("saga {0} runs here and is ours, so it is not forgotten", unlisted.SagaId);
    }

    /// <summary>Equality of sets, at a fraction of what BeEquivalentTo costs: the long histories call it a hundred thousand times.</summary>
    public static void AssertSame<T>(IEnumerable<T> actual, IEnumerable<T> expected, string because) =>
        actual.Order().Should().Equal(expected.Order(), because);
}
