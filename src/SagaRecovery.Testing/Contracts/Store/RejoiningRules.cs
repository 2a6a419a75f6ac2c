using SagaRecovery.Fencing;
using SagaRecovery.Storage;

namespace SagaRecovery.Testing.Contracts;

/// <summary>Rules about rejoining in place of a join that is current, was replaced, or was lost by the store.</summary>
internal static class RejoiningRules
{
    public static IReadOnlyList<Rule<StoreTrial>> All { get; } =
    [
        new(
            "A process that rejoins gets a newer join and keeps its sagas",
            "a restart of the database would stop every process permanently, or reassign its sagas while it runs them",
            ContinuesAsync),
        new(
            "A join that its own process has replaced is refused as lost, not as fenced",
            "a late write with the earlier join would stop its own process, or take effect after the log was restored",
            ReplacedAsync),
        new(
            "Rejoining is refused after another process has joined, and the successor keeps its join",
            "a process that resumes after a pause would take the sagas back while its successor runs them",
            SupersededAsync),
        new(
            "When a process rejoins while another process joins, the other process can write afterwards",
            "the replaced process would fence its successor, and both would compete for the sagas",
            RacingWithJoinAsync),
        new(
            "A join that the store has lost is refused as lost until its process rejoins",
            "a process would write into logs that have lost events, or stop although it has no successor",
            LostAsync) { IsOptional = true },
        new(
            "After a loss, the first of two processes to rejoin continues and the other is fenced",
            "both would run the same sagas, or neither",
            FirstAsync) { IsOptional = true },
        new(
            "A join after a loss fences the process whose join was lost, even with the same incarnation",
            "after a loss the store assigns an incarnation a second time, and both processes would write with it",
            SameIncarnationAsync) { IsOptional = true },
    ];

    private static async Task ContinuesAsync(StoreTrial trial)
    {
        Membership first = await trial.JoinAsync().ConfigureAwait(false);
        Membership other = await trial.JoinAsync().ConfigureAwait(false);
        SagaId saga = await trial.CreateAsync(first).ConfigureAwait(false);
        await trial.WriteAsync(first, StoreTrial.Started(saga, node: 0)).ConfigureAwait(false);

        Membership second = await trial.RejoinAsync(first).ConfigureAwait(false);
        Membership third = await trial.RejoinAsync(first).ConfigureAwait(false); // as after a lost response: the process does not know the second join
        Membership fourth = await trial.RejoinAsync(third).ConfigureAwait(false);

        Expect.Sequence(new[] { second, third, fourth }.Select(member => member.Coordinator).Distinct(), [first.Coordinator],
            "the coordinator after rejoining");
        Expect.That(
            first.Incarnation.Value < second.Incarnation.Value && (third == second || second.Incarnation.Value < third.Incarnation.Value)
                && third.Incarnation.Value < fourth.Incarnation.Value,
            "each rejoin raises the incarnation, or repeats the join after a lost response",
            $"the incarnations were {first.Incarnation}, {second.Incarnation}, {third.Incarnation} and {fourth.Incarnation}");
        (IReadOnlyList<Bookkeeping.Candidate> listed, _) = await trial.ListAsync(fourth).ConfigureAwait(false);
        Expect.Sequence(listed.Select(candidate => candidate with { Definition = null }), [StoreTrial.AsCandidate(saga)], "sagas of a process that rejoined, with name and generation");
        await trial.WriteAsync(fourth, StoreTrial.Started(saga, node: 1)).ConfigureAwait(false);
        SavedSaga after = await trial.LoadPresentAsync(fourth, saga).ConfigureAwait(false);
        Expect.Equal(after.Events.Count, 2, "events written before and after rejoining");
        await trial.CreateAsync(fourth).ConfigureAwait(false);
        await trial.CreateAsync(other).ConfigureAwait(false); // the join of another coordinator stays current
    }

