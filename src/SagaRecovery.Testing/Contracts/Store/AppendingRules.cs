using SagaRecovery.Fencing;
using SagaRecovery.Storage;

namespace SagaRecovery.Testing.Contracts;

internal static class AppendingRules
{
    public static IReadOnlyList<Rule<StoreTrial>> All { get; } =
    [
        new(
            "Only the owner writes, and only at the generation that it was handed",
            "a run that was handed away would go on writing into the log of its successor",
            OnlyOwnerAsync),
        new(
            "The entries of a group are answered one by one, in their order",
            "an executor would stop the sagas that are its own, and go on with those that are not",
            AnsweredInOrderAsync),
        new(
            "An append that is cancelled takes effect entry by entry as a whole, or not at all",
            "a saga would be unwinding without the failure that it unwinds for, or the other way round",
            CancelledAsync),
        new(
            "Many callers at once are all served",
            "under load, writes would be lost or answered with another's answer",
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
        await RefusedAsync(us, StoreTrial.Started(saga, 0) with { Generation = newer }, "at a generation that is yet to come").ConfigureAwait(false);
        await RefusedAsync(us, StoreTrial.Started(unknown, 0), "about a saga that is not there").ConfigureAwait(false);
        await trial.ReassignAsync(saga, others.Coordinator).ConfigureAwait(false);
        await RefusedAsync(us, StoreTrial.Started(saga, 0, SagaState.Succeeded), "of the former owner").ConfigureAwait(false);
        await RefusedAsync(us, StoreTrial.Started(saga, 0) with { Generation = newer }, "of the former owner at the new generation").ConfigureAwait(false);
        await trial.ReassignAsync(saga, us.Coordinator).ConfigureAwait(false);
        await RefusedAsync(us, StoreTrial.Started(saga, 0, SagaState.Succeeded), "at the generation before the saga left and came back").ConfigureAwait(false);

        newer = newer.Next;
        await trial.WriteAsync(us, StoreTrial.Started(saga, 1) with { Generation = newer }).ConfigureAwait(false);
        SavedSaga after = await trial.LoadPresentAsync(us, saga, newer).ConfigureAwait(false);
        Expect.Sequence(StoreTrial.Describe(after.Events), [$"1 {NodeEventType.Started}"], "the log, after all but one write were refused");

        async Task RefusedAsync(Membership member, SagaLogEntry entry, string whose) =>
            Expect.Equal(await trial.AppendAsync(member, entry).ConfigureAwait(false), expected: false, $"a write {whose}");
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

        Expect.Sequence(written, [true, false, false, true, true], "the answers");
        IReadOnlyList<LoadedSaga> loaded = await trial.LoadAsync(us, [.. sagas.Select(saga => StoreTrial.AsCandidate(saga))]).ConfigureAwait(false);
        Expect.Sequence(
            loaded.Select((one, i) => StoreTrial.Present(one, sagas[i])).Select(saga => (saga.State, saga.Events.Count)),
            [(SagaState.Running, 2), (SagaState.Running, 0), (SagaState.Unwinding, 0)],
            "states and numbers of events");
        Expect.Equal((await trial.AppendAsync(us, (SagaLogEntry[])[]).ConfigureAwait(false)).Count, 0, "answers to an empty group");
    }

    private static async Task CancelledAsync(StoreTrial trial)
    {
        const int Events = 20;
        Membership us = await trial.JoinAsync().ConfigureAwait(false);
        List<SagaId> sagas = await trial.CreateManyAsync(us, 40).ConfigureAwait(false);
        SavedNodeEvent[] events = [.. Enumerable.Range(0, Events).Select(node => StoreTrial.Event(node, NodeEventType.Started))];
        for (int i = 0; i < sagas.Count; i++)
        {
            await Crowd.InterruptAsync(turns: i, token => trial.Log.AppendAsync(us, [StoreTrial.Entry(sagas[i], SagaState.Unwinding, events)], token)).ConfigureAwait(false); // each round cancels a little later
        }

        us = await trial.JoinAsync(us.Coordinator).ConfigureAwait(false); // now nothing that was sent is still under way
        IReadOnlyList<LoadedSaga> loaded = await trial.LoadAsync(us, [.. sagas.Select(saga => StoreTrial.AsCandidate(saga))]).ConfigureAwait(false);
        for (int i = 0; i < sagas.Count; i++)
        {
            SavedSaga saga = StoreTrial.Present(loaded[i], sagas[i]);
            Expect.That(
                (saga.State, saga.Events.Count) is (SagaState.Running, 0) or (SagaState.Unwinding, Events),
                $"running without events, or unwinding with all {Events}",
                $"it is {saga.State} with {saga.Events.Count} events");
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

        Expect.SameSet(await trial.ListIdsAsync(us).ConfigureAwait(false), sagas, "sagas listed after many callers created them at once");
        IReadOnlyList<LoadedSaga> loaded = await trial.LoadAsync(us, [.. sagas.Select(saga => StoreTrial.AsCandidate(saga))]).ConfigureAwait(false);
        for (int i = 0; i < sagas.Length; i++)
        {
            Expect.Sequence(
                StoreTrial.Describe(StoreTrial.Present(loaded[i], sagas[i]).Events),
                Enumerable.Range(0, Steps).Select(node => $"{node} {NodeEventType.Started}"),
                "the log of one saga among many");
        }
    }
}
