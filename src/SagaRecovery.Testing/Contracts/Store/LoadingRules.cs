using System.Text;
using SagaRecovery.Bookkeeping;
using SagaRecovery.Fencing;
using SagaRecovery.Storage;

namespace SagaRecovery.Testing.Contracts;

internal static class LoadingRules
{
    // A store that parses the JSON loses spacing, escapes, order and duplicate keys.
    private const string OddJson =
        """{ "z" :  1.50,"a":"\u0041 ünïcode \ud83d\ude00 😀 \/ \"quoted\" \\ \t", "z": [ 1e3 ,-0.0, 12345678901234567890, null ] }""";

    public static IReadOnlyList<Rule<StoreTrial>> All { get; } =
    [
        new(
            "Loading returns one result for each candidate, in order",
            "a saga would run with the log of another saga",
            InOrderAsync),
        new(
            "Loading reports a saga that changed after the listing as superseded",
            "two processes would run a saga that was reassigned after the listing",
            RechecksAsync),
        new(
            "A log is loaded completely, regardless of its length",
            "with a truncated log, finished steps would run again, or the saga would look corrupt and be abandoned",
            LongLogAsync),
        new(
            "Stored data is read back byte for byte",
            "the DAG would not match its hash, so its sagas would be abandoned, and outputs would change across a restart",
            ByteForByteAsync),
        new(
            "Each saga is loaded with its own definition",
            "a saga would resume with the wrong steps",
            DefinitionsAsync),
    ];

    private static async Task InOrderAsync(StoreTrial trial)
    {
        Membership us = await trial.JoinAsync().ConfigureAwait(false);
        List<SagaId> sagas = await trial.CreateManyAsync(us, 40).ConfigureAwait(false);
        for (int i = 0; i < sagas.Count; i++)
        {
            await trial.WriteAsync(us, StoreTrial.Started(sagas[i], node: i)).ConfigureAwait(false);
        }

        Candidate[] candidates = [.. sagas.Select(saga => StoreTrial.AsCandidate(saga))];
        candidates[7] = StoreTrial.AsCandidate(StoreTrial.NewId());
        IReadOnlyList<LoadedSaga> loaded = await trial.LoadAsync(us, candidates).ConfigureAwait(false);

        for (int i = 0; i < candidates.Length; i++)
        {
            if (i == 7)
            {
                Expect.Equal(loaded[i], LoadedSaga.Superseded.Instance, "a saga that does not exist");
                continue;
            }

            SavedSaga saga = StoreTrial.RequirePresent(loaded[i], sagas[i]);
            Expect.Sequence(StoreTrial.Describe(saga.Events), [$"{i} {NodeEventType.Started}"], $"the log of candidate {i}");
        }

        Expect.Equal((await trial.LoadAsync(us).ConfigureAwait(false)).Count, 0, "results for no candidates");
    }

    private static async Task RechecksAsync(StoreTrial trial)
    {
        Membership us = await trial.JoinAsync().ConfigureAwait(false);
        Membership others = await trial.JoinAsync().ConfigureAwait(false);
        List<SagaId> sagas = await trial.CreateManyAsync(us, 6).ConfigureAwait(false);
        await trial.WriteAsync(us, StoreTrial.Entry(sagas[0], SagaState.Succeeded)).ConfigureAwait(false);
        await trial.ReassignAsync(sagas[1], others.Coordinator).ConfigureAwait(false);
        await trial.ReassignAsync(sagas[2], to: null).ConfigureAwait(false);
        await trial.ReassignAsync(sagas[3], others.Coordinator).ConfigureAwait(false);
        await trial.ReassignAsync(sagas[3], us.Coordinator).ConfigureAwait(false);
        await trial.AbandonAsync(us, sagas[4]).ConfigureAwait(false);

        IReadOnlyList<LoadedSaga> loaded = await trial.LoadAsync(us, [.. sagas.Select(saga => StoreTrial.AsCandidate(saga))]).ConfigureAwait(false);
        string[] changes = ["ended", "was reassigned", "lost its owner", "came back at a newer generation", "was abandoned"];
        for (int i = 0; i < changes.Length; i++)
        {
            Expect.Equal(loaded[i], LoadedSaga.Superseded.Instance, $"a saga that {changes[i]} after the listing");
        }

        StoreTrial.RequirePresent(loaded[5], sagas[5]);
        AdoptGeneration newer = AdoptGeneration.Initial.Next.Next;
        SavedSaga cameBack = await trial.LoadPresentAsync(us, sagas[3], newer).ConfigureAwait(false);
        Expect.Equal(cameBack.Generation, newer, "the generation of a saga that came back, loaded at the newer generation");
    }

