using Microsoft.Extensions.Options;
using SagaRecovery.Storage;

namespace SagaRecovery;

/// <summary>The definitions that this binary has. Immutable, thread-safe.</summary>
internal sealed class SagaRegistry
{
    private readonly Dictionary<DefinitionHash, SagaDefinition> _byHash = [];
    private readonly Dictionary<Saga, SagaDefinition> _bySaga = new(ReferenceEqualityComparer.Instance);

    /// <summary>Builds every definition, so that a bad one keeps the host from starting.</summary>
    /// <exception cref="InvalidOperationException">A definition is not valid, or two have the same name and version.</exception>
    public SagaRegistry(IEnumerable<Saga> sagas, IOptions<DurableExecutorOptions> options)
    {
        Dictionary<(string, int), SagaDefinition> byVersion = [];
        foreach (Saga saga in sagas)
        {
            SagaDefinition definition = saga.BuildDefinition(options.Value.Json);
            if (!byVersion.TryAdd((saga.Name, saga.Version), definition))
            {
                throw Clash(byVersion[(saga.Name, saga.Version)], definition);
            }

            _byHash.Add(definition.Saved.Hash, definition); // name and version are part of what is hashed
            _bySaga.Add(saga, definition);
        }
    }

    public int Count => _byHash.Count;

    /// <summary>All of them, as other processes are told of them.</summary>
    public IReadOnlyCollection<RunnableDefinition> Definitions =>
        [.. _byHash.Values.Select(definition => new RunnableDefinition(definition.Saved.Hash, definition.Saved.Name, definition.Saved.Version))];

    /// <summary>The definition that this is; null: there is none of its hash, or the stored DAG is not the one that was hashed.</summary>
    public SagaDefinition? Find(SavedDefinition saved) =>
        _byHash.TryGetValue(saved.Hash, out SagaDefinition? definition) && saved.Dag.Span.SequenceEqual(definition.Saved.Dag.Span) ? definition : null;

    /// <summary>The definition of a saga as it was taken from the container.</summary>
    /// <exception cref="ArgumentException">It is not registered.</exception>
    public SagaDefinition Get(Saga saga) =>
        _bySaga.TryGetValue(saga, out SagaDefinition? definition)
            ? definition
            : throw new ArgumentException(
                $"Saga '{saga.Name}' version {saga.Version} ({saga.GetType()}) is not the registered instance: "
                + $"register it with AddSaga<{saga.GetType().Name}>() and take it from the container.",
                nameof(saga));

    /// <summary>Says, for the operator, what is missing and what there is.</summary>
    public string DescribeMissing(SavedDefinition missing)
    {
        IEnumerable<SavedDefinition> sameName =
            _byHash.Values.Select(definition => definition.Saved).Where(saved => saved.Name == missing.Name).OrderBy(saved => saved.Version);
        string registered = string.Join(", ", sameName.Select(saved => $"{saved.Name} version {saved.Version} ({Short(saved.Hash)})"));
        return $"definition '{missing.Name}' version {missing.Version} ({Short(missing.Hash)}) is not registered; "
            + $"registered: {(registered.Length == 0 ? "none of this name" : registered)}";
    }

    private static string Short(DefinitionHash hash) => $"{hash.ToString()[..12]}…";

    private static InvalidOperationException Clash(SagaDefinition first, SagaDefinition second)
    {
        string who = $"Saga {second} is registered twice, by {first.Saga.GetType()} and {second.Saga.GetType()}";
        return new InvalidOperationException(
            first.Saved.Hash == second.Saved.Hash ? $"{who}." : $"{who}, with different nodes: raise the version of one.");
    }
}
