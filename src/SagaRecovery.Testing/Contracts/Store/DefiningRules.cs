using SagaRecovery.Fencing;
using SagaRecovery.Storage;

namespace SagaRecovery.Testing.Contracts;

/// <summary>Rules about stored definitions and changed shapes.</summary>
internal static class DefiningRules
{
    public static IReadOnlyList<Rule<StoreTrial>> All { get; } =
    [
        new(
            "The definitions of a coordinator's unfinished sagas are unknown unless they are registered",
            "a deployment that lacks a definition would leave sagas as they are without a line in the log",
            FindUnknownAsync)
        {
            IsOptional = true,
        },
        new(
            "A definition is refused while an unfinished saga has another shape of its name and version",
            "sagas of two shapes would run under one version, and either process could resume only its own",
            RefuseAsync)
        {
            IsOptional = true,
        },
        new(
            "Each definition is listed with the numbers of its unfinished and ended sagas",
            "an operator would delete a definition that unfinished sagas need",
            ListAsync)
        {
            IsOptional = true,
        },
    ];

    private static async Task FindUnknownAsync(StoreTrial trial)
    {
        Membership us = await trial.JoinAsync().ConfigureAwait(false);
        Membership them = await trial.JoinAsync().ConfigureAwait(false);
        (SavedDefinition one, SavedDefinition two, SavedDefinition ended, SavedDefinition theirs) =
            (StoreTrial.Define("one"), StoreTrial.Define("two"), StoreTrial.Define("ended"), StoreTrial.Define("theirs"));
        await trial.CreateAsync(us, StoreTrial.NewSaga(definition: one)).ConfigureAwait(false);
        SagaId unwinding = await trial.CreateAsync(us, StoreTrial.NewSaga(definition: two)).ConfigureAwait(false);
        await trial.WriteAsync(us, StoreTrial.Started(unwinding, 0, SagaState.Unwinding)).ConfigureAwait(false);
        await trial.CreateAsync(us, StoreTrial.NewSaga(definition: two)).ConfigureAwait(false);
        SagaId over = await trial.CreateAsync(us, StoreTrial.NewSaga(definition: ended)).ConfigureAwait(false);
        await trial.WriteAsync(us, StoreTrial.Entry(over, SagaState.Succeeded)).ConfigureAwait(false);
        await trial.CreateAsync(them, StoreTrial.NewSaga(definition: theirs)).ConfigureAwait(false);

        UnknownDefinitions all = await FindAsync().ConfigureAwait(false);
        UnknownDefinitions first = await FindAsync(limit: 1).ConfigureAwait(false);
        UnknownDefinitions registered = await FindAsync(limit: 10, Runnable(two)).ConfigureAwait(false);
        UnknownDefinitions ofAnyDag = await FindAsync(limit: 10, Runnable(two) with { Hash = DefinitionHash.Of("none"u8), AnyDag = true }).ConfigureAwait(false);

        Expect.Sequence(all.Definitions.Select(Describe), [Describe(new(two, 2)), Describe(new(one, 1))], "the unknown definitions, most sagas first");
        Expect.Equal((first.Definitions.Count, first.Count, first.Unfinished), (1, 2, 3), "one definition of all, and the numbers of all");
        Expect.Sequence(registered.Definitions.Select(Describe), [Describe(new(one, 1))], "the unknown definitions beside a registered one");
        Expect.Sequence(ofAnyDag.Definitions.Select(Describe), [Describe(new(one, 1))], "the unknown definitions beside a registered one of any DAG");

        Task<UnknownDefinitions> FindAsync(int limit = 10, params RunnableDefinition[] known) =>
            trial.Definitions.FindUnknownAsync(us.Coordinator, known, limit, CancellationToken.None);
    }

