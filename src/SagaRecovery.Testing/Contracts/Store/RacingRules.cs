using SagaRecovery.Bookkeeping;
using SagaRecovery.Fencing;
using SagaRecovery.Storage;

namespace SagaRecovery.Testing.Contracts;

/// <summary>
/// Writes that race with a change of owner. Each round lets writers loose, changes the owner under them, looks at the log at once, and
/// again when the last writer has heard that it is refused: both looks must show the same, and that must be what the writers were told.
/// </summary>
internal static class RacingRules
{
    private const int Rounds = 25;
    private const int LongLog = 200; // events: a store that restores so many takes its time, and the race is closer

    public static IReadOnlyList<Rule<StoreTrial>> All { get; } =
    [
        new(
            "Once a join has returned, no write of an older incarnation takes effect",
            "the successor would carry a saga on from a log to which its predecessor then adds: steps run twice, and both sides believe it",
            JoinAsync),
        new(
            "Once a process has joined again, no write with its earlier join takes effect",
            "after it was restored, a log would get an event from a write that its process takes for refused",
            RejoinAsync),
        new(
            "Once a saga is reassigned, no write of its former owner takes effect",
            "the new owner would carry a saga on from a log to which the former one then adds: steps run twice, and both sides believe it",
            ReassignAsync),
    ];

    private static Task JoinAsync(StoreTrial trial) => RaceWithJoinsAsync(trial, old => trial.JoinAsync(old.Coordinator), "the join", ofItself: false);

    private static Task RejoinAsync(StoreTrial trial) => RaceWithJoinsAsync(trial, trial.RejoinAsync, "joining again", ofItself: true);

    private static async Task RaceWithJoinsAsync(StoreTrial trial, Func<Membership, Task<Membership>> join, string change, bool ofItself)
    {
        Membership old = await trial.JoinAsync().ConfigureAwait(false);
        for (int round = 0; round < Rounds; round++)
        {
            List<SagaId> sagas = await trial.CreateManyAsync(old, 6).ConfigureAwait(false);
            Membership writing = old;
            RacingWriter[] writers =
            [
                .. sagas[..3].Select(saga => new RacingWriter(trial, writing, saga) { LosesToItself = ofItself }),
                .. sagas[3..].Select(saga => new RacingWriter(trial, writing, saga, LongLog) { Restores = true, LosesToItself = ofItself }),
                new RacingWriter(trial, writing, saga: null) { LosesToItself = ofItself },
            ];
            Membership present = await RaceAsync(writers, () => join(writing)).ConfigureAwait(false);

            string[] atOnce = await ReadViewAsync(trial, present, sagas).ConfigureAwait(false);
            await EndAsync(writers).ConfigureAwait(false);
            string[] later = await ReadViewAsync(trial, present, sagas).ConfigureAwait(false);

            Check(writers, atOnce, later, change);
            old = present;
        }
    }

    private static async Task ReassignAsync(StoreTrial trial)
    {
        Membership us = await trial.JoinAsync().ConfigureAwait(false);
        Membership others = await trial.JoinAsync().ConfigureAwait(false);
        for (int round = 0; round < Rounds; round++)
        {
            Membership next = round % 2 == 0 ? others : us; // given away, or come back at a newer generation
            List<SagaId> sagas = await trial.CreateManyAsync(us, 3).ConfigureAwait(false);
            RacingWriter[] writers =
            [
                new(trial, us, sagas[0]),
                new(trial, us, sagas[0], firstNode: 100_000),
                new(trial, us, sagas[1], LongLog) { Restores = true }, // has one writer: another's events would supersede its log
                new(trial, us, sagas[2], LongLog) { Restores = true },
            ];
            await RaceAsync(writers, async () =>
            {
                await Task.WhenAll(sagas.Select(saga => trial.ReassignAsync(saga, next.Coordinator))).ConfigureAwait(false);
                return next;
            }).ConfigureAwait(false);

            string[] atOnce = await ReadViewAsync(trial, next, sagas).ConfigureAwait(false);
            await EndAsync(writers).ConfigureAwait(false);
            string[] later = await ReadViewAsync(trial, next, sagas).ConfigureAwait(false);

            Check(writers, atOnce, later, "the reassignment");
        }
    }

    /// <summary>Changes the owner once all writers are at it.</summary>
    private static async Task<Membership> RaceAsync(RacingWriter[] writers, Func<Task<Membership>> change)
    {
        foreach (RacingWriter writer in writers)
        {
            writer.Begin();
        }

        await Task.WhenAll(writers.Select(writer => writer.HasWritten)).ConfigureAwait(false);
        Membership changed = await change().ConfigureAwait(false);
        foreach (RacingWriter writer in writers)
        {
            writer.OwnerHasChanged();
        }

        return changed;
    }

    private static Task EndAsync(RacingWriter[] writers) => Task.WhenAll(writers.Select(writer => writer.Ended));

    /// <summary>Everything that stands there, as the owner sees it: sagas, and the events of those raced about.</summary>
    private static async Task<string[]> ReadViewAsync(StoreTrial trial, Membership owner, List<SagaId> sagas)
    {
        (IReadOnlyList<Candidate> listed, _) = await trial.ListAsync(owner).ConfigureAwait(false);
        Candidate[] raced = [.. listed.Where(candidate => sagas.Contains(candidate.SagaId))];
        IReadOnlyList<LoadedSaga> loaded = await trial.LoadAsync(owner, raced).ConfigureAwait(false);
        return
        [
            .. listed.Select(candidate => RacingWriter.Created(candidate.SagaId)),
            .. loaded.SelectMany((one, i) => StoreTrial.Present(one, raced[i].SagaId).Events
                .Select(nodeEvent => RacingWriter.Wrote(raced[i].SagaId, nodeEvent.NodeId))),
        ];
    }

    private static void Check(RacingWriter[] writers, string[] atOnce, string[] later, string change)
    {
        Expect.SameSet(later, atOnce, $"what stands there when the last writer is refused, compared with what stood there when {change} returned");
        foreach (RacingWriter writer in writers)
        {
            Expect.Sequence(writer.Taken.Except(later), [], $"writes that were answered as taken and are not there after {change}");
            Expect.Sequence(writer.Refused.Intersect(later), [], $"writes that were answered as refused and are there after {change}");
            Expect.That(writer.Refused.Count > 0, $"a writer is refused after {change}", $"it wrote {writer.Taken.Count} times, and was never refused");
        }
    }
}
