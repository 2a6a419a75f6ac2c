using Npgsql;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Postgres;

/// <summary>A forward-only reader of the results of a batch.</summary>
internal sealed class PostgresRows(NpgsqlDataReader reader, CancellationToken cancellationToken)
{
    /// <summary>Reads the rows of one result and moves to the next result.</summary>
    public async Task<List<T>> ListAsync<T>(Func<NpgsqlDataReader, T> read)
    {
        List<T> rows = [];
        while (await reader.ReadAsync(cancellationToken).ConfigureAwait(false))
        {
            rows.Add(read(reader));
        }

        await reader.NextResultAsync(cancellationToken).ConfigureAwait(false);
        return rows;
    }

    /// <summary>Reads the first row of a result and stays on that result.</summary>
    /// <returns>The row, or null if the result is empty.</returns>
    public async Task<T?> FirstAsync<T>(Func<NpgsqlDataReader, T> read)
        where T : struct => await reader.ReadAsync(cancellationToken).ConfigureAwait(false) ? read(reader) : null;

    /// <summary>Skips a number of results.</summary>
    public async Task SkipAsync(int results)
    {
        for (int i = 0; i < results; i++)
        {
            await reader.NextResultAsync(cancellationToken).ConfigureAwait(false);
        }
    }
}

internal static class PostgresRowsExtensions
{
    /// <summary>Reads a time. One that .NET cannot represent reads as the nearest; see <see cref="StoredTimes"/>.</summary>
    public static DateTimeOffset Time(this NpgsqlDataReader row, int column) => StoredTimes.FromStored(row.GetFieldValue<long>(column));

    public static DateTimeOffset? TimeOrNull(this NpgsqlDataReader row, int column) => row.IsDBNull(column) ? null : row.Time(column);

    public static DefinitionHash Hash(this NpgsqlDataReader row, int column) => DefinitionHash.FromBytes(row.GetFieldValue<byte[]>(column));

    /// <summary>Reads JSON in UTF-8; empty for a null.</summary>
    public static ReadOnlyMemory<byte> BytesOrNone(this NpgsqlDataReader row, int column) =>
        row.IsDBNull(column) ? default(ReadOnlyMemory<byte>) : row.GetFieldValue<byte[]>(column);

    /// <summary>Reads a cancellation from three columns: time, actor and reason.</summary>
    public static SagaCancellation? CancellationOrNull(this NpgsqlDataReader row, int time) =>
        row.IsDBNull(time) ? null : new SagaCancellation(row.Time(time), new OperatorNote(row.GetString(time + 1), row.GetString(time + 2)));
}
