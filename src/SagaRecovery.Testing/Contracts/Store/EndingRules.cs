using SagaRecovery.Fencing;
using SagaRecovery.Storage;

namespace SagaRecovery.Testing.Contracts;

/// <summary>Rules about repeated writes, the order of writes, and writes after the end of a saga.</summary>
internal static class EndingRules
{
    private static readonly SagaState[] s_ends = [SagaState.Succeeded, SagaState.Unwound, SagaState.Stuck];

    public static IReadOnlyList<Rule<StoreTrial>> All { get; } =
    [
        new(
            "A repeated write changes nothing and succeeds, even after the saga has ended",
            "after a lost response the executor would treat its own saga as fenced, or an output would change after other nodes used it",
            AgainAsync),
        new(
            "An ended saga accepts no new writes",
            "a late run would change a saga after its end was reported to its caller",
            EndedAsync),
        new(
            "Entries of one saga take effect in order",
            "a saga would return to an earlier state, or continue after its end",
            InOrderAsync),
    ];

    private static async Task AgainAsync(StoreTrial trial)
    {
        Membership us = await trial.JoinAsync().ConfigureAwait(false);
        SagaId saga = await trial.CreateAsync(us).ConfigureAwait(false);
        SavedNodeEvent output = StoreTrial.Event(0, NodeEventType.Succeeded, "\"first\"");
        await trial.WriteAsync(us, StoreTrial.Entry(saga, state: null, StoreTrial.Event(0, NodeEventType.Started), output)).ConfigureAwait(false);

        Expect.That(
            await trial.AppendAsync(us, StoreTrial.Entry(saga, state: null, output)).ConfigureAwait(false), "a repeated write succeeds", "it was refused");
        await trial.AppendAsync(us, StoreTrial.Entry(saga, state: null, StoreTrial.Event(0, NodeEventType.Succeeded, "\"second\""))).ConfigureAwait(false);
        SavedSaga after = await trial.LoadPresentAsync(us, saga).ConfigureAwait(false);
        Expect.Sequence(
            StoreTrial.Describe(after.Events), [$"0 {NodeEventType.Started}", $"0 {NodeEventType.Succeeded} \"first\""], "the log after a repeated event");

        SagaLogEntry[] last =
        [
            StoreTrial.Started(saga, 1),
            StoreTrial.Entry(saga, SagaState.Unwinding, StoreTrial.Event(1, NodeEventType.Failed, "{}")),
            StoreTrial.Entry(saga, SagaState.Unwound, StoreTrial.Event(0, NodeEventType.UndoStarted), StoreTrial.Event(0, NodeEventType.UndoFinished)),
        ];
        Expect.Sequence(await trial.AppendAsync(us, last).ConfigureAwait(false), [true, true, true], "the results for a group that ends a saga");
        Expect.Sequence(await trial.AppendAsync(us, last).ConfigureAwait(false), [true, true, true], "the results for the same group, repeated");
        Expect.That(
            await trial.AppendAsync(us, StoreTrial.Entry(saga, SagaState.Unwound)).ConfigureAwait(false),
            "a repeated end without events succeeds", "it was refused");
    }

    private static async Task EndedAsync(StoreTrial trial)
    {
        Membership us = await trial.JoinAsync().ConfigureAwait(false);
        foreach (SagaState end in s_ends)
        {
            SagaId saga = await trial.CreateAsync(us).ConfigureAwait(false);
            await trial.WriteAsync(us, StoreTrial.Started(saga, 0, end)).ConfigureAwait(false);
            await NothingNewAsync(saga, end).ConfigureAwait(false);
        }

        SagaId abandoned = await trial.CreateAsync(us).ConfigureAwait(false);
        await trial.WriteAsync(us, StoreTrial.Started(abandoned, 0)).ConfigureAwait(false);
        await trial.AbandonAsync(us, abandoned).ConfigureAwait(false);
        await NothingNewAsync(abandoned, SagaState.Abandoned).ConfigureAwait(false);
        Expect.Equal((await trial.ListIdsAsync(us).ConfigureAwait(false)).Count, 0, "sagas in progress after all have ended");

        async Task NothingNewAsync(SagaId saga, SagaState end)
        {
            await RefusedAsync(StoreTrial.Started(saga, 1), end, "a new event").ConfigureAwait(false);
            await RefusedAsync(StoreTrial.Started(saga, 1, end), end, "a new event with the current state").ConfigureAwait(false);
            await RefusedAsync(StoreTrial.Entry(saga, SagaState.Running), end, "the state 'running'").ConfigureAwait(false);
            foreach (SagaState other in s_ends.Where(state => state != end))
            {
                await RefusedAsync(StoreTrial.Started(saga, 0, other), end, $"the state '{other}'").ConfigureAwait(false);
            }
        }

        async Task RefusedAsync(SagaLogEntry entry, SagaState end, string what) => Expect.Equal(
            await trial.AppendAsync(us, entry).ConfigureAwait(false), expected: false, $"writing {what} to a saga that ended as '{end}'");
    }

    private static async Task InOrderAsync(StoreTrial trial)
    {
        Membership us = await trial.JoinAsync().ConfigureAwait(false);
        List<SagaId> sagas = await trial.CreateManyAsync(us, 2).ConfigureAwait(false);

        IReadOnlyList<bool> written = await trial.AppendAsync(
            us,
            StoreTrial.Started(sagas[0], 0),
            StoreTrial.Started(sagas[1], 0),
            StoreTrial.Entry(sagas[0], SagaState.Unwinding, StoreTrial.Event(0, NodeEventType.Failed, "{}")),
            StoreTrial.Started(sagas[1], 1, SagaState.Unwinding),
            StoreTrial.Entry(sagas[0], SagaState.Unwound),
            StoreTrial.Started(sagas[0], 1),
            StoreTrial.Entry(sagas[0], SagaState.Succeeded)).ConfigureAwait(false);

        Expect.Sequence(written, [true, true, true, true, true, false, false], "the results for a group that ends a saga and then continues it");
        Expect.Sequence(await trial.ListIdsAsync(us).ConfigureAwait(false), [sagas[1]], "sagas in progress afterwards");
        Expect.That(
            await trial.AppendAsync(us, StoreTrial.Entry(sagas[0], SagaState.Unwound)).ConfigureAwait(false),
            "the saga keeps its first end", "the end changed");
        SavedSaga other = await trial.LoadPresentAsync(us, sagas[1]).ConfigureAwait(false);
        Expect.Equal((other.State, other.Events.Count), (SagaState.Unwinding, 2), "state and event count of the other saga");
    }
}
