using SagaRecovery.Fencing;
using SagaRecovery.Storage;

namespace SagaRecovery.Testing.Contracts;

internal static class JoiningRules
{
    public static IReadOnlyList<Rule<StoreTrial>> All { get; } =
    [
        new(
            "Joining raises the incarnation",
            "two processes under one coordinator id would both take themselves for the present one",
            RaisesAsync),
        new(
            "Processes that join at once are given different incarnations, and only the highest writes",
            "two pods of a rolling update would run the same sagas side by side",
            AtOnceAsync),
        new(
            "A process whose incarnation is old is fenced out of everything, and told by whom",
            "a paused process that wakes up would list, load and write about sagas that its successor runs",
            FencesAsync),
        new(
            "Joining fences no other coordinator",
            "the restart of one node would stop all sagas of the others",
            FencesNoOtherAsync),
    ];

    private static async Task RaisesAsync(StoreTrial trial)
    {
        Membership first = await trial.JoinAsync().ConfigureAwait(false);
        Membership second = await trial.JoinAsync(first.Coordinator).ConfigureAwait(false);
        Membership third = await trial.JoinAsync(first.Coordinator).ConfigureAwait(false);

        Expect.Equal(first.Incarnation, new Incarnation(1), "the incarnation of the first process that ever joined");
        Expect.Equal(second.Coordinator, first.Coordinator, "the coordinator that was joined");
        Expect.That(
            first.Incarnation.Value < second.Incarnation.Value && second.Incarnation.Value < third.Incarnation.Value,
            "each join gives a higher incarnation than the last",
            $"they were {first.Incarnation}, {second.Incarnation} and {third.Incarnation}");
    }

    private static async Task AtOnceAsync(StoreTrial trial)
    {
        CoordinatorId coordinator = StoreTrial.NewCoordinator();
        Membership[] members = await Crowd.RunAsync(12, _ => trial.JoinAsync(coordinator)).ConfigureAwait(false);

        Expect.Equal(members.Select(member => member.Incarnation).Distinct().Count(), members.Length, "different incarnations given");
        Membership highest = members.MaxBy(member => member.Incarnation.Value);
        foreach (Membership member in members.Where(member => member != highest))
        {
            await Expect.ThrowsAsync<CoordinatorFencedException>(
                () => trial.CreateAsync(member), $"a write of incarnation {member.Incarnation}, when {highest.Incarnation} has joined").ConfigureAwait(false);
        }

        await trial.CreateAsync(highest).ConfigureAwait(false);
    }

    private static async Task FencesAsync(StoreTrial trial)
    {
        Membership old = await trial.JoinAsync().ConfigureAwait(false);
        SagaId saga = await trial.CreateAsync(old).ConfigureAwait(false);
        Membership present = await trial.JoinAsync(old.Coordinator).ConfigureAwait(false);

        await Refusals.FencedAsync(trial, old, present, saga, "a process whose incarnation is old").ConfigureAwait(false);

        Expect.Sequence(await trial.ListIdsAsync(present).ConfigureAwait(false), [saga], "sagas in progress after writes that were refused");
        SavedSaga after = await trial.LoadPresentAsync(present, saga).ConfigureAwait(false);
        Expect.Equal(after.Events.Count, 0, "events of a saga about which only a fenced process wrote");
    }

    private static async Task FencesNoOtherAsync(StoreTrial trial)
    {
        Membership us = await trial.JoinAsync().ConfigureAwait(false);
        SagaId saga = await trial.CreateAsync(us).ConfigureAwait(false);
        Membership other = await trial.JoinAsync().ConfigureAwait(false);
        await trial.JoinAsync(other.Coordinator).ConfigureAwait(false);

        await trial.WriteAsync(us, StoreTrial.Started(saga, node: 0)).ConfigureAwait(false);
        Expect.Sequence(await trial.ListIdsAsync(us).ConfigureAwait(false), [saga], "sagas of a coordinator under whose id nobody else joined");
    }
}
