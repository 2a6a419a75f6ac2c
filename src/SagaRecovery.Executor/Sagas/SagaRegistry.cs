using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using Microsoft.Extensions.Options;
using SagaRecovery.Storage;

namespace SagaRecovery;

/// <summary>The saga definitions that this binary registers. Immutable and thread-safe.</summary>
internal sealed class SagaRegistry
{
    private static readonly SagaShape s_noNodes = new([]);

    private readonly Dictionary<(string Name, int Version), RegisteredSaga> _byVersion = [];
    private readonly Dictionary<Saga, RegisteredSaga> _bySaga = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<Type, RegisteredSaga> _byType = []; // those of which each scope has an instance
    private readonly Dictionary<DefinitionHash, SagaDefinition> _byHash = []; // without those of dynamic sagas
    private readonly Dictionary<RegisteredSaga, SagaDefinition> _definitions = []; // likewise
    private readonly List<RunnableDefinition> _runnable = [];
    private readonly JsonSerializerOptions _json;

    /// <summary>Builds every definition that does not depend on parameters, so that an invalid one fails the start of the host.</summary>
    /// <exception cref="InvalidOperationException">A definition is invalid, or two definitions have the same name and version.</exception>
    public SagaRegistry(IEnumerable<RegisteredSaga> sagas, IOptions<DurableExecutorOptions> options)
    {
        _json = options.Value.Json;
        foreach (RegisteredSaga registered in sagas)
        {
            Saga saga = registered.Saga;
            saga.Validate(_json);
            if (!_byVersion.TryAdd((saga.Name, saga.Version), registered))
            {
                throw DuplicateDefinition(_byVersion[(saga.Name, saga.Version)], registered);
            }

            _bySaga.Add(saga, registered);
            if (registered.InstanceOfAttempt is not null)
            {
                _byType.Add(saga.GetType(), registered);
            }

            _runnable.Add(saga.IsDynamic ? AddDynamic(saga) : Add(registered));
        }
    }

    public int Count => _byVersion.Count;

    /// <summary>All definitions, as this process publishes them to other processes.</summary>
    public IReadOnlyCollection<RunnableDefinition> Definitions => _runnable;

    /// <summary>Finds the definition of a saga in the store.</summary>
    /// <param name="saved">The definition in the store.</param>
    /// <param name="parameters">The parameters of the saga as stored.</param>
    /// <param name="definition">The registered definition.</param>
    /// <param name="missing">The reason why this binary does not know the stored definition.</param>
    /// <exception cref="InvalidOperationException">A dynamic saga cannot declare its nodes.</exception>
    /// <exception cref="JsonException">The parameters of a dynamic saga cannot be deserialized.</exception>
    public bool TryFind(
        SavedDefinition saved,
        ReadOnlyMemory<byte> parameters,
        [NotNullWhen(true)] out SagaDefinition? definition,
        [NotNullWhen(false)] out string? missing)
    {
        missing = null;
        bool isDynamic = false;
        if (!_byHash.TryGetValue(saved.Hash, out definition) && _byVersion.GetValueOrDefault((saved.Name, saved.Version)) is { Saga.IsDynamic: true } registered)
        {
            definition = registered.Build(_json, parameters);
            isDynamic = true;
        }

        if (definition is not null && saved.Dag.Span.SequenceEqual(definition.Saved.Dag.Span))
        {
            return true;
        }

        missing = isDynamic
            ? $"definition {definition} ({Abbreviate(saved.Hash)}) is registered, but declares another DAG for the parameters of this saga: "
                + ShapeDifference.Describe(saved.Dag, definition!.Shape)
            : DescribeMissing(saved);
        definition = null;
        return false;
    }

    /// <summary>Returns the definition of a saga that starts.</summary>
    /// <param name="saga">The instance from the container.</param>
    /// <param name="parameters">The parameters of the saga as they will be stored.</param>
    /// <exception cref="ArgumentException">The instance is not registered.</exception>
    /// <exception cref="InvalidOperationException">A dynamic saga cannot declare its nodes, or declares other ones at each call.</exception>
    public SagaDefinition Get(Saga saga, ReadOnlyMemory<byte> parameters)
    {
        if (!_bySaga.TryGetValue(saga, out RegisteredSaga? registered))
        {
            if (!_byType.TryGetValue(saga.GetType(), out registered))
            {
                throw NotRegistered(saga);
            }

            saga.DeclareNodes(parameters, _json); // the caller may read outputs by the nodes of its instance
        }

        if (_definitions.TryGetValue(registered, out SagaDefinition? definition))
        {
            return definition;
        }

        definition = registered.Build(_json, parameters);
        SagaDefinition again = registered.Build(_json, parameters);
        return definition.Saved.Hash == again.Saved.Hash
            ? definition
            : throw saga.Invalid(
                "it declares other nodes when Define is called again with the same parameters: "
                + $"{ShapeDifference.Describe(definition.Saved.Dag, again.Shape)}. No process could resume the saga.");
    }

    private RunnableDefinition Add(RegisteredSaga registered)
    {
        SagaDefinition definition = registered.Build(_json);
        _byHash.Add(definition.Saved.Hash, definition); // cannot clash: the hash covers name and version
        _definitions.Add(registered, definition);
        return new RunnableDefinition(definition.Saved.Hash, definition.Saved.Name, definition.Saved.Version);
    }

    private static RunnableDefinition AddDynamic(Saga saga) =>
        new(DefinitionHash.Of(s_noNodes.ToCanonicalJson(saga.Name, saga.Version)), saga.Name, saga.Version) { AnyDag = true };

    /// <summary>Describes the missing definition and the registered ones of the same name.</summary>
    private string DescribeMissing(SavedDefinition missing)
    {
        string registered = string.Join(", ", _runnable.Where(known => known.Name == missing.Name).OrderBy(known => known.Version).Select(known =>
            known.AnyDag ? $"{known.Name} version {known.Version}" : $"{known.Name} version {known.Version} ({Abbreviate(known.Hash)})"));
        return $"definition '{missing.Name}' version {missing.Version} ({Abbreviate(missing.Hash)}) is not registered; "
            + $"registered: {(registered.Length == 0 ? "none of this name" : registered)}";
    }

    private static string Abbreviate(DefinitionHash hash) => $"{hash.ToString()[..12]}…";

    private static ArgumentException NotRegistered(Saga saga) => new(
        $"Saga {saga.Describe()} ({saga.GetType()}) is not the registered instance. "
        + $"Register it with AddSaga<{saga.GetType().Name}>() and resolve it from the container.",
        nameof(saga));

    private InvalidOperationException DuplicateDefinition(RegisteredSaga first, RegisteredSaga second)
    {
        Saga saga = second.Saga;
        if (first.Saga.GetType() == saga.GetType() && HaveSameNodes(first, second))
        {
            return new InvalidOperationException($"Saga {saga.Describe()} is registered twice by {saga.GetType()}: call AddSaga once for each class.");
        }

        string subject = $"Saga {saga.Describe()} is registered twice, by {first.Saga.GetType()} and {saga.GetType()}";
        return new InvalidOperationException(HaveSameNodes(first, second) ? $"{subject}." : $"{subject}, with different nodes: raise the version of one.");
    }

    private bool HaveSameNodes(RegisteredSaga first, RegisteredSaga second) =>
        first.Saga.IsDynamic || second.Saga.IsDynamic
            ? first.Saga.GetType() == second.Saga.GetType()
            : first.Build(_json).Saved.Hash == second.Build(_json).Saved.Hash;
}
