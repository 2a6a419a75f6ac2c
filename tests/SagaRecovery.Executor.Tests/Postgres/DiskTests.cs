using System.Data.Common;
using Dapper;
using Npgsql;
using SagaRecovery.Executor.Tests.Support;

namespace SagaRecovery.Executor.Tests.Postgres;

/// <summary>Sagas with a transactional node that inserts a disk. No row has a key that would keep a second one out.</summary>
public abstract class DiskTests(PostgresCluster cluster) : IClassFixture<PostgresCluster>, IAsyncLifetime
{
    protected const string CommittedBefore =
        """
        insert into disk values (@saga, 'committed before');
        insert into saga_recovery.saga_node_event (saga_id, node_id, event_type, creator) values (@saga, 0, 'succeeded', @creator)
        """;

    protected Guid Coordinator { get; } = Guid.NewGuid();

    protected string Database { get; set; } = null!;

    public async ValueTask InitializeAsync() => Database = await NewDatabaseAsync();

    public ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        return default;
    }

    /// <summary>A database with tables that refuse a commit: of two quotas of a saga, and of a disk named conflict.</summary>
    private protected async Task<string> NewDatabaseAsync()
    {
        string database = await cluster.NewDatabaseAsync();
        await using var connection = new NpgsqlConnection(database);
        await connection.ExecuteAsync(
            """
            create table disk (saga uuid, node text);
            create table quota (saga uuid unique deferrable initially deferred);
            create function refuse() returns trigger language plpgsql as $$ begin raise exception 'conflict' using errcode = '40001'; end $$;
            create constraint trigger conflict after insert on disk deferrable initially deferred for each row when (new.node = 'conflict') execute function refuse();
            """);
        return database;
    }

    private protected async Task<T> ScalarAsync<T>(string sql)
    {
        await using var connection = new NpgsqlConnection(Database);
        return (await connection.ExecuteScalarAsync<T>(sql))!;
    }

    private protected static Task InsertAsync(NodeContext<string> node, DbTransaction transaction) =>
        ExecuteAsync(transaction, "insert into disk values (@saga, 'disk')", node);

    private protected static Task<int> ExecuteAsync(DbTransaction transaction, string sql, NodeContext<string> node) =>
        transaction.Connection!.ExecuteAsync(sql, new { saga = node.SagaId.Value }, transaction);

    /// <summary>Does what an earlier attempt would have done whose answer was lost.</summary>
    private protected async Task CommitElsewhereAsync(NodeContext<string> node, string sql = CommittedBefore)
    {
        await using var connection = new NpgsqlConnection(Database);
        await connection.ExecuteAsync(sql, OfNode(node));
    }

    private protected object OfNode(NodeContext<string> node) => new { saga = node.SagaId.Value, creator = Coordinator };

    private protected TestSaga Disk() => Saga(InsertAsync);

    private protected static TestSaga Saga(Func<NodeContext<string>, DbTransaction, Task> action) =>
        new("disk", saga => saga.TransactionalNode("disk", action));

    private protected Task<PostgresHost> StartAsync(Saga<string> saga) => PostgresHost.StartAsync(Database, Coordinator, saga);

    private protected static async Task<SagaResult> RunAsync(PostgresHost host) =>
        await (await host.Client.StartAsync(host.Saga("disk"), "")).Completion.Soon();

    private protected static async Task<IReadOnlyList<string>> DisksAsync(PostgresHost host) =>
        await host.ScalarAsync<string[]>("select coalesce(array_agg(node order by node), '{}') from disk");

    private protected static async Task<IReadOnlyList<string>> EventsAsync(PostgresHost host) =>
        await host.ScalarAsync<string[]>("select array_agg(node_id || ' ' || event_type order by node_id, event_type) from saga_recovery.saga_node_event");

    /// <summary>The database loses the join of the process, as by a restart of the server.</summary>
    private protected static Task LoseJoinAsync(PostgresHost host) =>
        host.ExecuteAsync("update saga_recovery.saga_coordinator set server_start = 'epoch'");
}
