using System.Diagnostics.CodeAnalysis;
using System.Runtime.ExceptionServices;
using System.Text.Json;
using Microsoft.Extensions.Options;
using SagaRecovery.Storage;

namespace SagaRecovery;

/// <summary>The saga definitions that this binary registers. Immutable and thread-safe.</summary>
internal sealed class SagaRegistry
{
    private static readonly SagaShape s_noNodes = new([]);

    private readonly Dictionary<(string Name, int Version), List<RegisteredSaga>> _byVersion = []; // the present shape first
    private readonly Dictionary<Saga, RegisteredSaga> _bySaga = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<Type, RegisteredSaga> _byType = []; // those of which each scope has an instance
    private readonly Dictionary<RegisteredSaga, SagaDefinition> _definitions = []; // without those of dynamic sagas
    private readonly List<RunnableDefinition> _runnable = [];
    private readonly JsonSerializerOptions _json;

    /// <summary>Builds every definition that does not depend on parameters, so that an invalid one fails the start of the host.</summary>
    /// <exception cref="InvalidOperationException">
    /// A definition is invalid, two definitions have the same name and version and neither is a former shape, or two have the same nodes, too.
    /// </exception>
    public SagaRegistry(IEnumerable<RegisteredSaga> sagas, IOptions<DurableExecutorOptions> options)
    {
        _json = options.Value.Json;
        foreach (RegisteredSaga registered in sagas.OrderBy(saga => saga.IsFormer)) // keeps the order within both
        {
            Saga saga = registered.Saga;
            saga.Validate(_json);
            if (!_byVersion.TryGetValue((saga.Name, saga.Version), out List<RegisteredSaga>? shapes))
            {
                _byVersion.Add((saga.Name, saga.Version), shapes = []);
            }

            if (FindDuplicate(shapes, registered) is { } mistake)
            {
                throw mistake;
            }

            _bySaga.Add(saga, registered);
            if (registered.InstanceOfAttempt is not null)
            {
                _byType.Add(saga.GetType(), registered);
            }

            if (!saga.IsDynamic)
            {
                _runnable.Add(Add(registered));
            }
            else if (!shapes.Exists(shape => shape.Saga.IsDynamic)) // one entry stands for all of them
            {
                _runnable.Add(OfAnyDag(registered));
            }

            shapes.Add(registered);
        }
    }

    public int Count => _bySaga.Count;

    /// <summary>All definitions, as this process publishes them to other processes.</summary>
    public IReadOnlyCollection<RunnableDefinition> Definitions => _runnable;

    /// <summary>Finds the definition of a saga in the store: the present one, or a former shape.</summary>
    /// <param name="saved">The definition in the store.</param>
    /// <param name="parameters">The parameters of the saga as stored.</param>
    /// <param name="definition">The registered definition.</param>
    /// <param name="missing">The reason why this binary does not know the stored definition.</param>
    /// <exception cref="InvalidOperationException">A dynamic saga cannot declare its nodes, and no other shape is the stored one.</exception>
    /// <exception cref="JsonException">The parameters of a dynamic saga cannot be deserialized, and no other shape is the stored one.</exception>
    [SuppressMessage("Design", "CA1031", Justification = "Code of the user's definition. The exception is thrown unless another shape is the stored one.")]
    public bool TryFind(
        SavedDefinition saved,
        ReadOnlyMemory<byte> parameters,
        [NotNullWhen(true)] out SagaDefinition? definition,
        [NotNullWhen(false)] out string? missing)
    {
        missing = null;
        SagaDefinition? declared = null; // the first that was made from the parameters
        ExceptionDispatchInfo? failure = null;
        foreach (RegisteredSaga shape in ShapesOf(saved))
        {
            try
            {
                definition = shape.Saga.IsDynamic ? shape.Build(_json, parameters) : _definitions[shape];
                if (saved.Hash == definition.Saved.Hash && saved.Dag.Span.SequenceEqual(definition.Saved.Dag.Span))
                {
                    return true;
                }

                declared ??= shape.Saga.IsDynamic ? definition : null;
            }
            catch (Exception e)
            {
                failure ??= ExceptionDispatchInfo.Capture(e);
            }
        }

        failure?.Throw();
        definition = null;
        missing = declared is not null
            ? $"definition {declared} ({Abbreviate(saved.Hash)}) is registered, but declares another DAG for the parameters of this saga: "
                + ShapeDifference.Describe(saved.Dag, declared.Shape)
            : DescribeMissing(saved);
        return false;
    }

    /// <summary>Returns the definition of a saga that starts.</summary>
    /// <param name="saga">The instance from the container.</param>
    /// <param name="parameters">The parameters of the saga as they will be stored.</param>
    /// <exception cref="ArgumentException">The instance is not registered, or is registered as a former shape.</exception>
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

