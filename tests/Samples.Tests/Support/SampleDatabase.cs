using Dapper;
using Npgsql;

namespace Samples.Tests.Support;

/// <summary>The database of one test, as a reader looks at it with psql.</summary>
internal sealed class SampleDatabase(string connectionString)
{
    public string ConnectionString => connectionString;

    /// <summary>Creates an empty database. A busy machine gets time to answer.</summary>
    public static async Task<SampleDatabase> CreateAsync(PostgresCluster postgres) => new(
        new NpgsqlConnectionStringBuilder(await postgres.NewDatabaseAsync()) { Timeout = 60, CommandTimeout = 60 }.ConnectionString);

    /// <summary>Reads the first column of each row as text.</summary>
    public async Task<IReadOnlyList<string>> RowsAsync(string sql)
    {
        await using var connection = new NpgsqlConnection(connectionString);
        return [.. await connection.QueryAsync<string>(sql)];
    }

    /// <summary>Reads all sagas as <c>name state</c>.</summary>
    public Task<IReadOnlyList<string>> SagasAsync() => RowsAsync("select name || ' ' || state from saga_recovery.saga order by id");

    /// <summary>Reads the log of all sagas as <c>node event</c>.</summary>
    public Task<IReadOnlyList<string>> EventsAsync() =>
        RowsAsync("select node_id || ' ' || event_type from saga_recovery.saga_node_event order by node_id, event_type::text");

    /// <summary>Waits until exactly one saga exists, in a state.</summary>
    public Task OnlySagaIsAsync(string saga) => Eventually.HoldsAsync(
        async () => (await SagasAsync()) is [var only] && only == saga, $"the only saga was '{saga}'", SampleProcess.Longest);
}