    private static async Task ReplacedAsync(StoreTrial trial)
    {
        Membership first = await trial.JoinAsync().ConfigureAwait(false);
        SagaId saga = await trial.CreateAsync(first).ConfigureAwait(false);
        Membership second = await trial.RejoinAsync(first).ConfigureAwait(false);
        await Refusals.LostAsync(trial, first, saga, "a process that has since rejoined").ConfigureAwait(false);

        Membership third = await trial.RejoinAsync(second).ConfigureAwait(false);
        await Refusals.LostAsync(trial, first, saga, "a process that has since rejoined twice").ConfigureAwait(false);
        await Refusals.LostAsync(trial, second, saga, "a process that has since rejoined a second time").ConfigureAwait(false);

        await ExpectUntouchedAsync(trial, third, saga).ConfigureAwait(false);
    }

    private static async Task SupersededAsync(StoreTrial trial)
    {
        Membership first = await trial.JoinAsync().ConfigureAwait(false);
        SagaId saga = await trial.CreateAsync(first).ConfigureAwait(false);
        Membership again = await trial.RejoinAsync(first).ConfigureAwait(false);
        Membership successor = await trial.JoinAsync(first.Coordinator).ConfigureAwait(false);

        await RefusedAsync(trial, first, successor, "made before its process rejoined").ConfigureAwait(false);
        await RefusedAsync(trial, again, successor, "made by a rejoin").ConfigureAwait(false);
        await Refusals.FencedAsync(trial, again, successor, saga, "a process that rejoined before its successor joined").ConfigureAwait(false);
        await ExpectUntouchedAsync(trial, successor, saga).ConfigureAwait(false);

        Membership present = await trial.RejoinAsync(successor).ConfigureAwait(false);
        await RefusedAsync(trial, again, present, "whose successor has rejoined").ConfigureAwait(false);
        await ExpectUntouchedAsync(trial, present, saga).ConfigureAwait(false);
    }

    private static async Task RacingWithJoinAsync(StoreTrial trial)
    {
        for (int round = 0; round < 25; round++)
        {
            Membership before = await trial.JoinAsync().ConfigureAwait(false);
            SagaId saga = await trial.CreateAsync(before).ConfigureAwait(false);
            int joiner = round % 2;
            Membership?[] joins = await Crowd.RunAsync(2, async caller => caller == joiner
                ? await trial.JoinAsync(before.Coordinator).ConfigureAwait(false)
                : await TryRejoinAsync(trial, before).ConfigureAwait(false)).ConfigureAwait(false);
            Membership other = joins[joiner]!.Value;
            Membership old = joins[1 - joiner] ?? before;

            await Refusals.FencedAsync(
                () => trial.AppendAsync(old, StoreTrial.Started(saga, node: 0)), old, other, "a write of the process that rejoined").ConfigureAwait(false);
            await RefusedAsync(trial, old, other, "that raced with the join of another process").ConfigureAwait(false);
            await ExpectUntouchedAsync(trial, other, saga).ConfigureAwait(false);
        }
    }

    private static async Task LostAsync(StoreTrial trial)
    {
        Membership predecessor = await trial.JoinAsync().ConfigureAwait(false);
        SagaId saga = await trial.CreateAsync(predecessor).ConfigureAwait(false);
        Membership lost = await trial.JoinAsync(predecessor.Coordinator).ConfigureAwait(false);
        await trial.LoseLastJoinAsync(lost.Coordinator).ConfigureAwait(false);

        await Refusals.LostAsync(trial, lost, saga, "a process with a lost join").ConfigureAwait(false);
        await Refusals.LostAsync(trial, predecessor, saga, "a process whose join is the last one again after the loss of a later one").ConfigureAwait(false);
        Membership again = await RejoinAsync(lost).ConfigureAwait(false);
        await ExpectUntouchedAsync(trial, again, saga).ConfigureAwait(false);

        Membership only = await trial.JoinAsync().ConfigureAwait(false);
        await trial.LoseLastJoinAsync(only.Coordinator).ConfigureAwait(false);
        await Refusals.LostAsync(trial, only, StoreTrial.NewId(), "a process whose lost join was the first one of its coordinator").ConfigureAwait(false);
        only = await RejoinAsync(only).ConfigureAwait(false);
        await trial.CreateAsync(only).ConfigureAwait(false);

        async Task<Membership> RejoinAsync(Membership member)
        {
            Membership next = await trial.RejoinAsync(member).ConfigureAwait(false);
            Expect.Equal(next.Coordinator, member.Coordinator, "the coordinator after rejoining");
            Expect.That(
                member.Incarnation.Value < next.Incarnation.Value,
                $"the rejoin raises the incarnation above the lost one, {member.Incarnation}",
                $"the rejoin returned {next.Incarnation}");
            return next;
        }
    }

