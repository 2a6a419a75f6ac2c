using Npgsql;

namespace SagaRecovery.Benchmarks.Subjects;

/// <summary>The statements that a database has executed, counted by the server (pg_stat_statements). Used by one flow; not thread-safe.</summary>
internal sealed class StatementCounts : IAsyncDisposable
{
    /// <summary>The counts of all sessions of the database but those of this connection, by the beginning of the statement.</summary>
    private const string Read =
        """
        select left(regexp_replace(query, '\s+', ' ', 'g'), 60), sum(calls)::bigint from pg_stat_statements
        where dbid = (select oid from pg_database where datname = current_database()) and query not like '%pg_stat_statements%'
        group by 1
        """;

    private readonly NpgsqlConnection _connection;

    private StatementCounts(NpgsqlConnection connection) => _connection = connection;

    /// <summary>Opens a connection outside of the pool.</summary>
    public static async Task<StatementCounts> OpenAsync(string connectionString)
    {
        var connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(connectionString) { Pooling = false }.ConnectionString);
        await connection.OpenAsync();
        return new StatementCounts(connection);
    }

    public async Task ResetAsync()
    {
        await using var reset = new NpgsqlCommand("select pg_stat_statements_reset()", _connection);
        await reset.ExecuteNonQueryAsync();
    }

    public async Task<IReadOnlyDictionary<string, long>> ReadAsync()
    {
        Dictionary<string, long> counts = [];
        await using var read = new NpgsqlCommand(Read, _connection);
        await using NpgsqlDataReader reader = await read.ExecuteReaderAsync();
        while (await reader.ReadAsync())
        {
            counts.Add(reader.GetString(0), reader.GetInt64(1));
        }

        return counts;
    }

    public ValueTask DisposeAsync() => _connection.DisposeAsync();
}