        if (registered.IsFormer)
        {
            throw Former(saga);
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

    /// <summary>Returns the hashes of all registered shapes of a definition's name and version; null if one of them has any DAG.</summary>
    public DefinitionHash[]? FindHashes(SavedDefinition definition)
    {
        List<RegisteredSaga> shapes = ShapesOf(definition);
        return shapes.Exists(shape => shape.Saga.IsDynamic) ? null : [.. shapes.Select(shape => _definitions[shape].Saved.Hash)];
    }

    /// <summary>Describes how the nodes of a registered definition of the same name and version differ from the stored ones; null if none has fixed nodes.</summary>
    public string? DescribeChange(SavedDefinition stored) => ShapesOf(stored).Find(shape => !shape.Saga.IsDynamic) is { } shape
        ? ShapeDifference.Describe(stored.Dag, _definitions[shape].Shape)
        : null;

    private List<RegisteredSaga> ShapesOf(SavedDefinition definition) => _byVersion.GetValueOrDefault((definition.Name, definition.Version)) ?? [];

    private RunnableDefinition Add(RegisteredSaga registered)
    {
        SagaDefinition definition = registered.Build(_json);
        _definitions.Add(registered, definition);
        return new RunnableDefinition(definition.Saved.Hash, definition.Saved.Name, definition.Saved.Version) { IsFormer = registered.IsFormer };
    }

    private static RunnableDefinition OfAnyDag(RegisteredSaga registered)
    {
        Saga saga = registered.Saga;
        DefinitionHash hash = DefinitionHash.Of(s_noNodes.ToCanonicalJson(saga.Name, saga.Version));
        return new RunnableDefinition(hash, saga.Name, saga.Version) { AnyDag = true, IsFormer = registered.IsFormer };
    }

    /// <summary>Describes the missing definition and the registered ones of the same name.</summary>
    private string DescribeMissing(SavedDefinition missing)
    {
        string registered = string.Join(", ", _runnable.Where(known => known.Name == missing.Name).OrderBy(known => known.Version).Select(known =>
            known.AnyDag ? $"{known.Name} version {known.Version}" : $"{known.Name} version {known.Version} ({Abbreviate(known.Hash)})"));
        string change = DescribeChange(missing) is { } difference ? $"; {difference}, and the version was not raised" : "";
        return $"definition '{missing.Name}' version {missing.Version} ({Abbreviate(missing.Hash)}) is not registered; "
            + $"registered: {(registered.Length == 0 ? "none of this name" : registered)}{change}";
    }

    private static string Abbreviate(DefinitionHash hash) => $"{hash.ToString()[..12]}…";

    private static ArgumentException NotRegistered(Saga saga) => new(
        $"Saga {saga.Describe()} ({saga.GetType()}) is not the registered instance. "
        + $"Register it with AddSaga<{saga.GetType().Name}>() and resolve it from the container.",
        nameof(saga));

    private ArgumentException Former(Saga saga)
    {
        Saga present = _byVersion[(saga.Name, saga.Version)][0].Saga;
        return new ArgumentException(
            $"Saga {saga.Describe()} was not started: {saga.GetType()} is registered as a former shape (AddFormerSaga), which is only resumed. "
            + (_bySaga[present].IsFormer ? "Start a saga of its present version." : $"Start {present.GetType()}."),
            nameof(saga));
    }

    /// <summary>Finds a shape that a definition may not be registered beside.</summary>
    private InvalidOperationException? FindDuplicate(List<RegisteredSaga> shapes, RegisteredSaga registered)
    {
        Saga saga = registered.Saga;
        if (registered.IsFormer)
        {
            return shapes.Find(shape => HaveSameNodes(shape, registered)) is { } same
                ? new InvalidOperationException(
                    $"The former shape of saga {saga.Describe()} that {saga.GetType()} declares has the same nodes as "
                    + $"{(same.IsFormer ? "the former one" : "the present one")} of {same.Saga.GetType()}: remove one of the two registrations.")
                : null;
        }

        return shapes.Count == 0 ? null : DuplicateDefinition(shapes[0], registered);
    }

    private InvalidOperationException DuplicateDefinition(RegisteredSaga first, RegisteredSaga second)
    {
        Saga saga = second.Saga;
        if (first.Saga.GetType() == saga.GetType() && HaveSameNodes(first, second))
        {
            return new InvalidOperationException($"Saga {saga.Describe()} is registered twice by {saga.GetType()}: call AddSaga once for each class.");
        }

        string subject = $"Saga {saga.Describe()} is registered twice, by {first.Saga.GetType()} and {saga.GetType()}";
        return new InvalidOperationException(HaveSameNodes(first, second)
            ? $"{subject}."
            : $"{subject}, with different nodes: raise the version of one, or register the former shape with AddFormerSaga.");
    }

    private bool HaveSameNodes(RegisteredSaga first, RegisteredSaga second) =>
        first.Saga.IsDynamic || second.Saga.IsDynamic
            ? first.Saga.GetType() == second.Saga.GetType()
            : first.Build(_json).Saved.Hash == second.Build(_json).Saved.Hash;
}
