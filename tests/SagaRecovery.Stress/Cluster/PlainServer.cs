using System.Globalization;
using Dapper;
using EmbeddedPostgres;
using Npgsql;

namespace SagaRecovery.Stress.Cluster;

/// <summary>One Postgres server of a pair, which no program watches or restarts. Used by the scenario's own flow; not thread-safe.</summary>
internal sealed class PlainServer(string folder) : IAsyncDisposable
{
    private static readonly ClusterOptions Options = new()
    {
        Durable = false, // the page cache outlives a killed server
        BinFolder = PatroniConfiguration.BinFolder(),
        Settings = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["wal_keep_size"] = "1GB", // a standby that is being made misses nothing
            ["wal_retrieve_retry_interval"] = "200ms",
            ["dynamic_shared_memory_type"] = "mmap", // in the data folder: a killed server leaves nothing outside
        },
    };

    private readonly ClusterFolder _folder = new(folder);
    private readonly ClusterServer _server = new(new ClusterFolder(folder), Options);
    private readonly ServerCommands _commands = new(PostgresBinaries.Find(Options.BinFolder), Options.Timeout);

    /// <summary>The port that services know.</summary>
    public int Port { get; } = LoopbackPort.Free();

    /// <summary>The file with the superuser's password, which all servers of the pair share.</summary>
    public string PasswordFile => _folder.PasswordFile;

    /// <summary>Makes an empty server, which does not run yet.</summary>
    public async Task MakeAsync()
    {
        Directory.CreateDirectory(_folder.Root);
        await _server.CreateAsync(CancellationToken.None);
        await ServerProgram.ChownAsync(PasswordFile); // the standby reads it
    }

    /// <summary>Replaces the data of this server by a base backup of another server.</summary>
    /// <param name="other">The server to copy; it runs.</param>
    public async Task CopyAsync(PlainServer other)
    {
        DeleteData();
        await TakePasswordAsync(other);
        string[] backup = ["-D", _folder.Data, "-d", ConnectionInfo(other.Port), "-X", "stream", "-c", "fast", "--no-sync"];
        await RunAsync("pg_basebackup", backup);
    }

    /// <summary>Makes a copy a standby from its next start on.</summary>
    /// <param name="through">The port through which it reaches its primary.</param>
    public Task BecomeStandbyAsync(int through) => SetAsync("standby.signal", $"primary_conninfo = '{ConnectionInfo(through)}'");

    /// <summary>Makes a copy begin a new timeline at its next start, as a restore to a point in time does.</summary>
    public Task BeginTimelineAsync() => SetAsync("recovery.signal", "restore_command = 'false'");

    /// <summary>Replaces the data of this server by that of another; neither runs.</summary>
    public async Task TakeDataAsync(PlainServer other)
    {
        DeleteData();
        await TakePasswordAsync(other);
        Directory.Move(other._folder.Data, _folder.Data);
    }

    /// <summary>Starts it on the port that services know.</summary>
    public Task StartAsync() => StartAsync(Port);

    /// <summary>Starts it on another port, which services do not know.</summary>
    public Task StartAsideAsync() => StartAsync(LoopbackPort.Free());

    public Task StopAsync() => _server.StopAsync(StopMode.Fast, CancellationToken.None);

    /// <summary>Waits until it has ended its recovery.</summary>
    public async Task IsWritableAsync(string database)
    {
        await using var connection = new NpgsqlConnection(ConnectionString(database));
        await Eventually.HoldsAsync(() => connection.ExecuteScalarAsync<bool>("select not pg_is_in_recovery()"), "the server had ended its recovery");
    }

    /// <summary>SIGKILL to the whole server.</summary>
    public Task KillAsync() => ServerProcesses.KillServerAsync(
        ServerProcesses.Of(_folder.Data) ?? throw new InvalidOperationException($"No server runs in {_folder.Data}."));

    /// <summary>Promotes it.</summary>
    public Task PromoteAsync() => RunAsync("pg_ctl", ["promote", "-D", _folder.Data, "-w"]);

    /// <summary>The connection string of the superuser, to this server as it runs now, in either role of the pair.</summary>
    public string ConnectionString(string database) => new NpgsqlConnectionStringBuilder
    {
        Host = ClusterFolder.Host,
        Port = _folder.Port!.Value,
        Username = Options.Superuser,
        Passfile = PasswordFile,
        Database = database,
        Pooling = false,
    }.ConnectionString;

    public async ValueTask DisposeAsync()
    {
        if (ServerProcesses.Of(_folder.Data) is null)
        {
            return;
        }

        try
        {
            await _server.StopAsync(StopMode.Immediate, CancellationToken.None);
        }
        catch (EmbeddedPostgresException) when (ServerProcesses.Of(_folder.Data) is not null)
        {
            await KillAsync(); // it does not stop by itself: leave no server behind
        }
    }

    private async Task StartAsync(int port)
    {
        _folder.Port = port;
        await _server.StartAsync(CancellationToken.None);
        if (_folder.Port != port)
        {
            throw new InvalidOperationException($"Port {port} was taken by another process while no server of the pair listened there.");
        }
    }

    private void DeleteData()
    {
        if (Directory.Exists(_folder.Data))
        {
            Directory.Delete(_folder.Data, recursive: true);
        }
    }

    private async Task TakePasswordAsync(PlainServer other)
    {
        if (!File.Exists(PasswordFile))
        {
            Directory.CreateDirectory(_folder.Root);
            await ServerProgram.ChownAsync(_folder.Root);
            ClusterFolder.WritePrivate(PasswordFile, await File.ReadAllTextAsync(other.PasswordFile));
            await ServerProgram.ChownAsync(PasswordFile);
        }
    }

    private async Task SetAsync(string signalFile, string setting)
    {
        await File.AppendAllTextAsync(Path.Combine(_folder.Data, "postgresql.auto.conf"), $"{setting}\n");
        string signal = Path.Combine(_folder.Data, signalFile);
        await File.WriteAllTextAsync(signal, "");
        await ServerProgram.ChownAsync(signal);
    }

    private async Task RunAsync(string program, IReadOnlyList<string> arguments)
    {
        CommandResult result = await _commands.RunAsync(program, arguments, CancellationToken.None);
        if (result.ExitCode != 0)
        {
            throw new InvalidOperationException($"{program} failed: {result.Output}");
        }
    }

    private string ConnectionInfo(int port) => string.Create(
        CultureInfo.InvariantCulture, $"host={ClusterFolder.Host} port={port} user={Options.Superuser} passfile={PasswordFile}");
}
