using System.Runtime.InteropServices;
using Npgsql;
using SagaRecovery.Bookkeeping;
using SagaRecovery.Fencing;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Postgres;

/// <summary>
/// The rows of a few hundred sagas with their definitions and events. A row that cannot be read makes its own saga unreadable and does not
/// affect the others.
/// </summary>
/// <param name="candidates">The sagas.</param>
/// <param name="definitions">The cache of definitions.</param>
/// <param name="ensureMember">Throws unless this process's join is valid where a statement ran.</param>
internal sealed class LoadedPage(IReadOnlyList<Candidate> candidates, DefinitionCache definitions, Action<JoinRow?> ensureMember)
{
    private readonly Dictionary<Guid, SagaRow> _sagas = new(candidates.Count);
    private readonly Dictionary<DefinitionHash, SavedDefinition?> _definitions = [];

    /// <summary>The hashes of the definitions that are not loaded yet.</summary>
    public byte[][] MissingDefinitions => [.. _definitions.Where(pair => pair.Value is null).Select(pair => pair.Key.ToBytes())];

    /// <summary>Reads the results of <see cref="Statements.LoadSagas"/> and <see cref="Statements.LoadEvents"/>, in this order.</summary>
    /// <param name="reader">The reader, positioned at the first of the two results.</param>
    /// <param name="events">The buffer for the events, which arrive in any order.</param>
    /// <param name="cancellationToken">Cancels the read.</param>
    public async Task ReadAsync(NpgsqlDataReader reader, List<EventRow> events, CancellationToken cancellationToken)
    {
        ensureMember(await JoinRow.ReadAsync(reader, JoinRow.Of, cancellationToken).ConfigureAwait(false));
        while (await reader.ReadAsync(cancellationToken).ConfigureAwait(false))
        {
            ReadSaga(reader);
        }

        await reader.NextResultAsync(cancellationToken).ConfigureAwait(false);
        ensureMember(await JoinRow.ReadAsync(reader, row => new(new JoinToken(row.GetGuid(0)), row.GetString(2), default), cancellationToken)
            .ConfigureAwait(false));
        while (await reader.ReadAsync(cancellationToken).ConfigureAwait(false))
        {
            ReadEvent(reader, events);
        }

        Distribute(events);
    }

    /// <summary>Reads a definition from four columns: hash, name, version and DAG, as <see cref="Statements.LoadDefinitions"/> has them.</summary>
    public static SavedDefinition ReadDefinition(NpgsqlDataReader row) =>
        new(row.Hash(0), row.GetString(1), row.GetInt32(2), row.BytesOrNone(3));

    /// <summary>Adds definitions that were missing.</summary>
    public void Add(IEnumerable<SavedDefinition> loaded)
    {
        foreach (SavedDefinition definition in loaded)
        {
            _definitions[definition.Hash] = definition;
            definitions.Add(definition);
        }
    }

    /// <summary>Returns one result for each candidate, in their order.</summary>
    public IReadOnlyList<LoadedSaga> GetResults()
    {
        var results = new LoadedSaga[candidates.Count];
        for (int i = 0; i < results.Length; i++)
        {
            results[i] = GetResult(candidates[i]);
        }

        return results;
    }

    private LoadedSaga GetResult(Candidate candidate)
    {
        if (!_sagas.TryGetValue(candidate.SagaId.Value, out SagaRow? row) || row.Generation != candidate.Generation)
        {
            return LoadedSaga.Superseded.Instance;
        }

        if (row.Error is not null)
        {
            return new LoadedSaga.Unreadable(row.Error);
        }

        if (_definitions[row.DefinitionHash] is not { } definition) // it existed when the saga was inserted: lost since, or read from another server
        {
            return new LoadedSaga.Unreadable($"its definition {row.DefinitionHash} was not found");
        }

        return new LoadedSaga.Present(new SavedSaga
        {
            Id = candidate.SagaId,
            Name = definition.Name,
            State = row.State,
            Generation = row.Generation,
            Definition = definition,
            Parameters = row.Parameters,
            Events = row.Events,
            Cancellation = row.Cancellation,
            Deadline = row.Deadline,
        });
    }

    private void ReadSaga(NpgsqlDataReader reader)
    {
        var row = new SagaRow
        {
            Generation = new AdoptGeneration(reader.GetInt64(2)),
            DefinitionHash = reader.Hash(3),
            Parameters = reader.GetFieldValue<byte[]>(4),
            Deadline = reader.TimeOrNull(5),
            Cancellation = reader.CancellationOrNull(6),
        };
        _sagas[reader.GetGuid(0)] = row;
        if (!_definitions.ContainsKey(row.DefinitionHash))
        {
            _definitions.Add(row.DefinitionHash, definitions.Find(row.DefinitionHash));
        }

        try
        {
            row.State = PostgresNames.ToInProgressState(reader.GetString(1));
        }
        catch (UnreadableRowException exception)
        {
            row.Error = exception.Message;
        }
    }

    private void ReadEvent(NpgsqlDataReader reader, List<EventRow> events)
    {
        if (!_sagas.TryGetValue(reader.GetGuid(0), out SagaRow? row))
        {
            return; // its saga is superseded
        }

        try
        {
            events.Add(new EventRow(row, new SavedNodeEvent(reader.GetInt32(1), PostgresNames.ToEventType(reader.GetString(2)), reader.BytesOrNone(3))));
            row.EventCount++;
        }
        catch (UnreadableRowException exception)
        {
            row.Error = exception.Message;
        }
    }

    /// <summary>Copies the events to their sagas, into arrays of the exact length.</summary>
    private void Distribute(List<EventRow> events)
    {
        foreach (SagaRow saga in _sagas.Values)
        {
            saga.Events = new SavedNodeEvent[saga.EventCount];
            saga.EventCount = 0;
        }

        foreach (ref readonly EventRow row in CollectionsMarshal.AsSpan(events))
        {
            row.Saga.Events[row.Saga.EventCount++] = row.Event;
        }
    }

    /// <summary>An event and the saga that it belongs to.</summary>
    internal readonly record struct EventRow(SagaRow Saga, SavedNodeEvent Event);

    internal sealed class SagaRow
    {
        public required AdoptGeneration Generation { get; init; }

        public required DefinitionHash DefinitionHash { get; init; }

        public required byte[] Parameters { get; init; }

        public DateTimeOffset? Deadline { get; init; }

        public SagaCancellation? Cancellation { get; init; }

        public SagaState State { get; set; }

        public SavedNodeEvent[] Events { get; set; } = [];

        public int EventCount { get; set; }

        public string? Error { get; set; }
    }
}
