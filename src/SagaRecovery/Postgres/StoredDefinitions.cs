using System.Collections.Concurrent;
using Npgsql;
using SagaRecovery.Fencing;
using SagaRecovery.Storage;

namespace SagaRecovery.Postgres;

/// <summary>The definitions that this process knows to be in the database, so that it does not send them with every saga. Thread-safe.</summary>
internal sealed class StoredDefinitions(PostgresDatabase database)
{
    /// <summary>The maximum number of known definitions. Sagas whose nodes depend on their parameters have any number.</summary>
    private const int MaxKnown = 10_000;

    private readonly ConcurrentDictionary<DefinitionHash, bool> _known = new();

    /// <summary>Returns those of some definitions that may not be in the database.</summary>
    public SavedDefinition[] Unknown(IEnumerable<SavedDefinition> definitions) =>
        [.. definitions.Where(definition => !_known.ContainsKey(definition.Hash)).DistinctBy(definition => definition.Hash)];

    /// <summary>Adds definitions that are committed.</summary>
    public void Add(IEnumerable<SavedDefinition> definitions)
    {
        foreach (SavedDefinition definition in definitions)
        {
            if (_known.Count >= MaxKnown)
            {
                _known.Clear(); // costs an insert of each that changes nothing
            }

            _known.TryAdd(definition.Hash, true);
        }
    }

    /// <summary>Forgets those of some definitions that the database has lost.</summary>
    /// <returns>True if the database has lost one.</returns>
    public async Task<bool> ForgetLostAsync(IEnumerable<SavedDefinition> definitions, CancellationToken cancellationToken)
    {
        DefinitionHash[] needed = [.. definitions.Select(definition => definition.Hash).Distinct()];
        List<DefinitionHash> present = await database.ReadAsync(
            batch => batch.Add(database.Statements.KnownDefinitions).With(needed.Select(hash => hash.ToBytes()).ToArray()),
            rows => rows.ListAsync(row => row.Hash(0)),
            cancellationToken).ConfigureAwait(false);
        DefinitionHash[] lost = [.. needed.Except(present).Where(hash => _known.TryRemove(hash, out _))];
        return lost.Length > 0;
    }

    /// <summary>Stores a definition in a transaction of its own, unless it is known to be stored.</summary>
    public async Task EnsureAsync(SavedDefinition definition, Membership member, CancellationToken cancellationToken)
    {
        if (Unknown([definition]).Length == 0)
        {
            return;
        }

        await PostgresFence.WriteAsync(
            database,
            database.Statements.Lock,
            member,
            batch => AddInsert(batch, database.Statements, member, definition),
            _ => Task.FromResult(true),
            cancellationToken).ConfigureAwait(false);
        Add([definition]);
    }

    public static void AddInsert(NpgsqlBatch batch, Statements statements, Membership member, SavedDefinition definition) =>
        batch.Add(statements.InsertDefinition, member)
            .With(definition.Hash.ToBytes()).With(definition.Name).With(definition.Version)
            .WithJson(definition.Dag);
}