    private static async Task FirstAsync(StoreTrial trial)
    {
        foreach (bool newerFirst in new[] { true, false })
        {
            Membership predecessor = await trial.JoinAsync().ConfigureAwait(false);
            SagaId saga = await trial.CreateAsync(predecessor).ConfigureAwait(false);
            Membership lost = await trial.JoinAsync(predecessor.Coordinator).ConfigureAwait(false);
            await trial.LoseLastJoinAsync(lost.Coordinator).ConfigureAwait(false);
            (Membership first, Membership second) = newerFirst ? (lost, predecessor) : (predecessor, lost);

            Membership present = await trial.RejoinAsync(first).ConfigureAwait(false);

            await RefusedAsync(trial, second, present, "of the second process to rejoin after a loss").ConfigureAwait(false);
            await Refusals.FencedAsync(trial, second, present, saga, "the second process to rejoin after a loss").ConfigureAwait(false);
            await ExpectUntouchedAsync(trial, present, saga).ConfigureAwait(false);
        }
    }

    private static async Task SameIncarnationAsync(StoreTrial trial)
    {
        Membership predecessor = await trial.JoinAsync().ConfigureAwait(false);
        SagaId saga = await trial.CreateAsync(predecessor).ConfigureAwait(false);
        Membership lost = await trial.JoinAsync(predecessor.Coordinator).ConfigureAwait(false);
        await trial.LoseLastJoinAsync(lost.Coordinator).ConfigureAwait(false);

        // With the incarnation of the lost join, if the store has lost that number too.
        Membership successor = await trial.JoinAsync(lost.Coordinator).ConfigureAwait(false);

        foreach ((Membership old, string which) in new[] { (lost, "was lost"), (predecessor, "preceded the lost one") })
        {
            await Refusals.FencedAsync(trial, old, successor, saga, $"a process whose join {which}").ConfigureAwait(false);
            await RefusedAsync(trial, old, successor, $"that {which}").ConfigureAwait(false);
        }

        await ExpectUntouchedAsync(trial, successor, saga).ConfigureAwait(false);
    }

    /// <returns>The new membership, or null if another process had joined.</returns>
    private static async Task<Membership?> TryRejoinAsync(StoreTrial trial, Membership lost)
    {
        try
        {
            return await trial.RejoinAsync(lost).ConfigureAwait(false);
        }
        catch (CoordinatorFencedException)
        {
            return null;
        }
    }

    private static Task RefusedAsync(StoreTrial trial, Membership old, Membership present, string which) =>
        Refusals.FencedAsync(() => trial.RejoinAsync(old), old, present, $"rejoining in place of a join {which}");

    /// <summary>Expects that the current process still owns its one saga, unchanged, and can write to it.</summary>
    private static async Task ExpectUntouchedAsync(StoreTrial trial, Membership present, SagaId saga)
    {
        Expect.Sequence(await trial.ListIdsAsync(present).ConfigureAwait(false), [saga], "sagas of the current process");
        SavedSaga after = await trial.LoadPresentAsync(present, saga).ConfigureAwait(false);
        Expect.Equal((after.State, after.Events.Count), (SagaState.Running, 0), "state and event count of a saga after refused calls");
        await trial.WriteAsync(present, StoreTrial.Entry(saga, SagaState.Running)).ConfigureAwait(false);
    }
}
