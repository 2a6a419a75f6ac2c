using Npgsql;

namespace EmbeddedPostgres;

/// <summary>
/// A private Postgres cluster in a folder, which listens on 127.0.0.1 only.
/// </summary>
/// <remarks>
/// The cluster outlives the process that started it, and the next process finds it again. Instances are not thread-safe, but several
/// processes may use one folder.
/// </remarks>
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

    /// <summary>The folder of the cluster.</summary>
    public string Folder => _folder.Root;

    /// <summary>The state in which the last start found the cluster.</summary>
    public ClusterOrigin Origin { get; private set; }

    /// <summary>The port on 127.0.0.1. It stays the same across restarts unless another process takes it.</summary>
    public int Port => _folder.Port ?? throw new EmbeddedPostgresException($"The cluster in {Folder} was never started.");

    /// <summary>The password file for psql (<c>PGPASSFILE</c>).</summary>
    public string PasswordFile => _folder.PasswordFile;

    /// <summary>True if the server is running, according to its folder.</summary>
    public bool IsRunning => _server.IsRunning();

    /// <summary>Returns true if the folder contains a cluster, running or not.</summary>
    public static bool ExistsIn(string folder) => new ClusterFolder(folder).HoldsCluster;

    /// <summary>Creates the cluster if it does not exist, starts it if it is not running, and waits until it accepts connections.</summary>
    /// <exception cref="PostgresNotFoundException">No server binaries were found.</exception>
    /// <exception cref="EmbeddedPostgresException">The cluster could not be created or started. The message gives the reason in one line.</exception>
    public static async Task<PrivateCluster> StartOrFindAsync(
        string folder, ClusterOptions? options = null, CancellationToken cancellationToken = default)
    {
        var cluster = new PrivateCluster(new ClusterFolder(folder), options ?? new ClusterOptions());
        await cluster.StartAsync(cancellationToken);
        return cluster;
    }

    /// <summary>Returns the cluster in a folder, running or not, or null if there is none.</summary>
    public static PrivateCluster? Find(string folder, ClusterOptions? options = null) =>
        ExistsIn(folder) ? new PrivateCluster(new ClusterFolder(folder), options ?? new ClusterOptions()) : null;

    /// <summary>Creates and starts the cluster as needed, for example after a stop.</summary>
    public async Task StartAsync(CancellationToken cancellationToken = default)
    {
        Directory.CreateDirectory(Folder);
        using IDisposable starting = await _folder.LockAsync(_options.Timeout, cancellationToken);
        Origin = ClusterOrigin.Started;
        if (!_folder.HoldsCluster)
        {
            await _server.CreateAsync(cancellationToken);
            Origin = ClusterOrigin.Made;
        }

        if (_server.IsRunning())
        {
            Origin = ClusterOrigin.Found;
            await WaitForConnectionsAsync(cancellationToken);
            return;
        }

        await _server.StartAsync(cancellationToken);
    }

    /// <summary>Stops the server if it is running.</summary>
    /// <returns>True if the server was running.</returns>
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

    /// <summary>Returns the connection string of a database. It names the password file, not the password.</summary>
    public string ConnectionString(string database) => new NpgsqlConnectionStringBuilder
    {
        Host = ClusterFolder.Host,
        Port = Port,
        Username = _options.Superuser,
        Passfile = _folder.PasswordFile,
        Database = database,
    }.ConnectionString;

    /// <summary>Creates a database if it does not exist.</summary>
    public async Task CreateDatabaseAsync(string database, CancellationToken cancellationToken = default)
    {
        await using NpgsqlConnection connection = await ConnectAsync(cancellationToken);
        await using var query = new NpgsqlCommand("select exists (select from pg_database where datname = $1)", connection);
        query.Parameters.AddWithValue(database);
        if (await query.ExecuteScalarAsync(cancellationToken) is true)
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
            // another process created it at the same time
        }
    }

    private async Task WaitForConnectionsAsync(CancellationToken cancellationToken)
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
                await Task.Delay(50, cancellationToken); // during startup Postgres refuses connections until its recovery ends
            }
            catch (NpgsqlException refused)
            {
                throw new EmbeddedPostgresException($"The server in {Folder} runs on port {Port} but refuses the connection: {refused.Message}");
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
