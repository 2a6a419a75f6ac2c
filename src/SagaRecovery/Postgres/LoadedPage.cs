using Npgsql;
using SagaRecovery.Bookkeeping;

namespace SagaRecovery.Postgres;

/// <summary>
/// The rows of a few hundred sagas: they themselves, their definitions, their events. What cannot be read is noted against its saga, and
/// costs no other.
/// </summary>
/// <param name="definitions">What was loaded before.</param>
internal sealed class LoadedPage(DefinitionCache definitions)
{
    private readonly Dictionary<Guid, SagaRow> _sagas = [];
    private readonly Dictionary<DefinitionHash, SavedDefinition?> _definitions = [];

    /// <summary>The hashes of definitions that are still to be loaded.</summary>
    public byte[][] UnknownDefinitions => [.. _definitions.Where(one => one.Value is null).Select(one => one.Key.ToBytes())];

    /// <summary>Reads the results of <see cref="Statements.LoadSagas"/> and <see cref="Statements.LoadEvents"/>, in this order.</summary>
    public async Task ReadAsync(NpgsqlDataReader reader, CancellationToken cancellationToken)
    {
        while (await reader.ReadAsync(cancellationToken).ConfigureAwait(false))
        {
            ReadSaga(reader);
        }

        await reader.NextResultAsync(cancellationToken).ConfigureAwait(false);
        while (await reader.ReadAsync(cancellationToken).ConfigureAwait(false))
        {
            ReadEvent(reader);
        }
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

    public IReadOnlyList<LoadedSaga> AnswerFor(IReadOnlyList<Candidate> candidates)
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
            return LoadedSaga.MovedOn.Instance;
        }

        if (row.Error is not null)
        {
            return new LoadedSaga.Unreadable(row.Error);
        }

        // The definition is there: a foreign key holds it, and it is read after the sagas.
        return new LoadedSaga.Present(new SavedSaga
        {
            Id = candidate.SagaId,
            Name = row.Name,
            State = row.State,
            Generation = row.Generation,
            Definition = _definitions[row.DefinitionHash]!,
            Parameters = row.Parameters,
            Events = row.Events,
        });
    }

    private void ReadSaga(NpgsqlDataReader reader)
    {
        var row = new SagaRow
        {
            Name = reader.GetString(1),
            Generation = new AdoptGeneration(reader.GetInt64(3)),
            DefinitionHash = DefinitionHash.FromBytes(reader.GetFieldValue<byte[]>(4)),
            Parameters = reader.GetFieldValue<byte[]>(5),
        };
        _sagas[reader.GetGuid(0)] = row;
        if (!_definitions.ContainsKey(row.DefinitionHash))
        {
            _definitions.Add(row.DefinitionHash, definitions.Find(row.DefinitionHash));
        }

        try
        {
            row.State = PostgresNames.ToInProgressState(reader.GetString(2));
        }
        catch (UnreadableRowException exception)
        {
            row.Error = exception.Message;
        }
    }

    private void ReadEvent(NpgsqlDataReader reader)
    {
        if (!_sagas.TryGetValue(reader.GetGuid(0), out SagaRow? row))
        {
            return; // its saga has moved on
        }

        try
        {
            ReadOnlyMemory<byte> data = reader.IsDBNull(3) ? default(ReadOnlyMemory<byte>) : reader.GetFieldValue<byte[]>(3);
            row.Events.Add(new SavedNodeEvent(reader.GetInt32(1), PostgresNames.ToEventType(reader.GetString(2)), data));
        }
        catch (UnreadableRowException exception)
        {
            row.Error = exception.Message;
        }
    }

    private sealed class SagaRow
    {
        public required string Name { get; init; }

        public required AdoptGeneration Generation { get; init; }

        public required DefinitionHash DefinitionHash { get; init; }

        public required byte[] Parameters { get; init; }

        public SagaState State { get; set; }

        public List<SavedNodeEvent> Events { get; } = [];

        public string? Error { get; set; }
    }
}
