using SagaRecovery.Fencing;
using SagaRecovery.Storage;

namespace SagaRecovery.Testing.Contracts;

/// <summary>
/// Rules about restoring the log of a saga from the memory of its run. For a store, a log that has lost its last events looks like one
/// that never got them, so these rules need no actual loss.
/// </summary>
internal static class RestoringRules
{
    private static readonly SavedNodeEvent[] s_log =
    [
        StoreTrial.Event(0, NodeEventType.Started),
        StoreTrial.Event(0, NodeEventType.Succeeded, """{ "output" :  1.50 }"""),
        StoreTrial.Event(1, NodeEventType.Started),
        StoreTrial.Event(1, NodeEventType.Failed, "\"no\""),
    ];

    public static IReadOnlyList<Rule<StoreTrial>> All { get; } =
    [
        new(
            "Restoring a complete log changes nothing, even when repeated",
            "a fail-over without a loss would stop every run in flight",
            CompleteAsync),
        new(
            "Restoring writes only the missing events and the state",
            "the log would have a gap: finished steps would run again, or the saga would look corrupt and be abandoned",
            MissingAsync),
        new(
            "Restoring an ended saga succeeds for the same end, and a different end is reported as not ours",
            "an ended saga would run again, or a run would stop as fenced although it finished the saga itself",
            EndedAsync),
        new(
            "Only the owner can restore a log, and only at its current generation",
            "a run whose saga was reassigned would write into the log of the new owner",
            OnlyOwnerAsync),
        new(
            "A log with an event unknown to the run is reported as superseded and stays unchanged",
            "the log would mix two histories of one saga",
            SupersededAsync),
        new(
            "Restoring a saga without a row reports it as lost and does not create it",
            "a lost saga would return without its parameters, or no report would name its loss",
            LostAsync),
        new(
            "A cancelled restore takes effect completely or not at all",
            "a saga could be unwinding without the failure that caused it, or its log could have a gap",
            CancelledAsync),
    ];

    private static async Task CompleteAsync(StoreTrial trial)
    {
        Membership us = await trial.JoinAsync().ConfigureAwait(false);
        SagaId saga = await trial.CreateAsync(us).ConfigureAwait(false);
        SagaId fresh = await trial.CreateAsync(us).ConfigureAwait(false);
        await trial.WriteAsync(us, StoreTrial.Entry(saga, SagaState.Unwinding, s_log)).ConfigureAwait(false);

        foreach (string time in new[] { "once", "twice" })
        {
            await ExpectOutcomeAsync(trial, us, StoreTrial.Entry(saga, SagaState.Unwinding, s_log), RestoreOutcome.Restored,
                $"a complete log, {time}").ConfigureAwait(false);
            await ExpectLogAsync(trial, us, saga, SagaState.Unwinding, s_log, $"restored {time}").ConfigureAwait(false);
            await ExpectOutcomeAsync(trial, us, StoreTrial.Entry(fresh, SagaState.Running), RestoreOutcome.Restored,
                $"an empty log, {time}").ConfigureAwait(false);
            await ExpectLogAsync(trial, us, fresh, SagaState.Running, [], $"empty and restored {time}").ConfigureAwait(false);
        }

        await trial.WriteAsync(us, StoreTrial.Started(saga, node: 2)).ConfigureAwait(false);
    }

