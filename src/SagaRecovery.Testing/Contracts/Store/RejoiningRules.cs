using SagaRecovery.Fencing;
using SagaRecovery.Storage;

namespace SagaRecovery.Testing.Contracts;

/// <summary>Joining again, in place of a join that still counts, that was replaced, or that the store has lost.</summary>
internal static class RejoiningRules
{
    public static IReadOnlyList<Rule<StoreTrial>> All { get; } =
    [
        new(
            "A process that joins again gets a newer join and keeps its sagas",
            "a restart of the database would stop every process for good, or take its sagas away while it runs them",
            ContinuesAsync),
        new(
            "A join that its own process has replaced is refused as lost, not as fenced",
            "a late write with the earlier join would stop its own process, or take effect after the log was restored",
            ReplacedAsync),
        new(
            "Joining again is refused once another process has joined, and the successor keeps its join",
            "a paused process that wakes up would take the sagas back while its successor runs them",
            SupersededAsync),
        new(
            "When another process joins while a process joins again, the other process writes afterwards",
            "the process that was replaced would take the join from its successor, and the two would fight over the sagas",
            RacingWithJoinAsync),
        new(
            "A join that the store has lost is refused as lost until its process joins again",
            "a process would write into logs that have lost events, or stop although it has no successor",
            LostAsync) { IsOptional = true },
        new(
            "Of two processes that survive a loss, the first to join again continues and the other is fenced",
            "both would run the same sagas, or neither",
            FirstAsync) { IsOptional = true },
        new(
            "A join made after a loss fences the process whose join was lost, even under the same incarnation",
            "after a loss the store gives a number a second time, and both processes would write under it",
            SameNumberAsync) { IsOptional = true },
    ];

    private static async Task ContinuesAsync(StoreTrial trial)
    {
        Membership first = await trial.JoinAsync().ConfigureAwait(false);
        Membership other = await trial.JoinAsync().ConfigureAwait(false);
        SagaId saga = await trial.CreateAsync(first).ConfigureAwait(false);
        await trial.WriteAsync(first, StoreTrial.Started(saga, node: 0)).ConfigureAwait(false);

        Membership second = await trial.RejoinAsync(first).ConfigureAwait(false);
        Membership third = await trial.RejoinAsync(first).ConfigureAwait(false); // as after a lost answer: the process does not know of the second
        Membership fourth = await trial.RejoinAsync(third).ConfigureAwait(false);

        Expect.Sequence(new[] { second, third, fourth }.Select(member => member.Coordinator).Distinct(), [first.Coordinator], "the coordinator after joining again");
        Expect.That(
            first.Incarnation.Value < second.Incarnation.Value && (third == second || second.Incarnation.Value < third.Incarnation.Value)
                && third.Incarnation.Value < fourth.Incarnation.Value,
            "joining again gives a higher incarnation than each join before, or, after a lost answer, the same join",
            $"they were {first.Incarnation}, {second.Incarnation}, {third.Incarnation} and {fourth.Incarnation}");
        (IReadOnlyList<Bookkeeping.Candidate> listed, _) = await trial.ListAsync(fourth).ConfigureAwait(false);
        Expect.Sequence(listed, [StoreTrial.AsCandidate(saga)], "sagas of a process that joined again, with name and generation");
        await trial.WriteAsync(fourth, StoreTrial.Started(saga, node: 1)).ConfigureAwait(false);
        SavedSaga after = await trial.LoadPresentAsync(fourth, saga).ConfigureAwait(false);
        Expect.Equal(after.Events.Count, 2, "events written before and after joining again");
        await trial.CreateAsync(fourth).ConfigureAwait(false);
        await trial.CreateAsync(other).ConfigureAwait(false); // of another coordinator: its join is untouched
    }

    private static async Task ReplacedAsync(StoreTrial trial)
    {
        Membership first = await trial.JoinAsync().ConfigureAwait(false);
        SagaId saga = await trial.CreateAsync(first).ConfigureAwait(false);
        Membership second = await trial.RejoinAsync(first).ConfigureAwait(false);
        await Refusals.LostAsync(trial, first, saga, "a process that has joined again since").ConfigureAwait(false);

        Membership third = await trial.RejoinAsync(second).ConfigureAwait(false);
        await Refusals.LostAsync(trial, first, saga, "a process that has joined again twice since").ConfigureAwait(false);
        await Refusals.LostAsync(trial, second, saga, "a process that has joined again once more since").ConfigureAwait(false);

        await ExpectUntouchedAsync(trial, third, saga).ConfigureAwait(false);
    }

