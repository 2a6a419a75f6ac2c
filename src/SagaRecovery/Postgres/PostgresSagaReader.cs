using Npgsql;
using SagaRecovery.Fencing;
using SagaRecovery.Storage;

namespace SagaRecovery.Postgres;

/// <summary>The queries for single sagas in Postgres.</summary>
internal sealed class PostgresSagaReader(PostgresDatabase database, PostgresSchema schema) : ISagaReader
{
    private CallerStatements Sql => database.Callers;

    public async Task<SavedSaga?> ReadAsync(SagaId sagaId, CancellationToken cancellationToken)
    {
        await schema.EnsureReadableOnceAsync(cancellationToken).ConfigureAwait(false);
        return await database.ReadPreparedAsync(
            batch =>
            {
                batch.Add(CallerStatements.UseIndexes);
                batch.Add(Sql.ReadSaga).With(sagaId.Value);
                batch.Add(Sql.ReadEvents).With(sagaId.Value); // must come second: the state implies what the log contains
            },
            async rows =>
            {
                await RefuseStandbyAsync(rows).ConfigureAwait(false);
                SavedSaga? saga = (await rows.ListAsync(row => ToSaga(sagaId, row)).ConfigureAwait(false)).SingleOrDefault();
                List<SavedNodeEvent> events = await rows.ListAsync(ToEvent).ConfigureAwait(false);
                return saga is null ? null : saga with { Events = events };
            },
            cancellationToken).ConfigureAwait(false);
    }

    public async Task<IReadOnlyCollection<SagaId>> FindUnfinishedAsync(IReadOnlyCollection<SagaId> sagaIds, CancellationToken cancellationToken) =>
        await database.ReadPreparedAsync(
            batch =>
            {
                batch.Add(CallerStatements.UseIndexes);
                batch.Add(Sql.FindUnfinished).With(sagaIds.Select(id => id.Value).ToArray());
            },
            async rows =>
            {
                await RefuseStandbyAsync(rows).ConfigureAwait(false);
                return await rows.ListAsync(row => new SagaId(row.GetGuid(0))).ConfigureAwait(false);
            },
            cancellationToken).ConfigureAwait(false);

    /// <summary>Refuses a standby, which does not have what was written a moment ago. A later connection may reach the primary.</summary>
    private static async Task RefuseStandbyAsync(PostgresRows rows)
    {
        if ((await rows.ListAsync(row => row.GetBoolean(0)).ConfigureAwait(false)).Single())
        {
            throw new NpgsqlException("The sagas were not read: the connection leads to a standby.");
        }
    }

    /// <summary>Reads a row of <see cref="CallerStatements.ReadSaga"/>.</summary>
    public static SavedSaga ToSaga(SagaId id, NpgsqlDataReader row) => new()
    {
        Id = id,
        Name = row.GetString(0),
        State = PostgresNames.ToState(row.GetString(1)),
        Generation = new AdoptGeneration(row.GetInt64(2)),
        Parameters = row.GetFieldValue<byte[]>(3),
        Deadline = row.TimeOrNull(4),
        Cancellation = row.CancellationOrNull(5),
        Abandonment = row.IsDBNull(8) ? null : new Abandonment(row.GetString(8), row.GetString(9)),
        Definition = new SavedDefinition(
            row.Hash(10),
            row.GetString(0),
            row.IsDBNull(11) ? 0 : row.GetInt32(11), // a fail-over may have lost the definition
            row.BytesOrNone(12)),
        Events = [],
    };

    private static SavedNodeEvent ToEvent(NpgsqlDataReader row) => ToEvent(row, column: 0);

    /// <summary>Reads an event from three columns: node, type and data.</summary>
    public static SavedNodeEvent ToEvent(NpgsqlDataReader row, int column) =>
        new(row.GetInt32(column), PostgresNames.ToEventType(row.GetString(column + 1)), row.BytesOrNone(column + 2));
}