    private static async Task LongLogAsync(StoreTrial trial)
    {
        const int Nodes = 1_500;
        Membership us = await trial.JoinAsync().ConfigureAwait(false);
        List<SagaId> sagas = await trial.CreateManyAsync(us, 3).ConfigureAwait(false);
        SavedNodeEvent[] written =
        [
            .. Enumerable.Range(0, Nodes).SelectMany(node => new[]
            {
                StoreTrial.Event(node, NodeEventType.Started),
                StoreTrial.Event(node, NodeEventType.Succeeded, $$"""{"node":{{node}}}"""),
                StoreTrial.Event(node, NodeEventType.UndoStarted),
            }),
        ];
        foreach (SavedNodeEvent[] part in written.Chunk(1_000))
        {
            await trial.WriteAsync(us, StoreTrial.Entry(sagas[1], state: null, part)).ConfigureAwait(false);
        }

        await trial.WriteAsync(us, StoreTrial.Started(sagas[2], node: 0)).ConfigureAwait(false);
        IReadOnlyList<LoadedSaga> loaded = await trial.LoadAsync(us, [.. sagas.Select(saga => StoreTrial.AsCandidate(saga))]).ConfigureAwait(false);

        Expect.Equal(StoreTrial.RequirePresent(loaded[0], sagas[0]).Events.Count, 0, "events of a saga without events, loaded with a long log");
        Expect.SameSet(
            StoreTrial.Describe(StoreTrial.RequirePresent(loaded[1], sagas[1]).Events), StoreTrial.Describe(written),
            $"the {written.Length} events of one log");
        Expect.Equal(StoreTrial.RequirePresent(loaded[2], sagas[2]).Events.Count, 1, "events of a saga with one event, loaded after a long log");
    }

    private static async Task ByteForByteAsync(StoreTrial trial)
    {
        Membership us = await trial.JoinAsync().ConfigureAwait(false);
        byte[] dag = StoreTrial.Json($$"""{ "odd"  : {{OddJson}} , "id": "{{StoreTrial.NewId()}}" }""");
        var definition = new SavedDefinition(DefinitionHash.Of(dag), "odd \"ünïcode\" 😀", int.MaxValue, dag);
        SagaId id = await trial.CreateAsync(us, StoreTrial.NewSaga(definition: definition, parameters: OddJson)).ConfigureAwait(false);
        SavedNodeEvent[] written =
        [
            StoreTrial.Event(0, NodeEventType.Started),
            StoreTrial.Event(0, NodeEventType.Failed, OddJson),
            StoreTrial.Event(int.MaxValue, NodeEventType.Succeeded, " null "),
        ];
        await trial.WriteAsync(us, StoreTrial.Entry(id, SagaState.Unwinding, written)).ConfigureAwait(false);

        SavedSaga saga = await trial.LoadPresentAsync(us, id).ConfigureAwait(false);

        Expect.Equal(Encoding.UTF8.GetString(saga.Definition.Dag.Span), Encoding.UTF8.GetString(dag), "the DAG");
        Expect.Equal(saga.Definition with { Dag = default }, definition with { Dag = default }, "hash, name and version of the definition");
        Expect.Equal(saga.Name, definition.Name, "the name");
        Expect.Equal(saga.State, SagaState.Unwinding, "the state");
        Expect.Equal(saga.Generation, AdoptGeneration.Initial, "the generation");
        Expect.Equal(Encoding.UTF8.GetString(saga.Parameters.Span), OddJson, "the parameters");
        Expect.SameSet(saga.Events.Select(Exactly), written.Select(Exactly), "the events");

        static string Exactly(SavedNodeEvent e) => $"{e.NodeId} {e.Type} [{Encoding.UTF8.GetString(e.Data.Span)}]";
    }

    private static async Task DefinitionsAsync(StoreTrial trial)
    {
        Membership us = await trial.JoinAsync().ConfigureAwait(false);
        SagaId unique = StoreTrial.NewId(); // makes the definitions new to a database that earlier runs have used
        SavedDefinition[] definitions = [.. Enumerable.Range(0, 12).Select(i => StoreTrial.Define($"shared-{unique}", version: 1 + (i % 3)))];
        SagaId[] sagas = await Crowd.RunAsync(
            definitions.Length, i => trial.CreateAsync(us, StoreTrial.NewSaga(definition: definitions[i]))).ConfigureAwait(false);

        IReadOnlyList<LoadedSaga> loaded = await trial.LoadAsync(us, [.. sagas.Select(saga => StoreTrial.AsCandidate(saga))]).ConfigureAwait(false);
        for (int i = 0; i < sagas.Length; i++)
        {
            SavedDefinition definition = StoreTrial.RequirePresent(loaded[i], sagas[i]).Definition;
            Expect.Equal(definition with { Dag = default }, definitions[i] with { Dag = default },
                $"the definition of saga {i}, created concurrently with others");
            Expect.That(definition.Dag.Span.SequenceEqual(definitions[i].Dag.Span), "the DAG that the saga was created with", "another DAG");
        }
    }
}