    private static async Task RefuseAsync(StoreTrial trial)
    {
        Membership us = await trial.JoinAsync().ConfigureAwait(false);
        Membership them = await trial.JoinAsync().ConfigureAwait(false);
        (SavedDefinition former, SavedDefinition changed, SavedDefinition other) = (Shape("former"), Shape("changed"), Shape("other"));
        SagaId saga = await trial.CreateAsync(them, StoreTrial.NewSaga(definition: former)).ConfigureAwait(false);

        IReadOnlyList<SavedDefinition> foreseen = await trial.Definitions.FindConflictsAsync(
            us.Coordinator, [Runnable(changed)], [changed.Hash], CancellationToken.None).ConfigureAwait(false);
        IReadOnlyList<SavedDefinition> refusal = await StoreAsync(changed, changed.Hash).ConfigureAwait(false);
        IReadOnlyList<SavedDefinition> again = await StoreAsync(changed, changed.Hash).ConfigureAwait(false);
        IReadOnlyList<SavedDefinition> stored = await StoreAsync(former, former.Hash).ConfigureAwait(false);
        IReadOnlyList<SavedDefinition> beside = await StoreAsync(other, other.Hash, former.Hash).ConfigureAwait(false);
        IReadOnlyList<SavedDefinition> laterVersion = await StoreAsync(StoreTrial.Define(former.Name, version: former.Version + 1)).ConfigureAwait(false);
        await trial.WriteAsync(them, StoreTrial.Entry(saga, SagaState.Unwound)).ConfigureAwait(false);
        IReadOnlyList<SavedDefinition> afterEnd = await StoreAsync(changed, changed.Hash).ConfigureAwait(false);

        Expect.Sequence(foreseen.Select(one => one.Hash), [former.Hash], "the shapes that would refuse a changed one");
        Expect.Sequence(refusal.Select(one => one.Hash), [former.Hash], "the shapes that refuse a changed one");
        Expect.That(refusal[0].Dag.Span.SequenceEqual(former.Dag.Span), "the DAG of the shape that refuses is read byte for byte", "it differs");
        Expect.Sequence(again.Select(one => one.Hash), [former.Hash], "the shapes that refuse a changed one when it is stored again: a refusal stores nothing");
        Expect.Equal(stored.Count, 0, "shapes that refuse a stored one");
        Expect.Equal(beside.Count, 0, "shapes that refuse one beside which they are registered");
        Expect.Equal(laterVersion.Count, 0, "shapes that refuse another version");
        Expect.Equal(afterEnd.Count, 0, "shapes that refuse a changed one after their sagas have ended");
        await Expect.ThrowsAsync<CoordinatorFencedException>(
            async () =>
            {
                await trial.JoinAsync(us.Coordinator).ConfigureAwait(false);
                await StoreAsync(StoreTrial.Define($"{former.Name} fenced")).ConfigureAwait(false);
            },
            "storing by an old incarnation").ConfigureAwait(false);

        Task<IReadOnlyList<SavedDefinition>> StoreAsync(SavedDefinition definition, params DefinitionHash[] registered) =>
            trial.Definitions.StoreAsync(us, definition, registered, CancellationToken.None);
    }

    private static async Task ListAsync(StoreTrial trial)
    {
        Membership us = await trial.JoinAsync().ConfigureAwait(false);
        (SavedDefinition used, SavedDefinition unused) = (StoreTrial.Define($"used {StoreTrial.NewId()}", version: 3), StoreTrial.Define($"unused {StoreTrial.NewId()}"));
        List<SagaId> sagas = [];
        for (int i = 0; i < 5; i++)
        {
            sagas.Add(await trial.CreateAsync(us, StoreTrial.NewSaga(definition: used)).ConfigureAwait(false));
        }

        await trial.WriteAsync(us, StoreTrial.Entry(sagas[0], SagaState.Succeeded)).ConfigureAwait(false);
        await trial.WriteAsync(us, StoreTrial.Entry(sagas[1], SagaState.Stuck)).ConfigureAwait(false);
        await trial.WriteAsync(us, StoreTrial.Started(sagas[2], 0, SagaState.Unwinding)).ConfigureAwait(false);
        await trial.Definitions.StoreAsync(us, unused, [unused.Hash], CancellationToken.None).ConfigureAwait(false);

        DefinitionList list = await trial.Definitions.ListAsync(CancellationToken.None).ConfigureAwait(false);

        DefinitionDetails listed = Find(used);
        Expect.Equal((listed.Name, listed.Version), (used.Name, 3), "name and version of a definition");
        Expect.Equal((listed.Unfinished, listed.Ended, listed.Stuck), (3, 2, 1), "its unfinished, ended and stuck sagas");
        Expect.That(
            listed.Need is DefinitionNeed.UnfinishedSagas or DefinitionNeed.NotRunnable, "a definition of unfinished sagas is needed", $"its need: {listed.Need}");
        Expect.Equal((Find(unused).Unfinished, Find(unused).Ended, Find(unused).Need), (0, 0, DefinitionNeed.None), "the sagas of a definition without any, and its need");

        DefinitionDetails Find(SavedDefinition definition) => list.Definitions.SingleOrDefault(one => one.Hash == definition.Hash)
            ?? throw new BrokenRuleException($"definition '{definition.Name}', which is stored, is listed once", "it is not, or more than once");
    }

    /// <summary>Creates a shape of a definition, with one node of this name.</summary>
    private static SavedDefinition Shape(string node)
    {
        byte[] dag = StoreTrial.Json($$"""{"name":"shaped","version":1,"nodes":[{"id":0,"name":"{{node}}"}]}""");
        return new SavedDefinition(DefinitionHash.Of(dag), "shaped", Version: 1, dag);
    }

    private static RunnableDefinition Runnable(SavedDefinition definition) => new(definition.Hash, definition.Name, definition.Version);

    private static string Describe(UnknownDefinition unknown) => $"{unknown.Definition.Name} ({unknown.Unfinished})";
}
