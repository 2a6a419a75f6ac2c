using Microsoft.Extensions.Options;
using SagaRecovery.Storage;

namespace SagaRecovery;

/// <summary>The saga definitions that this binary registers. Immutable and thread-safe.</summary>
internal sealed class SagaRegistry
{
    private readonly Dictionary<DefinitionHash, SagaDefinition> _byHash = [];
    private readonly Dictionary<Saga, SagaDefinition> _bySaga = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<Type, SagaDefinition> _byType = []; // those of which each scope has an instance

    /// <summary>Builds every definition, so that an invalid one fails the start of the host.</summary>
    /// <exception cref="InvalidOperationException">A definition is invalid, or two definitions have the same name and version.</exception>
    public SagaRegistry(IEnumerable<RegisteredSaga> sagas, IOptions<DurableExecutorOptions> options)
    {
        Dictionary<(string, int), SagaDefinition> byVersion = [];
        foreach (RegisteredSaga registered in sagas)
        {
            Saga saga = registered.Saga;
            SagaDefinition definition = saga.BuildDefinition(options.Value.Json, registered.InstanceOfAttempt);
            if (!byVersion.TryAdd((saga.Name, saga.Version), definition))
            {
                throw DuplicateDefinition(byVersion[(saga.Name, saga.Version)], definition);
            }

            _byHash.Add(definition.Saved.Hash, definition); // cannot clash: the hash covers name and version
            _bySaga.Add(saga, definition);
            if (registered.InstanceOfAttempt is not null)
            {
                _byType.Add(saga.GetType(), definition);
            }
        }
    }

    public int Count => _byHash.Count;

    /// <summary>All definitions, as this process publishes them to other processes.</summary>
    public IReadOnlyCollection<RunnableDefinition> Definitions =>
        [.. _byHash.Values.Select(definition => new RunnableDefinition(definition.Saved.Hash, definition.Saved.Name, definition.Saved.Version))];

    /// <summary>Returns the registered definition; null if the hash is unknown or the stored DAG differs from the registered one.</summary>
    public SagaDefinition? Find(SavedDefinition saved) =>
        _byHash.TryGetValue(saved.Hash, out SagaDefinition? definition) && saved.Dag.Span.SequenceEqual(definition.Saved.Dag.Span) ? definition : null;

    /// <summary>Returns the definition of a saga instance from the container.</summary>
    /// <exception cref="ArgumentException">The instance is not registered.</exception>
    public SagaDefinition Get(Saga saga)
    {
        if (_bySaga.TryGetValue(saga, out SagaDefinition? definition))
        {
            return definition;
        }

        if (_byType.TryGetValue(saga.GetType(), out definition))
        {
            saga.DeclareNodes(); // the caller may read outputs by the nodes of its instance
            return definition;
        }

        throw new ArgumentException(
            $"Saga '{saga.Name}' version {saga.Version} ({saga.GetType()}) is not the registered instance. "
            + $"Register it with AddSaga<{saga.GetType().Name}>() and resolve it from the container.",
            nameof(saga));
    }

    /// <summary>Describes the missing definition and the registered ones of the same name.</summary>
    public string DescribeMissing(SavedDefinition missing)
    {
        IEnumerable<SavedDefinition> sameName =
            _byHash.Values.Select(definition => definition.Saved).Where(saved => saved.Name == missing.Name).OrderBy(saved => saved.Version);
        string registered = string.Join(", ", sameName.Select(saved => $"{saved.Name} version {saved.Version} ({Abbreviate(saved.Hash)})"));
        return $"definition '{missing.Name}' version {missing.Version} ({Abbreviate(missing.Hash)}) is not registered; "
            + $"registered: {(registered.Length == 0 ? "none of this name" : registered)}";
    }

    private static string Abbreviate(DefinitionHash hash) => $"{hash.ToString()[..12]}…";

    private static InvalidOperationException DuplicateDefinition(SagaDefinition first, SagaDefinition second)
    {
        if (first.Saga.GetType() == second.Saga.GetType() && first.Saved.Hash == second.Saved.Hash)
        {
            return new InvalidOperationException($"Saga {second} is registered twice by {second.Saga.GetType()}: call AddSaga once for each class.");
        }

        string subject = $"Saga {second} is registered twice, by {first.Saga.GetType()} and {second.Saga.GetType()}";
        return new InvalidOperationException(
            first.Saved.Hash == second.Saved.Hash ? $"{subject}." : $"{subject}, with different nodes: raise the version of one.");
    }
}
