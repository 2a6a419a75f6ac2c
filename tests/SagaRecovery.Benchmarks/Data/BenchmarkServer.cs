using EmbeddedPostgres;
using Npgsql;

namespace SagaRecovery.Benchmarks.Data;

/// <summary>A Postgres server of the run's own, with fsync on unless the run says otherwise, and the data sets in it. Deleted when disposed. Not thread-safe.</summary>
internal sealed class BenchmarkServer : IAsyncDisposable
{
    /// <summary>No checkpoint and no vacuum falls into a measurement: each data set is vacuumed and flushed when it is filled.</summary>
    private static readonly Dictionary<string, string> Settings = new()
    {
        ["autovacuum"] = "off",
        ["checkpoint_timeout"] = "1h",
        ["max_wal_size"] = "16GB",
        ["shared_buffers"] = "512MB",
        ["shared_preload_libraries"] = "pg_stat_statements",
        ["pg_stat_statements.track"] = "none", // counts where a data set asks for it only
    };

    private readonly ThrowawayCluster _cluster;
    private readonly Dictionary<string, Dataset> _datasets = [];
    private readonly int _warmUpSagas;
    private readonly Action<string> _log;

    private BenchmarkServer(ThrowawayCluster cluster, int warmUpSagas, Action<string> log, bool durable)
    {
        IsDurable = durable;
        _cluster = cluster;
        _warmUpSagas = warmUpSagas;
        _log = log;
    }

    /// <summary>True if the server has fsync on.</summary>
    public bool IsDurable { get; }

    /// <param name="warmUpSagas">The number of additional sagas for a warm-up in each data set.</param>
    /// <param name="log">Receives a line for each step that takes a while.</param>
    /// <param name="durable">False to start the server with fsync off.</param>
    public static async Task<BenchmarkServer> StartAsync(int warmUpSagas, Action<string> log, bool durable = true) =>
        new(await ThrowawayCluster.StartAsync(new ClusterOptions { Durable = durable, Settings = Settings }), warmUpSagas, log, durable);

    public async Task<string> VersionAsync()
    {
        await using var connection = new NpgsqlConnection(_cluster.Cluster.ConnectionString("postgres"));
        await connection.OpenAsync();
        return connection.PostgreSqlVersion.ToString();
    }

    /// <summary>A database with the given number of sagas in flight, filled at the first request.</summary>
    public Task<Dataset> InFlightAsync(int sagas) => GetAsync($"{sagas:N0} in flight", dataset => dataset.FillInFlightAsync(sagas));

    /// <summary>A database with the given number of succeeded sagas, and none in progress.</summary>
    public Task<Dataset> FinishedAsync(int sagas) => GetAsync($"{sagas:N0} finished", dataset => dataset.FillFinishedAsync(sagas));

    /// <summary>A database with the given number of succeeded sagas, and a few in progress, vacuumed.</summary>
    public Task<Dataset> HistoryAsync(int finished, int running) => GetAsync($"{finished:N0} finished, {running:N0} running", async dataset =>
    {
        await dataset.FillFinishedAsync(finished);
        await dataset.AddRunningAsync(running);
    });

    /// <summary>A database with a few sagas in progress, for a history that is added to it.</summary>
    public Task<Dataset> RunningAsync(int running) => GetAsync($"{running:N0} running", dataset => dataset.AddRunningAsync(running));

    /// <summary>A database with empty tables, for writes.</summary>
    public Task<Dataset> EmptyAsync() => GetAsync("empty", _ => Task.CompletedTask);

    /// <summary>The same, with the foreign key from saga to definition that version 3 of the tables had.</summary>
    public Task<Dataset> EmptyWithForeignKeyAsync() => GetAsync("empty, with the foreign key of version 3", dataset => dataset.AddForeignKeyAsync());

    /// <summary>An empty database of its own; returns its connection string.</summary>
    public Task<string> NewDatabaseAsync() => _cluster.NewDatabaseAsync();

    /// <summary>Vacuums such a database and flushes it, as after each filling.</summary>
    public static Task SettleAsync(string connectionString) => new Dataset(connectionString, warmUpSagas: 0).SettleAsync();

    public async ValueTask DisposeAsync()
    {
        NpgsqlConnection.ClearAllPools();
        await _cluster.DisposeAsync();
    }

    private async Task<Dataset> GetAsync(string key, Func<Dataset, Task> fill)
    {
        if (!_datasets.TryGetValue(key, out Dataset? dataset))
        {
            _log($"filling a database: {key}");
            dataset = new Dataset(await _cluster.NewDatabaseAsync(), _warmUpSagas);
            await dataset.CreateTablesAsync();
            await fill(dataset);
            _datasets.Add(key, dataset);
        }

        return dataset;
    }
}
