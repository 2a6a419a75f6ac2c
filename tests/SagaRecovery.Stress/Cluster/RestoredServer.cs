using Dapper;
using Npgsql;
using SagaRecovery.Stress.Loss;

namespace SagaRecovery.Stress.Cluster;

/// <summary>A server that is replaced by an earlier base backup of itself. In a throw-away folder. Not thread-safe.</summary>
internal sealed class RestoredServer : IAsyncDisposable
{
    private const string Database = "stress";

    /// <summary>The age at the backup from which rows are certainly in it.</summary>
    private static readonly TimeSpan Margin = TimeSpan.FromSeconds(10);

    private readonly string _folder = Directory.CreateTempSubdirectory("restored-server-").FullName;
    private readonly PlainServer _live;
    private readonly PlainServer _backup;
    private readonly PlainServer _replaced;
    private DateTimeOffset _backedUpAfter;

    private RestoredServer()
    {
        _live = new PlainServer(Path.Combine(_folder, "live"));
        _backup = new PlainServer(Path.Combine(_folder, "backup"));
        _replaced = new PlainServer(Path.Combine(_folder, "replaced"));
    }

    public static async Task<RestoredServer> StartAsync()
    {
        var server = new RestoredServer();
        try
        {
            await ServerProgram.ChownAsync(server._folder);
            await server._live.MakeAsync();
            await server._live.StartAsync();
            await using var connection = new NpgsqlConnection(server._live.ConnectionString("postgres"));
            await connection.ExecuteAsync($"create database {Database}");
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    /// <summary>The connection string of the superuser.</summary>
    public string ConnectionString() => _live.ConnectionString(Database);

    public async Task BackUpAsync()
    {
        _backedUpAfter = DateTimeOffset.UtcNow - Margin;
        await _backup.CopyAsync(_live);
    }

    /// <summary>Kills the server, puts the backup in the place of its data, and starts it again.</summary>
    /// <param name="newTimeline">The restored server begins a new timeline. A folder that is merely put back does not.</param>
    /// <returns>The loss.</returns>
    public async Task<DatabaseLoss> RestoreAsync(bool newTimeline)
    {
        await _live.KillAsync(); // a paused client keeps no killed server from ending
        await _replaced.TakeDataAsync(_live);
        await _live.TakeDataAsync(_backup);
        if (newTimeline)
        {
            await _live.BeginTimelineAsync();
        }

        SagaSnapshot kept = await ReadAsideAsync(_live); // before the service reaches it
        SagaSnapshot old = await ReadAsideAsync(_replaced);
        await _live.StartAsync();
        return DatabaseLoss.IsBackwards(old, kept)
            ? throw new InvalidOperationException("The backup has what its server never had: the scenario reads them wrongly.")
            : DatabaseLoss.Between(old, kept);
    }

    public async ValueTask DisposeAsync()
    {
        await _replaced.DisposeAsync();
        await _live.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    private async Task<SagaSnapshot> ReadAsideAsync(PlainServer server)
    {
        await server.StartAsideAsync();
        await server.IsWritableAsync(Database); // one that begins a new timeline accepts readers before it has replayed everything
        SagaSnapshot snapshot = await SagaSnapshot.ReadAsync(server.ConnectionString(Database), _backedUpAfter);
        await server.StopAsync();
        return snapshot;
    }
}