    private static async Task SupersededAsync(StoreTrial trial)
    {
        Membership first = await trial.JoinAsync().ConfigureAwait(false);
        SagaId saga = await trial.CreateAsync(first).ConfigureAwait(false);
        Membership again = await trial.RejoinAsync(first).ConfigureAwait(false);
        Membership successor = await trial.JoinAsync(first.Coordinator).ConfigureAwait(false);

        await RefusedAsync(trial, first, successor, "before the process had joined again").ConfigureAwait(false);
        await RefusedAsync(trial, again, successor, "made by joining again").ConfigureAwait(false);
        await Refusals.FencedAsync(trial, again, successor, saga, "a process that had joined again before its successor").ConfigureAwait(false);
        await ExpectUntouchedAsync(trial, successor, saga).ConfigureAwait(false);

        Membership present = await trial.RejoinAsync(successor).ConfigureAwait(false);
        await RefusedAsync(trial, again, present, "whose successor has joined again").ConfigureAwait(false);
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
                () => trial.AppendAsync(old, StoreTrial.Started(saga, node: 0)), old, other, "a write of the process that joined again").ConfigureAwait(false);
            await RefusedAsync(trial, old, other, "that met the join of another process").ConfigureAwait(false);
            await ExpectUntouchedAsync(trial, other, saga).ConfigureAwait(false);
        }
    }

    private static async Task LostAsync(StoreTrial trial)
    {
        Membership predecessor = await trial.JoinAsync().ConfigureAwait(false);
        SagaId saga = await trial.CreateAsync(predecessor).ConfigureAwait(false);
        Membership lost = await trial.JoinAsync(predecessor.Coordinator).ConfigureAwait(false);
        await trial.LoseLastJoinAsync(lost.Coordinator).ConfigureAwait(false);

        await Refusals.LostAsync(trial, lost, saga, "a process whose join is lost").ConfigureAwait(false);
        await Refusals.LostAsync(trial, predecessor, saga, "a process whose join stands there again after the loss of a later one").ConfigureAwait(false);
        Membership again = await RejoinAsync(lost).ConfigureAwait(false);
        await ExpectUntouchedAsync(trial, again, saga).ConfigureAwait(false);

        Membership only = await trial.JoinAsync().ConfigureAwait(false);
        await trial.LoseLastJoinAsync(only.Coordinator).ConfigureAwait(false);
        await Refusals.LostAsync(trial, only, StoreTrial.NewId(), "a process whose join is lost, and was the first under its id").ConfigureAwait(false);
        only = await RejoinAsync(only).ConfigureAwait(false);
        await trial.CreateAsync(only).ConfigureAwait(false);

        async Task<Membership> RejoinAsync(Membership member)
        {
            Membership next = await trial.RejoinAsync(member).ConfigureAwait(false);
            Expect.Equal(next.Coordinator, member.Coordinator, "the coordinator after joining again");
            Expect.That(
                member.Incarnation.Value < next.Incarnation.Value,
                $"joining again gives a higher incarnation than the one that is lost, {member.Incarnation}",
                $"it gave {next.Incarnation}");
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

            await RefusedAsync(trial, second, present, "of the process that comes second after a loss").ConfigureAwait(false);
            await Refusals.FencedAsync(trial, second, present, saga, "the process that comes second after a loss").ConfigureAwait(false);
            await ExpectUntouchedAsync(trial, present, saga).ConfigureAwait(false);
        }
    }

    private static async Task SameNumberAsync(StoreTrial trial)
    {
        Membership predecessor = await trial.JoinAsync().ConfigureAwait(false);
        SagaId saga = await trial.CreateAsync(predecessor).ConfigureAwait(false);
        Membership lost = await trial.JoinAsync(predecessor.Coordinator).ConfigureAwait(false);
        await trial.LoseLastJoinAsync(lost.Coordinator).ConfigureAwait(false);

        Membership successor = await trial.JoinAsync(lost.Coordinator).ConfigureAwait(false); // where numbers are lost too, under that of the lost join

        foreach ((Membership old, string whose) in new[] { (lost, "was lost"), (predecessor, "came before the lost one") })
        {
            await Refusals.FencedAsync(trial, old, successor, saga, $"a process whose join {whose}").ConfigureAwait(false);
            await RefusedAsync(trial, old, successor, $"that {whose}").ConfigureAwait(false);
        }

        await ExpectUntouchedAsync(trial, successor, saga).ConfigureAwait(false);
    }

    /// <returns>Null: another process had joined.</returns>
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
        Refusals.FencedAsync(() => trial.RejoinAsync(old), old, present, $"joining again in place of a join {which}");

    /// <summary>Expects that the present process has its one saga as it was, and writes.</summary>
    private static async Task ExpectUntouchedAsync(StoreTrial trial, Membership present, SagaId saga)
    {
        Expect.Sequence(await trial.ListIdsAsync(present).ConfigureAwait(false), [saga], "sagas of the present process");
        SavedSaga after = await trial.LoadPresentAsync(present, saga).ConfigureAwait(false);
        Expect.Equal((after.State, after.Events.Count), (SagaState.Running, 0), "state and events of a saga about which only refused calls were made");
        await trial.WriteAsync(present, StoreTrial.Entry(saga, SagaState.Running)).ConfigureAwait(false);
    }
}
