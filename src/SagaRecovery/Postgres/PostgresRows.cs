using Npgsql;

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
    public static DateTimeOffset Time(this NpgsqlDataReader row, int column) => row.GetFieldValue<DateTimeOffset>(column);
}
