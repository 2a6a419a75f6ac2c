using Npgsql;

namespace EmbeddedPostgres;

/// <summary>
/// A Postgres cluster of one's own, in a folder, listening on 127.0.0.1 only. It outlives the process that started it, however that
/// ends, and is found again by the next. Not thread-safe; several processes may use one folder.
/// </summary>
public sealed class PrivateCluster
{
    private readonly ClusterFolder _folder;
    private readonly ClusterOptions _options;
    private readonly ClusterServer _server;

    private PrivateCluster(ClusterFolder folder, ClusterOptions options)
    {
        _folder = folder;
        _options = options;
        _server = new ClusterServer(folder, options);
    }

    /// <summary>The folder that holds it.</summary>
    public string Folder => _folder.Root;

    /// <summary>What had to be done so that it runs.</summary>
    public ClusterOrigin Origin { get; private set; }

    /// <summary>The port on 127.0.0.1; stays the same over restarts, unless someone else took it meanwhile.</summary>
    public int Port => _folder.Port ?? throw new EmbeddedPostgresException($"The cluster in {Folder} was never started.");

    /// <summary>A file in the form that psql reads (<c>PGPASSFILE</c>).</summary>
    public string PasswordFile => _folder.PasswordFile;

    /// <summary>Whether the server runs, as far as its folder tells.</summary>
    public bool IsRunning => _server.IsRunning();

    /// <summary>Whether there is a cluster in a folder, running or not.</summary>
    public static bool ExistsIn(string folder) => new ClusterFolder(folder).HoldsCluster;

    /// <summary>Makes the cluster where the folder holds none, starts it where it is not running, and waits until it answers.</summary>
    /// <exception cref="PostgresNotFoundException">There are no server binaries.</exception>
    /// <exception cref="EmbeddedPostgresException">It could not be made or started; the message says why in a line.</exception>
    public static async Task<PrivateCluster> StartOrFindAsync(
        string folder, ClusterOptions? options = null, CancellationToken cancellationToken = default)
    {
        var cluster = new PrivateCluster(new ClusterFolder(folder), options ?? new ClusterOptions());
        await cluster.StartAsync(cancellationToken);
        return cluster;
    }

    /// <summary>The cluster in a folder as it is, running or not; null: there is none.</summary>
    public static PrivateCluster? Find(string folder, ClusterOptions? options = null) =>
        ExistsIn(folder) ? new PrivateCluster(new ClusterFolder(folder), options ?? new ClusterOptions()) : null;

    /// <summary>Makes and starts it as far as needed. For a cluster that was stopped.</summary>
    public async Task StartAsync(CancellationToken cancellationToken = default)
    {
        Directory.CreateDirectory(Folder);
        using IDisposable starting = await _folder.LockAsync(_options.Timeout, cancellationToken);
        Origin = ClusterOrigin.Started;
        if (!_folder.HoldsCluster)
        {
            await _server.MakeAsync(cancellationToken);
            Origin = ClusterOrigin.Made;
        }

        if (_server.IsRunning())
        {
            Origin = ClusterOrigin.Found;
            await WaitUntilItAnswersAsync(cancellationToken);
            return;
        }

        await _server.StartAsync(cancellationToken);
    }

    /// <summary>Stops the server; without effect if it is not running.</summary>
    /// <returns>Whether it was running.</returns>
    public async Task<bool> StopAsync(StopMode mode = StopMode.Fast, CancellationToken cancellationToken = default)
    {
        using IDisposable stopping = await _folder.LockAsync(_options.Timeout, cancellationToken);
        if (!_server.IsRunning())
        {
            return false;
        }

        await _server.StopAsync(mode, cancellationToken);
        return true;
    }

    /// <summary>Stops the server and deletes the folder.</summary>
    public async Task RemoveAsync(CancellationToken cancellationToken = default)
    {
        await StopAsync(StopMode.Immediate, cancellationToken);
        Directory.Delete(Folder, recursive: true);
    }

    /// <summary>How to reach one of its databases. It names the password's file, not the password.</summary>
    public string ConnectionString(string database) => new NpgsqlConnectionStringBuilder
    {
        Host = ClusterFolder.Host,
        Port = Port,
        Username = _options.Superuser,
        Passfile = _folder.PasswordFile,
        Database = database,
    }.ConnectionString;

    /// <summary>Creates a database, unless there is one of that name.</summary>
    public async Task CreateDatabaseAsync(string database, CancellationToken cancellationToken = default)
    {
        await using NpgsqlConnection connection = await ConnectAsync(cancellationToken);
        await using var ask = new NpgsqlCommand("select exists (select from pg_database where datname = $1)", connection);
        ask.Parameters.AddWithValue(database);
        if (await ask.ExecuteScalarAsync(cancellationToken) is true)
        {
            return;
        }

        await using var create = new NpgsqlCommand($"create database {new NpgsqlCommandBuilder().QuoteIdentifier(database)}", connection);
        try
        {
            await create.ExecuteNonQueryAsync(cancellationToken);
        }
        catch (PostgresException exists) when (exists.SqlState is PostgresErrorCodes.DuplicateDatabase or PostgresErrorCodes.UniqueViolation)
        {
            // another process made it at the same moment
        }
    }

    private async Task WaitUntilItAnswersAsync(CancellationToken cancellationToken)
    {
        long began = TimeProvider.System.GetTimestamp();
        while (true)
        {
            try
            {
                await using NpgsqlConnection connection = await ConnectAsync(cancellationToken);
                return;
            }
            catch (NpgsqlException notYet) when (notYet.IsTransient && TimeProvider.System.GetElapsedTime(began) < _options.Timeout)
            {
                await Task.Delay(50, cancellationToken); // it is starting up: Postgres refuses connections until it has recovered
            }
            catch (NpgsqlException refused)
            {
                throw new EmbeddedPostgresException($"The server in {Folder} runs on port {Port} and does not let us in: {refused.Message}");
            }
        }
    }

    private async Task<NpgsqlConnection> ConnectAsync(CancellationToken cancellationToken)
    {
        var settings = new NpgsqlConnectionStringBuilder(ConnectionString("postgres")) { Pooling = false, Timeout = 5 };
        var connection = new NpgsqlConnection(settings.ConnectionString);
        try
        {
            await connection.OpenAsync(cancellationToken);
            return connection;
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
    }
}
