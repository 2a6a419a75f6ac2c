using SagaRecovery.Fencing;
using SagaRecovery.Storage;

namespace SagaRecovery.Testing.Contracts;

internal static class FindingLostRules
{
    public static IReadOnlyList<Rule<StoreTrial>> All { get; } =
    [
        new(
            "Exactly the sagas without a row are reported as lost, regardless of owner and state",
            "recovery would report losses that did not happen, or a saga would vanish without a report",
            FindsAsync),
        new(
            "A query for lost sagas checks the join even without any saga ids",
            "after a restore of the database, a pass would treat sagas missing from the listing as finished",
            CountsAsync),
    ];

    private static async Task FindsAsync(StoreTrial trial)
    {
        Membership us = await trial.JoinAsync().ConfigureAwait(false);
        Membership others = await trial.JoinAsync().ConfigureAwait(false);
        List<SagaId> stored = await trial.CreateManyAsync(us, trial.ListPageSize).ConfigureAwait(false);
        stored.AddRange(await trial.CreateManyAsync(others, 2).ConfigureAwait(false));
        foreach (SagaState state in new[] { SagaState.Unwinding, SagaState.Succeeded, SagaState.Unwound, SagaState.Stuck })
        {
            stored.Add(await trial.CreateAsync(us).ConfigureAwait(false));
            await trial.WriteAsync(us, StoreTrial.Entry(stored[^1], state)).ConfigureAwait(false);
        }

        foreach (CoordinatorId? owner in new CoordinatorId?[] { others.Coordinator, us.Coordinator, null })
        {
            stored.Add(await trial.CreateAsync(us).ConfigureAwait(false));
            await trial.ReassignAsync(stored[^1], owner).ConfigureAwait(false);
        }

        stored.Add(await trial.CreateAsync(us).ConfigureAwait(false));
        await trial.AbandonAsync(us, stored[^1]).ConfigureAwait(false);
        SagaId[] lost = [.. Enumerable.Range(0, 2 * trial.ListPageSize).Select(_ => StoreTrial.NewId())];

        Expect.SameSet(await trial.FindLostAsync(us, [.. stored.Concat(lost).Order()]).ConfigureAwait(false), lost,
            "sagas reported as lost, with stored sagas of every owner and state");
        Expect.SameSet(await trial.FindLostAsync(us, [.. stored]).ConfigureAwait(false), [], "sagas reported as lost when each has a row");
        Expect.SameSet(await trial.FindLostAsync(us, lost).ConfigureAwait(false), lost, "sagas reported as lost when none has a row");
    }

    private static async Task CountsAsync(StoreTrial trial)
    {
        Membership first = await trial.JoinAsync().ConfigureAwait(false);
        Expect.Equal((await trial.FindLostAsync(first).ConfigureAwait(false)).Count, 0, "sagas reported as lost for an empty query");

        Membership second = await trial.RejoinAsync(first).ConfigureAwait(false);
        await Expect.ThrowsAsync<JoinLostException>(
            () => trial.FindLostAsync(first), "an empty query by a process that has since rejoined").ConfigureAwait(false);

        Membership successor = await trial.JoinAsync(first.Coordinator).ConfigureAwait(false);
        await Refusals.FencedAsync(
            () => trial.FindLostAsync(second), second, successor, "an empty query by a process with an old incarnation").ConfigureAwait(false);
        Expect.Equal((await trial.FindLostAsync(successor).ConfigureAwait(false)).Count, 0, "sagas reported as lost for an empty query by the successor");
    }
}
