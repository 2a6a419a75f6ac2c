using Npgsql;

namespace SagaRecovery.Postgres;

/// <summary>The results of a batch, one after the other.</summary>
internal sealed class PostgresRows(NpgsqlDataReader reader, CancellationToken cancellationToken)
{
    /// <summary>Reads the rows of one result, and goes on to the next.</summary>
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

    /// <summary>Reads the first row of a result, and leaves the rest to be read.</summary>
    /// <returns>Null: there is none.</returns>
    public async Task<T?> FirstAsync<T>(Func<NpgsqlDataReader, T> read)
        where T : struct => await reader.ReadAsync(cancellationToken).ConfigureAwait(false) ? read(reader) : null;

    /// <summary>Passes over so many results.</summary>
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