    private static async Task MissingAsync(StoreTrial trial)
    {
        Membership us = await trial.JoinAsync().ConfigureAwait(false);
        SagaId bystander = await trial.CreateAsync(us).ConfigureAwait(false);
        await trial.WriteAsync(us, StoreTrial.Started(bystander, node: 0)).ConfigureAwait(false);
        for (int kept = 0; kept <= s_log.Length; kept++)
        {
            SagaId saga = await trial.CreateAsync(us).ConfigureAwait(false);
            await trial.WriteAsync(us, StoreTrial.Entry(saga, state: null, s_log[..kept])).ConfigureAwait(false);
            string which = $"with {kept} remaining events";

            await ExpectOutcomeAsync(trial, us, StoreTrial.Entry(saga, SagaState.Unwinding, s_log), RestoreOutcome.Restored,
                $"a log {which}").ConfigureAwait(false);
            await ExpectLogAsync(trial, us, saga, SagaState.Unwinding, s_log, $"{which}, restored").ConfigureAwait(false);
            await trial.WriteAsync(us, StoreTrial.Started(saga, node: 2)).ConfigureAwait(false);

            SagaId ended = await trial.CreateAsync(us).ConfigureAwait(false);
            await trial.WriteAsync(us, StoreTrial.Entry(ended, state: null, s_log[..kept])).ConfigureAwait(false);
            await ExpectOutcomeAsync(trial, us, StoreTrial.Entry(ended, SagaState.Unwound, s_log), RestoreOutcome.Restored,
                $"an end, and a log {which}").ConfigureAwait(false);
            Expect.Sequence(
                (await trial.ListIdsAsync(us).ConfigureAwait(false)).Where(listed => listed == ended), [], "sagas in progress whose end was restored");
            Expect.That( // an ended saga refuses new events, so an accepted write proves that the events are stored
                await trial.AppendAsync(us, StoreTrial.Entry(ended, SagaState.Unwound, s_log)).ConfigureAwait(false),
                $"the end and all events of a log {which} are stored after a restore", "a write that repeats them is refused");
            Expect.Equal(
                await trial.AppendAsync(us, StoreTrial.Started(ended, node: 2)).ConfigureAwait(false), expected: false, "a new event after a restored end");
        }

        await ExpectLogAsync(trial, us, bystander, SagaState.Running, [s_log[0]], "next to restored sagas").ConfigureAwait(false);
    }

    private static async Task EndedAsync(StoreTrial trial)
    {
        Membership us = await trial.JoinAsync().ConfigureAwait(false);
        SagaState[] ends = [SagaState.Succeeded, SagaState.Unwound, SagaState.Stuck];
        foreach (SagaState end in ends)
        {
            SagaId saga = await trial.CreateAsync(us).ConfigureAwait(false);
            await trial.WriteAsync(us, StoreTrial.Started(saga, node: 0, end)).ConfigureAwait(false);
            await ExpectOutcomeAsync(
                trial, us, StoreTrial.Started(saga, node: 0, end), RestoreOutcome.Restored,
                $"a saga that ended as '{end}', with the same end").ConfigureAwait(false);
            await NotOwnedAsync(saga, end, [SagaState.Running, SagaState.Unwinding, .. ends.Where(other => other != end)]).ConfigureAwait(false);
            Expect.That(
                await trial.AppendAsync(us, StoreTrial.Entry(saga, end)).ConfigureAwait(false), $"the state remains '{end}'", "it changed");
        }

        SagaId abandoned = await trial.CreateAsync(us).ConfigureAwait(false);
        await trial.WriteAsync(us, StoreTrial.Started(abandoned, node: 0)).ConfigureAwait(false);
        await trial.AbandonAsync(us, abandoned).ConfigureAwait(false);
        await NotOwnedAsync(abandoned, SagaState.Abandoned, [SagaState.Running, SagaState.Unwinding, .. ends]).ConfigureAwait(false);

        async Task NotOwnedAsync(SagaId saga, SagaState end, SagaState[] others)
        {
            foreach (SagaState other in others)
            {
                SagaLogEntry everything = StoreTrial.Entry(saga, other, s_log);
                await ExpectOutcomeAsync(trial, us, everything, RestoreOutcome.NotOwned,
                    $"a saga that ended as '{end}', with the state '{other}'").ConfigureAwait(false);
            }

            Expect.Equal((await trial.ListIdsAsync(us).ConfigureAwait(false)).Count, 0, "sagas in progress after a restore of an ended saga");
            Expect.Equal(
                await trial.AppendAsync(us, StoreTrial.Entry(saga, state: null, s_log[^1])).ConfigureAwait(false),
                expected: false,
                $"appending an event of a refused restore to a saga that ended as '{end}'");
        }
    }

