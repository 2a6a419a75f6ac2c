using System.Text;
using SagaRecovery.Fencing;
using SagaRecovery.Storage;

namespace SagaRecovery.Testing.Contracts;

internal static class CreatingRules
{
    public static IReadOnlyList<Rule<StoreTrial>> All { get; } =
    [
        new(
            "A new saga is in progress, owned by its creator, at the initial generation",
            "the store would refuse its writes, or recovery would not find it after a crash",
            NewAsync),
        new(
            "The first events of a new saga are stored together with its row, and those of a refused create are not",
            "an action would begin that the log does not show as started",
            WithEventsAsync),
        new(
            "A saga id can be created only once, and a repeated create changes nothing",
            "a caller that retries after a lost response would start its saga twice or erase its log",
            OnceAsync),
        new(
            "Of concurrent creates of one id, exactly one succeeds",
            "several processes would run the same saga",
            AtOnceAsync),
        new(
            "A call with an already cancelled token does nothing",
            "a cancelled operation would still change sagas, or block the shutdown of the process",
            CancelledAsync),
    ];

    private static async Task NewAsync(StoreTrial trial)
    {
        Membership us = await trial.JoinAsync().ConfigureAwait(false);
        SagaId id = await trial.CreateAsync(us, StoreTrial.NewSaga(parameters: """{"a":1}""")).ConfigureAwait(false);

        SavedSaga saga = await trial.LoadPresentAsync(us, id).ConfigureAwait(false);
        Expect.Equal(saga.State, SagaState.Running, "the state of a new saga");
        Expect.Equal(saga.Generation, AdoptGeneration.Initial, "the generation of a new saga");
        Expect.Equal(saga.Events.Count, 0, "events of a new saga");
        Expect.Sequence(await trial.ListIdsAsync(us).ConfigureAwait(false), [id], "the sagas of its creator");
    }

    private static async Task WithEventsAsync(StoreTrial trial)
    {
        Membership us = await trial.JoinAsync().ConfigureAwait(false);
        SavedNodeEvent[] first = [StoreTrial.Event(node: 0, NodeEventType.Started), StoreTrial.Event(node: 3, NodeEventType.Started)];
        SagaId id = await trial.CreateAsync(us, StoreTrial.NewSaga() with { Events = first }).ConfigureAwait(false);
        SagaId tagged = await trial.CreateAsync(us, StoreTrial.NewSaga() with { Events = first[..1], Tags = [new SagaTag("order", "7")] }).ConfigureAwait(false);
        NewSaga again = StoreTrial.NewSaga(id) with { Events = [StoreTrial.Event(node: 5, NodeEventType.Started)] };
        await trial.Log.CreateAsync(us, again, CancellationToken.None).ConfigureAwait(false);

        foreach ((SagaId saga, int[] nodes) in new[] { (id, new[] { 0, 3 }), (tagged, [0]) })
        {
            SavedSaga loaded = await trial.LoadPresentAsync(us, saga).ConfigureAwait(false);
            Expect.Sequence(loaded.Events.OrderBy(one => one.NodeId).Select(one => (one.NodeId, one.Type)), nodes.Select(node => (node, NodeEventType.Started)), "the events of a new saga");
        }

        Expect.That(
            await trial.AppendAsync(us, StoreTrial.Entry(id, state: null, StoreTrial.Event(node: 0, NodeEventType.Succeeded))).ConfigureAwait(false),
            "the log of a saga with first events accepts further ones",
            "it was refused");
    }

