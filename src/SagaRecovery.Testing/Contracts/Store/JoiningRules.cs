using SagaRecovery.Fencing;
using SagaRecovery.Storage;

namespace SagaRecovery.Testing.Contracts;

internal static class JoiningRules
{
    public static IReadOnlyList<Rule<StoreTrial>> All { get; } =
    [
        new(
            "Joining raises the incarnation",
            "two processes with one coordinator id would both consider themselves current",
            RaisesAsync),
        new(
            "Concurrent joins get distinct incarnations, and only the highest can write",
            "two pods of a rolling update would run the same sagas concurrently",
            AtOnceAsync),
        new(
            "Every call of a process with an old incarnation is fenced, and the exception names the new incarnation",
            "a process that resumes after a pause would list, load and write sagas that its successor runs",
            FencesAsync),
        new(
            "Joining does not fence other coordinators",
            "the restart of one node would stop all sagas of the other nodes",
            FencesNoOtherAsync),
    ];

    private static async Task RaisesAsync(StoreTrial trial)
    {
        Membership first = await trial.JoinAsync().ConfigureAwait(false);
        Membership second = await trial.JoinAsync(first.Coordinator).ConfigureAwait(false);
        Membership third = await trial.JoinAsync(first.Coordinator).ConfigureAwait(false);

        Expect.Equal(first.Incarnation, new Incarnation(1), "the incarnation of the first join");
        Expect.Equal(second.Coordinator, first.Coordinator, "the coordinator that was joined");
        Expect.That(
            first.Incarnation.Value < second.Incarnation.Value && second.Incarnation.Value < third.Incarnation.Value,
            "each join raises the incarnation",
            $"the incarnations were {first.Incarnation}, {second.Incarnation} and {third.Incarnation}");
    }

    private static async Task AtOnceAsync(StoreTrial trial)
    {
        CoordinatorId coordinator = StoreTrial.NewCoordinator();
        Membership[] members = await Crowd.RunAsync(12, _ => trial.JoinAsync(coordinator)).ConfigureAwait(false);

        Expect.Equal(members.Select(member => member.Incarnation).Distinct().Count(), members.Length, "distinct incarnations");
        Membership highest = members.MaxBy(member => member.Incarnation.Value);
        foreach (Membership member in members.Where(member => member != highest))
        {
            await Expect.ThrowsAsync<CoordinatorFencedException>(
                () => trial.CreateAsync(member), $"a write of incarnation {member.Incarnation} after {highest.Incarnation} has joined").ConfigureAwait(false);
        }

        await trial.CreateAsync(highest).ConfigureAwait(false);
    }

    private static async Task FencesAsync(StoreTrial trial)
    {
        Membership old = await trial.JoinAsync().ConfigureAwait(false);
        SagaId saga = await trial.CreateAsync(old).ConfigureAwait(false);
        Membership present = await trial.JoinAsync(old.Coordinator).ConfigureAwait(false);

        await Refusals.FencedAsync(trial, old, present, saga, "a process with an old incarnation").ConfigureAwait(false);

        Expect.Sequence(await trial.ListIdsAsync(present).ConfigureAwait(false), [saga], "sagas in progress after refused writes");
        SavedSaga after = await trial.LoadPresentAsync(present, saga).ConfigureAwait(false);
        Expect.Equal(after.Events.Count, 0, "events of a saga after writes of a fenced process");
    }

    private static async Task FencesNoOtherAsync(StoreTrial trial)
    {
        Membership us = await trial.JoinAsync().ConfigureAwait(false);
        SagaId saga = await trial.CreateAsync(us).ConfigureAwait(false);
        Membership other = await trial.JoinAsync().ConfigureAwait(false);
        await trial.JoinAsync(other.Coordinator).ConfigureAwait(false);

        await trial.WriteAsync(us, StoreTrial.Started(saga, node: 0)).ConfigureAwait(false);
        Expect.Sequence(await trial.ListIdsAsync(us).ConfigureAwait(false), [saga], "sagas of a coordinator after joins of another");
    }
}
