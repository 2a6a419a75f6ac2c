using System.Runtime.InteropServices;
using Npgsql;
using SagaRecovery.Bookkeeping;
using SagaRecovery.Fencing;
using SagaRecovery.Storage;

namespace SagaRecovery.Postgres;

/// <summary>
/// The rows of a few hundred sagas: they themselves, their definitions, their events. What cannot be read is noted against its saga, and
/// costs no other.
/// </summary>
/// <param name="candidates">The sagas.</param>
/// <param name="definitions">What was loaded before.</param>
/// <param name="ensureCounts">Throws unless a statement was answered where this process's join counts.</param>
internal sealed class LoadedPage(IReadOnlyList<Candidate> candidates, DefinitionCache definitions, Action<JoinRow?> ensureCounts)
{
    private readonly Dictionary<Guid, SagaRow> _sagas = new(candidates.Count);
    private readonly Dictionary<DefinitionHash, SavedDefinition?> _definitions = [];

    /// <summary>The hashes of definitions that are still to be loaded.</summary>
    public byte[][] UnknownDefinitions => [.. _definitions.Where(one => one.Value is null).Select(one => one.Key.ToBytes())];

    /// <summary>Reads the results of <see cref="Statements.LoadSagas"/> and <see cref="Statements.LoadEvents"/>, in this order.</summary>
    /// <param name="reader">At the first of them.</param>
    /// <param name="events">Where events are put until all are there: they come in any order.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task ReadAsync(NpgsqlDataReader reader, List<EventRow> events, CancellationToken cancellationToken)
    {
        ensureCounts(await JoinRow.ReadAsync(reader, JoinRow.Of, cancellationToken).ConfigureAwait(false));
        while (await reader.ReadAsync(cancellationToken).ConfigureAwait(false))
        {
            ReadSaga(reader);
        }

        await reader.NextResultAsync(cancellationToken).ConfigureAwait(false);
        ensureCounts(await JoinRow.ReadAsync(reader, row => new(new JoinToken(row.GetGuid(0)), row.GetString(2), default), cancellationToken)
            .ConfigureAwait(false));
        while (await reader.ReadAsync(cancellationToken).ConfigureAwait(false))
        {
            ReadEvent(reader, events);
        }

        Distribute(events);
    }

    /// <summary>Reads a row of <see cref="Statements.LoadDefinitions"/>.</summary>
    public static SavedDefinition ReadDefinition(NpgsqlDataReader row) =>
        new(DefinitionHash.FromBytes(row.GetFieldValue<byte[]>(0)), row.GetString(1), row.GetInt32(2), row.GetFieldValue<byte[]>(3));

    /// <summary>Adds definitions that were still to be loaded.</summary>
    public void Add(IEnumerable<SavedDefinition> loaded)
    {
        foreach (SavedDefinition definition in loaded)
        {
            _definitions[definition.Hash] = definition;
            definitions.Add(definition);
        }
    }

    /// <summary>One answer for each candidate, in their order.</summary>
    public IReadOnlyList<LoadedSaga> Answer()
    {
        var answers = new LoadedSaga[candidates.Count];
        for (int i = 0; i < answers.Length; i++)
        {
            answers[i] = AnswerFor(candidates[i]);
        }

        return answers;
    }

    private LoadedSaga AnswerFor(Candidate candidate)
    {
        if (!_sagas.TryGetValue(candidate.SagaId.Value, out SagaRow? row) || row.Generation != candidate.Generation)
        {
            return LoadedSaga.Superseded.Instance;
        }

        if (row.Error is not null)
        {
            return new LoadedSaga.Unreadable(row.Error);
        }

        if (_definitions[row.DefinitionHash] is not { } definition) // it was there when the saga was inserted: lost since, or read elsewhere
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
        });
    }

    private void ReadSaga(NpgsqlDataReader reader)
    {
        var row = new SagaRow
        {
            Generation = new AdoptGeneration(reader.GetInt64(2)),
            DefinitionHash = DefinitionHash.FromBytes(reader.GetFieldValue<byte[]>(3)),
            Parameters = reader.GetFieldValue<byte[]>(4),
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
            return; // its saga has moved on
        }

        try
        {
            ReadOnlyMemory<byte> data = reader.IsDBNull(3) ? default(ReadOnlyMemory<byte>) : reader.GetFieldValue<byte[]>(3);
            events.Add(new EventRow(row, new SavedNodeEvent(reader.GetInt32(1), PostgresNames.ToEventType(reader.GetString(2)), data)));
            row.EventCount++;
        }
        catch (UnreadableRowException exception)
        {
            row.Error = exception.Message;
        }
    }

    /// <summary>Gives each saga its events, in an array of the right length.</summary>
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

    /// <summary>An event, and whose it is.</summary>
    internal readonly record struct EventRow(SagaRow Saga, SavedNodeEvent Event);

    internal sealed class SagaRow
    {
        public required AdoptGeneration Generation { get; init; }

        public required DefinitionHash DefinitionHash { get; init; }

        public required byte[] Parameters { get; init; }

        public SagaState State { get; set; }

        public SavedNodeEvent[] Events { get; set; } = [];

        public int EventCount { get; set; }

        public string? Error { get; set; }
    }
}
