using SagaRecovery.Fencing;
using SagaRecovery.Storage;

namespace SagaRecovery.Testing.Contracts;

/// <summary>Writing again, writing in order, and writing after the end.</summary>
internal static class EndingRules
{
    private static readonly SagaState[] s_ends = [SagaState.Succeeded, SagaState.Unwound, SagaState.Stuck];

    public static IReadOnlyList<Rule<StoreTrial>> All { get; } =
    [
        new(
            "Writing again what stands in the log changes nothing and counts as written, even after the end",
            "after a lost answer the executor would take a saga that is its own for fenced, or an output would change after others used it",
            AgainAsync),
        new(
            "An ended saga takes nothing new",
            "a run that is late would change a saga whose end has been told to its caller",
            EndedAsync),
        new(
            "Entries of one saga take effect in their order",
            "a saga would be left in a state that it has left, or go on after its end",
            InOrderAsync),
    ];

    private static async Task AgainAsync(StoreTrial trial)
    {
        Membership us = await trial.JoinAsync().ConfigureAwait(false);
        SagaId saga = await trial.CreateAsync(us).ConfigureAwait(false);
        SavedNodeEvent output = StoreTrial.Event(0, NodeEventType.Succeeded, "\"first\"");
        await trial.WriteAsync(us, StoreTrial.Entry(saga, state: null, StoreTrial.Event(0, NodeEventType.Started), output)).ConfigureAwait(false);

        Expect.That(
            await trial.AppendAsync(us, StoreTrial.Entry(saga, state: null, output)).ConfigureAwait(false), "writing again counts as written", "it was refused");
        await trial.AppendAsync(us, StoreTrial.Entry(saga, state: null, StoreTrial.Event(0, NodeEventType.Succeeded, "\"second\""))).ConfigureAwait(false);
        SavedSaga after = await trial.LoadPresentAsync(us, saga).ConfigureAwait(false);
        Expect.Sequence(
            StoreTrial.Describe(after.Events), [$"0 {NodeEventType.Started}", $"0 {NodeEventType.Succeeded} \"first\""], "the log, after an event was written again");

        SagaLogEntry[] last =
        [
            StoreTrial.Started(saga, 1),
            StoreTrial.Entry(saga, SagaState.Unwinding, StoreTrial.Event(1, NodeEventType.Failed, "{}")),
            StoreTrial.Entry(saga, SagaState.Unwound, StoreTrial.Event(0, NodeEventType.UndoStarted), StoreTrial.Event(0, NodeEventType.UndoFinished)),
        ];
        Expect.Sequence(await trial.AppendAsync(us, last).ConfigureAwait(false), [true, true, true], "the answers to a group that ends a saga");
        Expect.Sequence(await trial.AppendAsync(us, last).ConfigureAwait(false), [true, true, true], "the answers to the same group, written again");
        Expect.That(
            await trial.AppendAsync(us, StoreTrial.Entry(saga, SagaState.Unwound)).ConfigureAwait(false),
            "the end alone, written again, counts as written", "it was refused");
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
            await RefusedAsync(StoreTrial.Started(saga, 1, end), end, "a new event with the state that it is in").ConfigureAwait(false);
            await RefusedAsync(StoreTrial.Entry(saga, SagaState.Running), end, "the state 'running'").ConfigureAwait(false);
            foreach (SagaState other in s_ends.Where(state => state != end))
            {
                await RefusedAsync(StoreTrial.Started(saga, 0, other), end, $"the state '{other}'").ConfigureAwait(false);
            }
        }

        async Task RefusedAsync(SagaLogEntry entry, SagaState end, string what) => Expect.Equal(
            await trial.AppendAsync(us, entry).ConfigureAwait(false), expected: false, $"writing {what} about a saga that ended as '{end}'");
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

        Expect.Sequence(written, [true, true, true, true, true, false, false], "the answers to a group that ends a saga, and then goes on about it");
        Expect.Sequence(await trial.ListIdsAsync(us).ConfigureAwait(false), [sagas[1]], "sagas in progress afterwards");
        Expect.That(
            await trial.AppendAsync(us, StoreTrial.Entry(sagas[0], SagaState.Unwound)).ConfigureAwait(false),
            "the saga has ended as its first end says", "it has not");
        SavedSaga other = await trial.LoadPresentAsync(us, sagas[1]).ConfigureAwait(false);
        Expect.Equal((other.State, other.Events.Count), (SagaState.Unwinding, 2), "state and events of the other saga");
    }
}
