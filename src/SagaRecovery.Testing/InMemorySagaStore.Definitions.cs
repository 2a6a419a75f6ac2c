using SagaRecovery.Bookkeeping;
using SagaRecovery.Fencing;
using SagaRecovery.Storage;

namespace SagaRecovery.Testing;

/// <content>The definitions. No process publishes any here, so a shape is needed only while an unfinished saga has it.</content>
public sealed partial class InMemorySagaStore
{
    private readonly Dictionary<DefinitionHash, SavedDefinition> _definitions = []; // kept at a loss of commits: each new saga brings its own

    private readonly Dictionary<DefinitionHash, DefinitionKey> _definitionKeys = []; // one object for each definition

    /// <inheritdoc />
    public Task<UnknownDefinitions> FindUnknownAsync(
        CoordinatorId coordinator, IReadOnlyCollection<RunnableDefinition> registered, int limit, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        lock (_lock)
        {
            UnknownDefinition[] unknown =
            [
                .. _sagas.Values
                    .Where(row => row.IsInProgress && row.Owner == coordinator && !registered.Any(one => one.Runs(row.Definition)))
                    .GroupBy(row => row.Definition.Hash)
                    .Select(sagas => new UnknownDefinition(sagas.First().Definition, sagas.LongCount()))
                    .OrderByDescending(one => one.Unfinished).ThenBy(one => one.Definition.Hash.ToString(), StringComparer.Ordinal),
            ];
            return Task.FromResult(new UnknownDefinitions([.. unknown.Take(limit)], unknown.Length, unknown.Sum(one => one.Unfinished)));
        }
    }

    /// <inheritdoc />
    public Task<IReadOnlyList<SavedDefinition>> FindConflictsAsync(
        CoordinatorId coordinator,
        IReadOnlyCollection<RunnableDefinition> definitions,
        IReadOnlyCollection<DefinitionHash> registered,
        CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        lock (_lock)
        {
            return Task.FromResult<IReadOnlyList<SavedDefinition>>(
                [.. definitions.SelectMany(one => ConflictsOf(one.Hash, one.Name, one.Version, registered)).DistinctBy(other => other.Hash)]);
        }
    }

    /// <inheritdoc />
    public Task<IReadOnlyList<SavedDefinition>> StoreAsync(
        Membership member, SavedDefinition definition, IReadOnlyCollection<DefinitionHash> registered, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        lock (_lock)
        {
            ThrowIfFenced(member);
            IReadOnlyList<SavedDefinition> conflicts = ConflictsOf(definition.Hash, definition.Name, definition.Version, registered);
            if (conflicts.Count == 0)
            {
                _definitions.TryAdd(definition.Hash, definition);
            }

            return Task.FromResult(conflicts);
        }
    }

    /// <inheritdoc />
    /// <remarks>Every coordinator that has joined counts as able to run any definition.</remarks>
    public Task<DefinitionList> ListAsync(CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        lock (_lock)
        {
            ILookup<DefinitionHash, Row> sagas = _sagas.Values.ToLookup(row => row.Definition.Hash);
            IEnumerable<DefinitionCount> counts = StoredDefinitions().Select(one => new DefinitionCount(
                one.Hash,
                one.Name,
                one.Version,
                sagas[one.Hash].LongCount(row => row.IsInProgress),
                sagas[one.Hash].LongCount(row => !row.IsInProgress),
                sagas[one.Hash].LongCount(row => row.State == SagaState.Stuck)));
            return Task.FromResult(DefinitionList.Of([.. counts], published: [], runAny: [.. _joins.Keys.OrderBy(id => id.Value)]));
        }
    }

    /// <summary>Finds the needed shapes beside a definition. Requires the lock.</summary>
    private IReadOnlyList<SavedDefinition> ConflictsOf(DefinitionHash hash, string name, int version, IReadOnlyCollection<DefinitionHash> registered)
    {
        SavedDefinition[] stored = [.. StoredDefinitions()];
        return Array.Exists(stored, one => one.Hash == hash) ? [] :
        [
            .. stored.Where(one => one.Name == name && one.Version == version && !registered.Contains(one.Hash)
                && _sagas.Values.Any(row => row.IsInProgress && row.Definition.Hash == one.Hash)),
        ];
    }

    /// <summary>Returns the key of a definition. Requires the lock.</summary>
    private DefinitionKey KeyOf(DefinitionHash hash)
    {
        if (!_definitionKeys.TryGetValue(hash, out DefinitionKey? key))
        {
            _definitionKeys.Add(hash, key = hash.ToKey());
        }

        return key;
    }

    private IEnumerable<SavedDefinition> StoredDefinitions() =>
        _definitions.Values.Concat(_sagas.Values.Select(row => row.Definition)).DistinctBy(one => one.Hash);
}
