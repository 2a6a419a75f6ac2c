using SagaRecovery.Fencing;
using SagaRecovery.Storage;

namespace SagaRecovery.Testing.Contracts;

internal static class AppendingRules
{
    public static IReadOnlyList<Rule<StoreTrial>> All { get; } =
    [
        new(
            "Only the owner can write, and only at its current generation",
            "a run whose saga was reassigned would keep writing into the log of the new owner",
            OnlyOwnerAsync),
        new(
            "Each entry of a group gets its own result, in order",
            "an executor would stop sagas that it owns and continue sagas that it does not own",
            AnsweredInOrderAsync),
        new(
            "A cancelled append applies each entry completely or not at all",
            "a saga could be unwinding without the failure that caused it, or hold the failure without unwinding",
            CancelledAsync),
        new(
            "Concurrent callers all get their own results",
            "under load, writes would be lost or get the result of another caller",
            ManyAsync),
    ];

    private static async Task OnlyOwnerAsync(StoreTrial trial)
    {
        Membership us = await trial.JoinAsync().ConfigureAwait(false);
        Membership others = await trial.JoinAsync().ConfigureAwait(false);
        SagaId saga = await trial.CreateAsync(us).ConfigureAwait(false);
        SagaId unknown = StoreTrial.NewId();
        AdoptGeneration newer = AdoptGeneration.Initial.Next;

        await RefusedAsync(others, StoreTrial.Started(saga, 0), "of another coordinator").ConfigureAwait(false);
        await RefusedAsync(us, StoreTrial.Started(saga, 0) with { Generation = newer }, "at a future generation").ConfigureAwait(false);
        await RefusedAsync(us, StoreTrial.Started(unknown, 0), "to a saga that does not exist").ConfigureAwait(false);
        await trial.ReassignAsync(saga, others.Coordinator).ConfigureAwait(false);
        await RefusedAsync(us, StoreTrial.Started(saga, 0, SagaState.Succeeded), "of the former owner").ConfigureAwait(false);
        await RefusedAsync(us, StoreTrial.Started(saga, 0) with { Generation = newer }, "of the former owner at the new generation").ConfigureAwait(false);
        await trial.ReassignAsync(saga, us.Coordinator).ConfigureAwait(false);
        await RefusedAsync(us, StoreTrial.Started(saga, 0, SagaState.Succeeded),
            "at the generation before the saga was reassigned and came back").ConfigureAwait(false);

        newer = newer.Next;
        await trial.WriteAsync(us, StoreTrial.Started(saga, 1) with { Generation = newer }).ConfigureAwait(false);
        SavedSaga after = await trial.LoadPresentAsync(us, saga, newer).ConfigureAwait(false);
        Expect.Sequence(StoreTrial.Describe(after.Events), [$"1 {NodeEventType.Started}"], "the log after all writes but one were refused");

        async Task RefusedAsync(Membership member, SagaLogEntry entry, string which) =>
            Expect.Equal(await trial.AppendAsync(member, entry).ConfigureAwait(false), expected: false, $"a write {which}");
    }

    private static async Task AnsweredInOrderAsync(StoreTrial trial)
    {
        Membership us = await trial.JoinAsync().ConfigureAwait(false);
        List<SagaId> sagas = await trial.CreateManyAsync(us, 3).ConfigureAwait(false);

        IReadOnlyList<bool> written = await trial.AppendAsync(
            us,
            StoreTrial.Started(sagas[0], 0),
            StoreTrial.Started(StoreTrial.NewId(), 0),
            StoreTrial.Started(sagas[1], 0) with { Generation = AdoptGeneration.Initial.Next },
            StoreTrial.Entry(sagas[2], SagaState.Unwinding),
            StoreTrial.Started(sagas[0], 1)).ConfigureAwait(false);

        Expect.Sequence(written, [true, false, false, true, true], "the results");
        IReadOnlyList<LoadedSaga> loaded = await trial.LoadAsync(us, [.. sagas.Select(saga => StoreTrial.AsCandidate(saga))]).ConfigureAwait(false);
        Expect.Sequence(
            loaded.Select((one, i) => StoreTrial.RequirePresent(one, sagas[i])).Select(saga => (saga.State, saga.Events.Count)),
            [(SagaState.Running, 2), (SagaState.Running, 0), (SagaState.Unwinding, 0)],
            "states and event counts");
        Expect.Equal((await trial.AppendAsync(us, (SagaLogEntry[])[]).ConfigureAwait(false)).Count, 0, "results for an empty group");
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
                cancellationToken => trial.Log.AppendAsync(us, [StoreTrial.Entry(sagas[i], SagaState.Unwinding, events)], cancellationToken))
                .ConfigureAwait(false);
        }

        us = await trial.JoinAsync(us.Coordinator).ConfigureAwait(false); // the join ends every write that is still in flight
        IReadOnlyList<LoadedSaga> loaded = await trial.LoadAsync(us, [.. sagas.Select(saga => StoreTrial.AsCandidate(saga))]).ConfigureAwait(false);
        for (int i = 0; i < sagas.Count; i++)
        {
            SavedSaga saga = StoreTrial.RequirePresent(loaded[i], sagas[i]);
            Expect.That(
                (saga.State, saga.Events.Count) is (SagaState.Running, 0) or (SagaState.Unwinding, Events),
                $"running without events, or unwinding with all {Events}",
                $"{saga.State} with {saga.Events.Count} events");
        }
    }

    private static async Task ManyAsync(StoreTrial trial)
    {
        const int Steps = 10;
        Membership us = await trial.JoinAsync().ConfigureAwait(false);
        SagaId[] sagas = await Crowd.RunAsync(24, async _ =>
        {
            SagaId saga = await trial.CreateAsync(us).ConfigureAwait(false);
            for (int node = 0; node < Steps; node++)
            {
                await trial.WriteAsync(us, StoreTrial.Started(saga, node)).ConfigureAwait(false);
                await trial.LoadPresentAsync(us, saga).ConfigureAwait(false);
            }

            await trial.ListAsync(us).ConfigureAwait(false);
            return saga;
        }).ConfigureAwait(false);

        Expect.SameSet(await trial.ListIdsAsync(us).ConfigureAwait(false), sagas, "sagas listed after concurrent creates");
        IReadOnlyList<LoadedSaga> loaded = await trial.LoadAsync(us, [.. sagas.Select(saga => StoreTrial.AsCandidate(saga))]).ConfigureAwait(false);
        for (int i = 0; i < sagas.Length; i++)
        {
            Expect.Sequence(
                StoreTrial.Describe(StoreTrial.RequirePresent(loaded[i], sagas[i]).Events),
                Enumerable.Range(0, Steps).Select(node => $"{node} {NodeEventType.Started}"),
                "the log of one saga after concurrent writes");
        }
    }
}