    private static async Task OnlyOwnerAsync(StoreTrial trial)
    {
        Membership us = await trial.JoinAsync().ConfigureAwait(false);
        Membership others = await trial.JoinAsync().ConfigureAwait(false);
        AdoptGeneration newer = AdoptGeneration.Initial.Next;
        List<SagaId> sagas = await trial.CreateManyAsync(us, 3).ConfigureAwait(false);
        foreach (SagaId saga in sagas)
        {
            await trial.WriteAsync(us, StoreTrial.Entry(saga, state: null, s_log[0])).ConfigureAwait(false);
        }

        await NotOwnedAsync(others, sagas[0], "of another coordinator").ConfigureAwait(false);
        await NotOwnedAsync(us, sagas[0], "at a future generation", newer).ConfigureAwait(false);
        await trial.ReassignAsync(sagas[0], others.Coordinator).ConfigureAwait(false);
        await NotOwnedAsync(us, sagas[0], "that was reassigned").ConfigureAwait(false);
        await NotOwnedAsync(us, sagas[0], "that was reassigned, at its new generation", newer).ConfigureAwait(false);
        SavedNodeEvent elsewhere = StoreTrial.Event(9, NodeEventType.Started);
        await trial.WriteAsync(others, StoreTrial.Entry(sagas[0], state: null, elsewhere) with { Generation = newer }).ConfigureAwait(false);
        await NotOwnedAsync(us, sagas[0], "that its new owner has continued").ConfigureAwait(false);
        await ExpectLogAsync(trial, others, sagas[0], SagaState.Running, [s_log[0], elsewhere], "that was reassigned", newer).ConfigureAwait(false);

        await trial.ReassignAsync(sagas[1], to: null).ConfigureAwait(false);
        await NotOwnedAsync(us, sagas[1], "without an owner").ConfigureAwait(false);
        await NotOwnedAsync(us, sagas[1], "without an owner, at its new generation", newer).ConfigureAwait(false);
        await trial.ReassignAsync(sagas[1], us.Coordinator).ConfigureAwait(false);
        await NotOwnedAsync(us, sagas[1], "that came back at a newer generation").ConfigureAwait(false);
        await ExpectLogAsync(trial, us, sagas[1], SagaState.Running, [s_log[0]], "that was without an owner", newer.Next).ConfigureAwait(false);

        SagaLogEntry ours = StoreTrial.Entry(sagas[1], SagaState.Unwinding, s_log) with { Generation = newer.Next };
        await ExpectOutcomeAsync(trial, us, ours, RestoreOutcome.Restored, "a saga that came back, at its newer generation").ConfigureAwait(false);
        await ExpectLogAsync(trial, us, sagas[1], SagaState.Unwinding, s_log, "that came back", newer.Next).ConfigureAwait(false);
        await ExpectLogAsync(trial, us, sagas[2], SagaState.Running, [s_log[0]], "next to restored sagas").ConfigureAwait(false);

        Task NotOwnedAsync(Membership member, SagaId saga, string which, AdoptGeneration? generation = null) => ExpectOutcomeAsync(
            trial,
            member,
            StoreTrial.Entry(saga, SagaState.Unwinding, s_log) with { Generation = generation ?? AdoptGeneration.Initial },
            RestoreOutcome.NotOwned,
            $"a saga {which}");
    }

