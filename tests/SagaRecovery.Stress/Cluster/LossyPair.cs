using System.Globalization;
using Dapper;
using EmbeddedPostgres;
using Npgsql;

namespace SagaRecovery.Stress.Cluster;

/// <summary>
/// A primary and its asynchronous standby, which reads from it through a relay that can be cut. A primary that dies after the cut takes the
/// commits since then with it. On loopback ports, in a throw-away folder. Used by the scenario's own flow; not thread-safe.
/// </summary>
internal sealed class LossyPair : IAsyncDisposable
{
    public const string Database = "stress";

    private static readonly TimeSpan WaitTimeout = TimeSpan.FromMinutes(5); // a node that rejoins takes seconds, on a busy machine minutes

    private readonly string _folder = Directory.CreateTempSubdirectory("lossy-pair-").FullName;
    private Relay? _relay;

    private LossyPair()
    {
        Primary = new PlainServer(Path.Combine(_folder, "one"));
        Standby = new PlainServer(Path.Combine(_folder, "two"));
    }

    public PlainServer Primary { get; private set; }

    /// <summary>The standby, or the former primary until <see cref="RebuildAsync"/>.</summary>
    public PlainServer Standby { get; private set; }

    /// <summary>Makes a pair, and waits until the standby has caught up.</summary>
    public static async Task<LossyPair> StartAsync()
    {
        var pair = new LossyPair();
        try
        {
            await ServerProgram.ChownAsync(pair._folder);
            await pair.Primary.MakeAsync();
            await pair.Primary.StartAsync();
            await pair.ExecuteAsync("postgres", $"create database {Database}");
            await pair.RebuildAsync();
            return pair;
        }
        catch
        {
            await pair.DisposeAsync();
            throw;
        }
    }

    /// <summary>The connection string of the superuser, to the server that is the primary.</summary>
    public string ConnectionString() => new NpgsqlConnectionStringBuilder(Primary.ConnectionString(Database))
    {
        Host = string.Create(CultureInfo.InvariantCulture, $"{ClusterFolder.Host}:{Primary.Port},{ClusterFolder.Host}:{Standby.Port}"),
        Port = NpgsqlConnection.DefaultPort,
        TargetSessionAttributes = "read-write",
        HostRecheckSeconds = 0, // the reader needs the current state
        Timeout = 3,
        CommandTimeout = 30,
        Pooling = true,
    }.ConnectionString;

    /// <summary>Waits until the standby has replayed what the primary has written so far.</summary>
    public async Task StandbyCatchesUpAsync()
    {
        const string HasCaughtUp = "select exists (select from pg_stat_replication where state = 'streaming' and replay_lsn >= @position::pg_lsn)";
        await using var connection = new NpgsqlConnection(Primary.ConnectionString(Database));
        string position = (await connection.ExecuteScalarAsync<string>("select pg_current_wal_flush_lsn()::text"))!;
        await Eventually.HoldsAsync(() => connection.ExecuteScalarAsync<bool>(HasCaughtUp, new { position }), "the standby had caught up", WaitTimeout);
    }

    /// <summary>Cuts the standby off: nothing reaches it any more.</summary>
    public void Cut() => _relay!.Cut();

    /// <summary>Waits until the standby, which was cut off, has replayed all that reached it.</summary>
    public async Task StandbyHasReplayedAsync()
    {
        const string Replayed = """
            select exists (
                select from pg_stat_activity
                where backend_type = 'startup' and wait_event in ('RecoveryRetrieveRetryInterval', 'RecoveryWalStream'))
            """;
        await using var connection = new NpgsqlConnection(Standby.ConnectionString(Database));
        await Eventually.HoldsAsync(() => connection.ExecuteScalarAsync<bool>(Replayed), "the standby had replayed what reached it", WaitTimeout);
    }

    /// <summary>The standby becomes the primary, and <see cref="RebuildAsync"/> makes a standby of the dead primary.</summary>
    public async Task PromoteAsync()
    {
        await Standby.PromoteAsync();
        (Primary, Standby) = (Standby, Primary);
    }

    /// <summary>Makes a new standby of the primary in place of the stopped server, and waits until it has caught up.</summary>
    public async Task RebuildAsync()
    {
        await (_relay?.DisposeAsync() ?? ValueTask.CompletedTask);
        _relay = new Relay(Primary.Port);
        await Standby.CopyAsync(Primary);
        await Standby.BecomeStandbyAsync(_relay.Port);
        await Standby.StartAsync();
        await StandbyCatchesUpAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await Standby.DisposeAsync();
        await Primary.DisposeAsync();
        await (_relay?.DisposeAsync() ?? ValueTask.CompletedTask);
        Directory.Delete(_folder, recursive: true);
    }

    private async Task ExecuteAsync(string database, string sql)
    {
        await using var connection = new NpgsqlConnection(Primary.ConnectionString(database));
        await connection.ExecuteAsync(sql);
    }
}
