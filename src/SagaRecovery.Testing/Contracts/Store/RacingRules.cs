using SagaRecovery.Bookkeeping;
using SagaRecovery.Fencing;
using SagaRecovery.Storage;

namespace SagaRecovery.Testing.Contracts;

/// <summary>
/// Rules about writes that race with a change of owner. Each round starts writers, changes the owner, and reads the logs at once and
/// again after every writer was refused. Both reads must be equal and must match the results that the writers got.
/// </summary>
internal static class RacingRules
{
    private const int Rounds = 25;
    private const int LongLog = 200; // events: a longer restore makes a race with the change more likely

    public static IReadOnlyList<Rule<StoreTrial>> All { get; } =
    [
        new(
            "After a join returns, no write of an older incarnation takes effect",
            "the predecessor would append to a log that the successor has already loaded: steps would run twice, and neither process would notice",
            JoinAsync),
        new(
            "After a process rejoins, no write with its earlier join takes effect",
            "a restored log would get an event from a write that the process considers refused",
            RejoinAsync),
        new(
            "After a saga is reassigned, no write of its former owner takes effect",
            "the former owner would append to a log that the new owner has already loaded: steps would run twice, and neither process would notice",
            ReassignAsync),
    ];

    private static Task JoinAsync(StoreTrial trial) => RaceWithJoinsAsync(trial, old => trial.JoinAsync(old.Coordinator), "the join", isRejoin: false);

    private static Task RejoinAsync(StoreTrial trial) => RaceWithJoinsAsync(trial, trial.RejoinAsync, "the rejoin", isRejoin: true);

    private static async Task RaceWithJoinsAsync(StoreTrial trial, Func<Membership, Task<Membership>> join, string change, bool isRejoin)
    {
        Membership old = await trial.JoinAsync().ConfigureAwait(false);
        for (int round = 0; round < Rounds; round++)
        {
            List<SagaId> sagas = await trial.CreateManyAsync(old, 6).ConfigureAwait(false);
            Membership writing = old;
            RacingWriter[] writers =
            [
                .. sagas[..3].Select(saga => new RacingWriter(trial, writing, saga) { ExpectsLostJoin = isRejoin }),
                .. sagas[3..].Select(saga => new RacingWriter(trial, writing, saga, LongLog) { Restores = true, ExpectsLostJoin = isRejoin }),
                new RacingWriter(trial, writing, saga: null) { ExpectsLostJoin = isRejoin },
            ];
            Membership present = await RaceAsync(writers, () => join(writing)).ConfigureAwait(false);

            string[] atOnce = await ReadAsync(trial, present, sagas).ConfigureAwait(false);
            await WaitForEndAsync(writers).ConfigureAwait(false);
            string[] later = await ReadAsync(trial, present, sagas).ConfigureAwait(false);

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
            Membership next = round % 2 == 0 ? others : us; // reassigned to another coordinator, or to the same one at a newer generation
            List<SagaId> sagas = await trial.CreateManyAsync(us, 3).ConfigureAwait(false);
            RacingWriter[] writers =
            [
                new(trial, us, sagas[0]),
                new(trial, us, sagas[0], firstNode: 100_000),
                new(trial, us, sagas[1], LongLog) { Restores = true }, // the only writer: events of a second one would make its restores superseded
                new(trial, us, sagas[2], LongLog) { Restores = true },
            ];
            await RaceAsync(writers, async () =>
            {
                await Task.WhenAll(sagas.Select(saga => trial.ReassignAsync(saga, next.Coordinator))).ConfigureAwait(false);
                return next;
            }).ConfigureAwait(false);

            string[] atOnce = await ReadAsync(trial, next, sagas).ConfigureAwait(false);
            await WaitForEndAsync(writers).ConfigureAwait(false);
            string[] later = await ReadAsync(trial, next, sagas).ConfigureAwait(false);

            Check(writers, atOnce, later, "the reassignment");
        }
    }

    /// <summary>Changes the owner after every writer has made a write.</summary>
    private static async Task<Membership> RaceAsync(RacingWriter[] writers, Func<Task<Membership>> change)
    {
        foreach (RacingWriter writer in writers)
        {
            writer.Start();
        }

        await Task.WhenAll(writers.Select(writer => writer.FirstWrite)).ConfigureAwait(false);
        Membership changed = await change().ConfigureAwait(false);
        foreach (RacingWriter writer in writers)
        {
            writer.NotifyOwnerChanged();
        }

        return changed;
    }

    private static Task WaitForEndAsync(RacingWriter[] writers) => Task.WhenAll(writers.Select(writer => writer.Completion));

    /// <summary>Reads the owner's sagas and the events of the sagas in the race.</summary>
    private static async Task<string[]> ReadAsync(StoreTrial trial, Membership owner, List<SagaId> sagas)
    {
        (IReadOnlyList<Candidate> listed, _) = await trial.ListAsync(owner).ConfigureAwait(false);
        Candidate[] raced = [.. listed.Where(candidate => sagas.Contains(candidate.SagaId))];
        IReadOnlyList<LoadedSaga> loaded = await trial.LoadAsync(owner, raced).ConfigureAwait(false);
        return
        [
            .. listed.Select(candidate => RacingWriter.Created(candidate.SagaId)),
            .. loaded.SelectMany((one, i) => StoreTrial.RequirePresent(one, raced[i].SagaId).Events
                .Select(nodeEvent => RacingWriter.Wrote(raced[i].SagaId, nodeEvent.NodeId))),
        ];
    }

    private static void Check(RacingWriter[] writers, string[] atOnce, string[] later, string change)
    {
        Expect.SameSet(later, atOnce, $"stored sagas and events after the last refusal, compared with those when {change} returned");
        foreach (RacingWriter writer in writers)
        {
            Expect.Sequence(writer.Accepted.Except(later), [], $"writes that were accepted but are missing after {change}");
            Expect.Sequence(writer.Refused.Intersect(later), [], $"writes that were refused but are stored after {change}");
            Expect.That(writer.Refused.Count > 0, $"a writer is refused after {change}", $"it made {writer.Accepted.Count} writes and was never refused");
        }
    }
}