    private static async Task SupersededAsync(StoreTrial trial)
    {
        Membership us = await trial.JoinAsync().ConfigureAwait(false);
        SavedNodeEvent elsewhere = StoreTrial.Event(0, NodeEventType.Failed, "\"elsewhere\"");
        (string Which, SavedNodeEvent[] Stored, SavedNodeEvent[] Known)[] cases =
        [
            ("with one event that the run does not know", s_log, s_log[..^1]),
            ("without any event that the run knows", s_log[..1], []),
            ("that has diverged", [s_log[0], elsewhere], s_log[..2]),
            ("that has diverged and is shorter", [s_log[0], elsewhere], s_log),
        ];
        foreach ((string which, SavedNodeEvent[] stored, SavedNodeEvent[] known) in cases)
        {
            SagaId saga = await trial.CreateAsync(us).ConfigureAwait(false);
            await trial.WriteAsync(us, StoreTrial.Entry(saga, state: null, stored)).ConfigureAwait(false);

            SagaLogEntry everything = StoreTrial.Entry(saga, SagaState.Unwinding, known);
            await ExpectOutcomeAsync(trial, us, everything, RestoreOutcome.Superseded, $"a log {which}").ConfigureAwait(false);
            await ExpectLogAsync(trial, us, saga, SagaState.Running, stored, which).ConfigureAwait(false);
        }
    }

    private static async Task LostAsync(StoreTrial trial)
    {
        Membership us = await trial.JoinAsync().ConfigureAwait(false);
        SagaId lost = StoreTrial.NewId();

        await ExpectOutcomeAsync(trial, us, StoreTrial.Entry(lost, SagaState.Unwinding, s_log), RestoreOutcome.Lost,
            "a saga without a row").ConfigureAwait(false);

        Expect.Equal((await trial.ListIdsAsync(us).ConfigureAwait(false)).Count, 0, "sagas in progress after a restore of a lost saga");
        Expect.Sequence(await trial.FindLostAsync(us, lost).ConfigureAwait(false), [lost], "lost sagas after a restore of a lost saga");
        await trial.CreateAsync(us, StoreTrial.NewSaga(lost)).ConfigureAwait(false);
        await ExpectLogAsync(trial, us, lost, SagaState.Running, [], "that was lost and created again").ConfigureAwait(false);
    }

    private static async Task CancelledAsync(StoreTrial trial)
    {
        const int Events = 20;
        Membership us = await trial.JoinAsync().ConfigureAwait(false);
        List<SagaId> sagas = await trial.CreateManyAsync(us, 40).ConfigureAwait(false);
        SavedNodeEvent[] events = [.. Enumerable.Range(0, Events).Select(node => StoreTrial.Event(node, NodeEventType.Started))];
        for (int i = 0; i < sagas.Count; i++)
        {
            // Each round cancels a little later.
            await Crowd.CancelAfterAsync(
                yields: i,
                cancellationToken => trial.Log.RestoreAsync(us, StoreTrial.Entry(sagas[i], SagaState.Unwinding, events), cancellationToken))
                .ConfigureAwait(false);
        }

        us = await trial.JoinAsync(us.Coordinator).ConfigureAwait(false); // the join ends every write that is still in flight
        foreach (SagaId id in sagas)
        {
            SavedSaga saga = await trial.LoadPresentAsync(us, id).ConfigureAwait(false);
            Expect.That(
                (saga.State, saga.Events.Count) is (SagaState.Running, 0) or (SagaState.Unwinding, Events),
                $"running without events, or unwinding with all {Events}",
                $"{saga.State} with {saga.Events.Count} events");
        }
    }

    private static async Task ExpectOutcomeAsync(StoreTrial trial, Membership member, SagaLogEntry everything, RestoreOutcome outcome, string of) =>
        Expect.Equal(await trial.RestoreAsync(member, everything).ConfigureAwait(false), outcome, $"the outcome of restoring {of}");

    private static async Task ExpectLogAsync(
        StoreTrial trial, Membership owner, SagaId saga, SagaState state, SavedNodeEvent[] events, string which, AdoptGeneration? generation = null)
    {
        SavedSaga stored = await trial.LoadPresentAsync(owner, saga, generation).ConfigureAwait(false);
        Expect.Equal(stored.State, state, $"the state of a saga {which}");
        Expect.Sequence(StoreTrial.Describe(stored.Events), StoreTrial.Describe(events), $"the log of a saga {which}");
    }
}
