using Dapper;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Npgsql;
using SagaRecovery.Postgres;

namespace SagaRecovery.Versions.Tests.Support;

/// <summary>A database with the table in which the workers record their steps, its schema, and what became of the sagas in it.</summary>
internal sealed class VersionDatabase : IAsyncDisposable
{
    private readonly NpgsqlDataSource _dataSource;
    private readonly PostgresDatabase _database;

    private VersionDatabase(string connectionString)
    {
        ConnectionString = connectionString;
        _dataSource = NpgsqlDataSource.Create(connectionString);
        _database = new PostgresDatabase(_dataSource, Options.Create(new PostgresStoreOptions { SchemaLockTimeout = TimeSpan.FromMinutes(2) }));
    }

    public string ConnectionString { get; }

    public static async Task<VersionDatabase> CreateAsync(PostgresCluster cluster)
    {
        var database = new VersionDatabase(await cluster.NewDatabaseAsync());
        await database.ExecuteAsync("create table step_run (saga uuid, node text, process int, begun timestamptz not null default clock_timestamp())");
        return database;
    }

    /// <summary>Upgrades the tables as <c>saga-recovery schema apply</c> does, with steps of the future after those of this version.</summary>
    public Task ApplyAsync(params IEnumerable<SchemaStep> future) =>
        new SchemaUpgrade(_database, [.. SchemaStep.All, .. future], TimeProvider.System, NullLogger.Instance).RunAsync(CancellationToken.None);

    public Task<int> VersionAsync() => QueryAsync<int>("select max(version) from saga_recovery.schema_version");

    /// <summary>Waits until the tables have a version.</summary>
    public Task IsAtAsync(int version) => Eventually.HoldsAsync(
        async () => await QueryAsync<bool>("select to_regclass('saga_recovery.schema_version') is not null") && await VersionAsync() == version,
        $"the tables were at version {version}",
        TimeSpan.FromSeconds(90));

    /// <summary>Waits until all sagas have ended.</summary>
    public Task IsDoneAsync() => Eventually.HoldsAsync(
        () => QueryAsync<bool>("select not exists (select from saga_recovery.saga where state in ('running', 'unwinding'))"),
        "all sagas had ended",
        TimeSpan.FromSeconds(90));

    /// <summary>Throws if a saga is lost, has failed, or ran a step again that had succeeded.</summary>
    /// <param name="started">The sagas whose start was confirmed.</param>
    public async Task ShouldHaveRunOnceAsync(IEnumerable<Guid> started)
    {
        Guid[] confirmed = [.. started];
        confirmed.Should().NotBeEmpty();
        (await QueryAsync<int>("select count(*) from saga_recovery.saga where id = any (@confirmed)", new { confirmed })).Should().Be(confirmed.Length, "none is lost");
        (await QueryAsync<int>("select count(*) from saga_recovery.saga where state <> 'succeeded'")).Should().Be(0, "all succeeded");
        (await QueryAsync<int>("select count(*) from (select from step_run group by saga, node, process having count(*) > 1) twice")).Should()
            .Be(0, "no process runs a step twice");
        (await QueryAsync<int>("""
            select count(*) from step_run r join saga_recovery.saga s on s.id = r.saga
                join (values (0, 'reserve'), (1, 'write'), (2, 'confirm')) as n (id, name) on n.name = r.node
                join saga_recovery.saga_node_event e on e.saga_id = r.saga and e.node_id = n.id and e.event_type = 'succeeded'
            where r.begun > e.event_time
            """)).Should().Be(0, "no step runs after it has succeeded");
        (await QueryAsync<int>("""
            select count(*) from saga_recovery.saga s
            where (select count(distinct node) from step_run r where r.saga = s.id) <> 3
            """)).Should().Be(0, "every step ran");
    }

    public async Task<T> QueryAsync<T>(string sql, object? parameters = null)
    {
        await using NpgsqlConnection connection = await _dataSource.OpenConnectionAsync();
        return (await connection.ExecuteScalarAsync<T>(sql, parameters))!;
    }

    public async Task ExecuteAsync(string sql)
    {
        await using NpgsqlConnection connection = await _dataSource.OpenConnectionAsync();
        await connection.ExecuteAsync(sql);
    }

    public ValueTask DisposeAsync() => _dataSource.DisposeAsync();
}
