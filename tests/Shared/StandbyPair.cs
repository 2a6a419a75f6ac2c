using System.Diagnostics;
using System.Globalization;
using EmbeddedPostgres;
using Npgsql;

namespace Tests.Shared;

/// <summary>
/// A primary and a physical standby that streams from it and answers reads. Replay on the standby can be paused: it then answers
/// with old data. Without fsync, in throw-away folders. Not thread-safe.
/// </summary>
internal sealed class StandbyPair : IAsyncDisposable
{
    private static readonly ClusterOptions Options = new() { Durable = false };

    private readonly string _standbyFolder = Directory.CreateTempSubdirectory("standby-postgres-").FullName;
    private readonly ThrowawayCluster _primary;

    private StandbyPair(ThrowawayCluster primary) => _primary = primary;

    private PrivateCluster? Standby => PrivateCluster.Find(_standbyFolder, Options);

    /// <summary>Makes and starts both; takes a few seconds.</summary>
    public static async Task<StandbyPair> StartAsync()
    {
        var pair = new StandbyPair(await ThrowawayCluster.StartAsync(Options));
        try
        {
            await pair.StartStandbyAsync();
            await pair.CaughtUpAsync();
            return pair;
        }
        catch
        {
            await pair.DisposeAsync();
            throw;
        }
    }

    /// <summary>A new, empty database.</summary>
    /// <returns>Its connection string on the primary.</returns>
    public Task<string> NewDatabaseAsync() => _primary.NewDatabaseAsync();

    /// <summary>The same connection, to the standby.</summary>
    public string OnStandby(string connectionString) =>
        new NpgsqlConnectionStringBuilder(connectionString) { Port = Standby!.Port }.ConnectionString;

    /// <summary>Pauses the replay on the standby: later commits are invisible there until <see cref="ResumeReplayAsync"/>.</summary>
    public async Task PauseReplayAsync()
    {
        await AskStandbyAsync<object>("select pg_wal_replay_pause()");
        await Eventually.HoldsAsync(
            async () => await AskStandbyAsync<string>("select pg_get_wal_replay_pause_state()") == "paused", "the standby had paused its replay");
    }

    public Task ResumeReplayAsync() => AskStandbyAsync<object>("select pg_wal_replay_resume()");

    /// <summary>Waits until the standby has everything that is committed on the primary now.</summary>
    public async Task CaughtUpAsync()
    {
        string committed = await AskAsync<string>(_primary.Cluster, "select pg_current_wal_flush_lsn()::text");
        await Eventually.HoldsAsync(
            () => AskStandbyAsync<bool>($"select coalesce(pg_last_wal_replay_lsn() >= '{committed}', false)"), "the standby had caught up");
    }

    public async ValueTask DisposeAsync()
    {
        await (Standby?.StopAsync(StopMode.Immediate) ?? Task.CompletedTask);
        Directory.Delete(_standbyFolder, recursive: true);
        await _primary.DisposeAsync();
    }

    /// <summary>
    /// The standby begins as a copy of the stopped primary. pg_basebackup would copy a running one, but it is not installed with every server:
    /// some packages have it elsewhere or not at all.
    /// </summary>
    private async Task StartStandbyAsync()
    {
        PrivateCluster primary = _primary.Cluster;
        await primary.StopAsync();
        await CopyAsync(primary.Folder, _standbyFolder);
        await primary.StartAsync();

        string data = Path.Combine(_standbyFolder, "pgdata");
        var toPrimary = new NpgsqlConnectionStringBuilder(primary.ConnectionString("postgres"));
        string password = (await File.ReadAllTextAsync(primary.PasswordFile)).TrimEnd().Split(':')[^1];
        await File.AppendAllTextAsync(Path.Combine(data, "postgresql.auto.conf"), string.Create(CultureInfo.InvariantCulture, $"""

            primary_conninfo = 'host={toPrimary.Host} port={toPrimary.Port} user={toPrimary.Username} password={password}'

            """));
        await File.WriteAllTextAsync(Path.Combine(data, "standby.signal"), "");
        await Standby!.StartAsync();
    }

    /// <summary>Copies with owners and rights: the server reads only what belongs to its own user.</summary>
    private static async Task CopyAsync(string from, string to)
    {
        using var copy = Process.Start("cp", ["-a", $"{from}/.", to]);
        await copy.WaitForExitAsync();
        if (copy.ExitCode != 0)
        {
            throw new InvalidOperationException($"cp -a of {from} to {to} ended with {copy.ExitCode}.");
        }
    }

    private Task<T> AskStandbyAsync<T>(string sql) => AskAsync<T>(Standby!, sql);

    private static async Task<T> AskAsync<T>(PrivateCluster server, string sql)
    {
        await using var connection = new NpgsqlConnection($"{server.ConnectionString("postgres")};Pooling=false");
        await connection.OpenAsync();
        await using var ask = new NpgsqlCommand(sql, connection);
        return (T)(await ask.ExecuteScalarAsync())!;
    }
}