    private static async Task OnceAsync(StoreTrial trial)
    {
        Membership us = await trial.JoinAsync().ConfigureAwait(false);
        Membership others = await trial.JoinAsync().ConfigureAwait(false);
        SagaId id = await trial.CreateAsync(us, StoreTrial.NewSaga(parameters: """{"first":true}""")).ConfigureAwait(false);
        SagaId ended = await trial.CreateAsync(us).ConfigureAwait(false);
        await trial.WriteAsync(us, StoreTrial.Started(id, node: 0, SagaState.Unwinding)).ConfigureAwait(false);
        await trial.WriteAsync(us, StoreTrial.Entry(ended, SagaState.Succeeded)).ConfigureAwait(false);

        (string By, Membership Member, SagaId Id)[] repeats =
            [("its creator", us, id), ("another coordinator", others, id), ("its creator, after its end", us, ended)];
        foreach ((string by, Membership member, SagaId existing) in repeats)
        {
            NewSaga again = StoreTrial.NewSaga(existing, StoreTrial.Define("contract-again"), """{"first":false}""");
            Expect.Equal(
                await trial.Log.CreateAsync(member, again, CancellationToken.None).ConfigureAwait(false),
                expected: false,
                $"creating an existing id, by {by}");
        }

        SavedSaga saga = await trial.LoadPresentAsync(us, id).ConfigureAwait(false);
        Expect.Equal(Encoding.UTF8.GetString(saga.Parameters.Span), """{"first":true}""", "the parameters after a repeated create");
        Expect.Equal(saga.Name, StoreTrial.Definition.Name, "the definition after a repeated create");
        Expect.Equal((saga.State, saga.Events.Count), (SagaState.Unwinding, 1), "state and event count after a repeated create");
        Expect.Sequence(await trial.ListIdsAsync(us).ConfigureAwait(false), [id], "sagas in progress after a repeated create of an ended saga");
    }

    private static async Task AtOnceAsync(StoreTrial trial)
    {
        Membership[] members = [await trial.JoinAsync().ConfigureAwait(false), await trial.JoinAsync().ConfigureAwait(false)];
        for (int round = 0; round < 10; round++)
        {
            SagaId id = StoreTrial.NewId();
            bool[] created = await Crowd.RunAsync(
                8, caller => trial.Log.CreateAsync(members[caller % 2], StoreTrial.NewSaga(id), CancellationToken.None)).ConfigureAwait(false);
            Expect.Equal(created.Count(one => one), 1, "successful calls of eight concurrent creates of one id");
        }

        int listed = (await trial.ListIdsAsync(members[0]).ConfigureAwait(false)).Count + (await trial.ListIdsAsync(members[1]).ConfigureAwait(false)).Count;
        Expect.Equal(listed, 10, "sagas of both coordinators after ten ids were created");
    }

    private static async Task CancelledAsync(StoreTrial trial)
    {
        var cancelled = new CancellationToken(canceled: true);
        Membership us = await trial.JoinAsync().ConfigureAwait(false);
        SagaId saga = await trial.CreateAsync(us).ConfigureAwait(false);

        (string What, Func<Task> Call)[] calls =
        [
            ("joining", () => trial.Store.JoinAsync(us.Coordinator, cancelled)),
            ("rejoining", () => trial.Store.RejoinAsync(us, cancelled)),
            ("listing", () => trial.ListAsync(us, cancelled)),
            ("loading", () => trial.Store.LoadAsync(us, [StoreTrial.AsCandidate(saga)], cancelled)),
            ("creating", () => trial.Log.CreateAsync(us, StoreTrial.NewSaga(), cancelled)),
            ("appending", () => trial.Log.AppendAsync(us, [StoreTrial.Started(saga, node: 0)], cancelled)),
            ("restoring", () => trial.Log.RestoreAsync(us, StoreTrial.Started(saga, node: 0, SagaState.Running), cancelled)),
            ("finding lost sagas", () => trial.Store.FindLostAsync(us, [saga], cancelled)),
            ("abandoning", () => trial.Store.AbandonAsync(saga, us.Of(AdoptGeneration.Initial), new Abandonment("x", "y"), cancelled)),
        ];
        foreach ((string what, Func<Task> call) in calls)
        {
            await Expect.ThrowsAsync<OperationCanceledException>(call, $"{what} with a cancelled token").ConfigureAwait(false);
        }

        // Also proves that no cancelled call joined: otherwise this one would be refused.
        Expect.Sequence(await trial.ListIdsAsync(us).ConfigureAwait(false), [saga], "sagas after cancelled calls");
        Expect.Equal((await trial.LoadPresentAsync(us, saga).ConfigureAwait(false)).Events.Count, 0, "events after cancelled calls");
    }
}
