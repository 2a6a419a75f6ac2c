using System.Text;
using SagaRecovery.Bookkeeping;
using SagaRecovery.Fencing;
using SagaRecovery.Storage;

namespace SagaRecovery.Testing.Contracts;

internal static class LoadingRules
{
    // Spacing, escapes, order and doubled keys are lost by a store that parses what it is given.
    private const string OddJson =
        """{ "z" :  1.50,"a":"\u0041 ünïcode \ud83d\ude00 😀 \/ \"quoted\" \\ \t", "z": [ 1e3 ,-0.0, 12345678901234567890, null ] }""";

    public static IReadOnlyList<Rule<StoreTrial>> All { get; } =
    [
        new(
            "Loading answers once for each candidate, in their order",
            "a saga would be run with the log of another",
            InOrderAsync),
        new(
            "Loading looks again: what has ended, left, or come back since it was listed has moved on",
            "a saga that another process runs by now would be run here too",
            LooksAgainAsync),
        new(
            "A log is loaded whole, however long",
            "a log cut short makes finished steps run again, and can look corrupt, for which sagas are abandoned",
            LongLogAsync),
        new(
            "What was written is read back byte for byte",
            "the DAG would not have its hash, for which sagas are abandoned, and outputs would change over a restart",
            ByteForByteAsync),
        new(
            "Sagas of one definition are loaded with that definition, and those of another with theirs",
            "a saga would be carried on by the wrong steps",
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
                Expect.Equal(loaded[i], LoadedSaga.Superseded.Instance, "a saga that is not there");
                continue;
            }

            SavedSaga saga = StoreTrial.Present(loaded[i], sagas[i]);
            Expect.Sequence(StoreTrial.Describe(saga.Events), [$"{i} {NodeEventType.Started}"], $"the log of candidate {i}");
        }

        Expect.Equal((await trial.LoadAsync(us).ConfigureAwait(false)).Count, 0, "answers to no candidates");
    }

    private static async Task LooksAgainAsync(StoreTrial trial)
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
        string[] what = ["has ended", "was given away", "was taken away", "came back at a newer generation", "was abandoned"];
        for (int i = 0; i < what.Length; i++)
        {
            Expect.Equal(loaded[i], LoadedSaga.Superseded.Instance, $"a saga that {what[i]} since it was listed");
        }

        StoreTrial.Present(loaded[5], sagas[5]);
        AdoptGeneration newer = AdoptGeneration.Initial.Next.Next;
        SavedSaga cameBack = await trial.LoadPresentAsync(us, sagas[3], newer).ConfigureAwait(false);
        Expect.Equal(cameBack.Generation, newer, "the generation of a saga that came back, loaded at its newer generation");
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

        Expect.Equal(StoreTrial.Present(loaded[0], sagas[0]).Events.Count, 0, "events of a saga without any, beside a long log");
        Expect.SameSet(
            StoreTrial.Describe(StoreTrial.Present(loaded[1], sagas[1]).Events), StoreTrial.Describe(written), $"the {written.Length} events of one log");
        Expect.Equal(StoreTrial.Present(loaded[2], sagas[2]).Events.Count, 1, "events of a saga with one, after a long log");
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
        SagaId about = StoreTrial.NewId(); // definitions that no earlier run has stored
        SavedDefinition[] definitions = [.. Enumerable.Range(0, 12).Select(i => StoreTrial.Define($"shared-{about}", version: 1 + (i % 3)))];
        SagaId[] sagas = await Crowd.RunAsync(
            definitions.Length, i => trial.CreateAsync(us, StoreTrial.NewSaga(definition: definitions[i]))).ConfigureAwait(false);

        IReadOnlyList<LoadedSaga> loaded = await trial.LoadAsync(us, [.. sagas.Select(saga => StoreTrial.AsCandidate(saga))]).ConfigureAwait(false);
        for (int i = 0; i < sagas.Length; i++)
        {
            SavedDefinition definition = StoreTrial.Present(loaded[i], sagas[i]).Definition;
            Expect.Equal(definition with { Dag = default }, definitions[i] with { Dag = default }, $"the definition of saga {i}, created with others at once");
            Expect.That(definition.Dag.Span.SequenceEqual(definitions[i].Dag.Span), "the DAG that it was started with", "another one");
        }
    }
}
