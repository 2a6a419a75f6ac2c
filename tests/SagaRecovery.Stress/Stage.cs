using Dapper;
using EmbeddedPostgres;
using Npgsql;
using SagaRecovery.Stress.Cluster;
using SagaRecovery.Stress.Reconciliation;

namespace SagaRecovery.Stress;

/// <summary>
/// The environment of a scenario: a cluster and a database of its own, a role for the service, and the services one after the other, of which
/// the logs are kept. Used by the scenario's own flow; only <see cref="Present"/> is read by others.
/// </summary>
internal sealed class Stage : IAsyncDisposable
{
    /// <summary>The service's own: not a superuser, so that limits apply to it, and faults can affect it alone.</summary>
    public const string Role = "service";

    private readonly IAsyncDisposable _servers;
    private readonly List<ServiceProcess> _services = [];
    private readonly List<ProcessLog> _ended = [];
    private volatile ServiceProcess? _present;
    private string? _direct; // past the pooler

    private Stage(IAsyncDisposable servers, string superuser, string service)
    {
        _servers = servers;
        Superuser = superuser;
        Connection = service;
        Ledger = new Ledger(superuser);
    }

    /// <summary>The only server; null where there are several.</summary>
    public PrivateCluster Cluster => ((ThrowawayCluster)_servers).Cluster;

    /// <summary>The connection string for observers.</summary>
    public string Superuser { get; }

    /// <summary>The connection string of the service.</summary>
    public string Connection { get; private set; }

    /// <summary>The pooler between the service and its server; null: none.</summary>
    public PgBouncer? Pooler { get; private set; }

    public Ledger Ledger { get; }

    public Guid CoordinatorId { get; } = Guid.NewGuid();

    /// <summary>The service that clients call; null: none.</summary>
    public ServiceProcess? Present
    {
        get => _present;
        set => _present = value;
    }

    /// <summary>True if some sagas unwind: see <see cref="DoomAsync"/> and <see cref="Canceller"/>.</summary>
    public bool SagasUnwind { get; set; }

    /// <summary>True if several coordinators run, and sagas are reassigned between them.</summary>
    public bool SagasAreReassigned { get; set; }

    /// <summary>The logs of all services, those that run included.</summary>
    public IReadOnlyList<ProcessLog> Logs => [.. _ended, .. _services.Select(service => ProcessLog.Read(service.Output))];

    /// <summary>Without the crash-loop guard: to it, kills from outside would be blamed on a saga, and recovery would slow down.</summary>
    private IReadOnlyList<string> Settings =>
    [
        $"--ConnectionStrings:Sagas={Connection}", $"--SagaRecovery:CoordinatorId={CoordinatorId}", "--SagaRecovery:HoldAfterCrashes=0",
        .. Pooler is null ? Array.Empty<string>() : ["--SagaRecovery:Postgres:PreparedStatements=false", $"--ConnectionStrings:SagasDirect={_direct}"],
        .. ProcessLog.Settings,
    ];

    /// <summary>On a server of its own.</summary>
    /// <param name="options">The options of the server.</param>
    /// <param name="connection">Settings for the service's connection string, after the usual ones.</param>
    public static async Task<Stage> SetAsync(ClusterOptions options, string connection = "")
    {
        ThrowawayCluster cluster = await ThrowawayCluster.StartAsync(options);
        return await SetAsync(cluster, () => cluster.NewDatabaseAsync(), connection);
    }

    /// <summary>On three servers, one of which is the primary.</summary>
    /// <param name="cluster">Disposed with the stage.</param>
    /// <param name="connection">Settings for the service's connection string, after the usual ones.</param>
    public static Task<Stage> SetAsync(PatroniCluster cluster, string connection) => SetAsync(cluster, cluster.NewDatabaseAsync, connection);

    /// <summary>On a primary with a standby that may be behind.</summary>
    /// <param name="pair">Disposed with the stage.</param>
    /// <param name="connection">Settings for the service's connection string, after the usual ones.</param>
    public static Task<Stage> SetAsync(LossyPair pair, string connection) => SetAsync(pair, () => Task.FromResult(pair.ConnectionString()), connection);

    /// <summary>On a server that is restored from a backup.</summary>
    /// <param name="server">Disposed with the stage.</param>
    /// <param name="connection">Settings for the service's connection string, after the usual ones.</param>
    public static Task<Stage> SetAsync(RestoredServer server, string connection) =>
        SetAsync(server, () => Task.FromResult(server.ConnectionString()), connection);

    private static async Task<Stage> SetAsync(IAsyncDisposable servers, Func<Task<string>> newDatabase, string connection)
    {
        try
        {
            string superuser = await newDatabase();
            var service = new NpgsqlConnectionStringBuilder($"{superuser};{connection}")
            {
                Username = Role,
                Password = Role,
                Passfile = null,
                MaxPoolSize = 40,
                ApplicationName = "control-plane",
            };
            var stage = new Stage(servers, superuser, service.ConnectionString);
            await stage.ExecuteAsync($"create role {Role} login password '{Role}'; alter database {service.Database} owner to {Role}");
            return stage;
        }
        catch
        {
            await servers.DisposeAsync();
            throw;
        }
    }

    /// <summary>Starts a service, and does not wait for it.</summary>
    public ServiceProcess Launch(params IReadOnlyList<string> settings) => Keep(ServiceProcess.Launch([.. Settings, .. settings]));

    /// <summary>Starts a service, waits until it listens, and switches the clients to it.</summary>
    public async Task<ServiceProcess> StartAsync(params IReadOnlyList<string> settings)
    {
        ServiceProcess service = Launch(settings);
        await service.ListensAsync();
        Present = service;
        return service;
    }

    /// <summary>Starts the worker of this program, and waits until it listens.</summary>
    public async Task<ServiceProcess> StartWorkerAsync(string verb)
    {
        ServiceProcess worker = LaunchWorker(verb);
        await worker.ListensAsync();
        return worker;
    }

    /// <summary>Starts the worker of this program, and does not wait for it.</summary>
    public ServiceProcess LaunchWorker(string verb, params IReadOnlyList<string> settings) =>
        Keep(ServiceProcess.LaunchOther(typeof(Stage).Assembly.GetName().Name!, verb, [.. Settings, .. settings]));

    /// <summary>Removes a service that has ended: its log is kept in short form.</summary>
    public async Task<ProcessLog> RetireAsync(ServiceProcess service)
    {
        if (ReferenceEquals(Present, service))
        {
            Present = null;
        }

        await service.DisposeAsync();
        _services.Remove(service);
        ProcessLog log = ProcessLog.Read(service.Output);
        _ended.Add(log);
        return log;
    }

    /// <summary>Puts a pooler between the server and all services that start from now on.</summary>
    public async Task PoolAsync()
    {
        Pooler = await PgBouncer.StartAsync(Connection);
        (_direct, Connection) = (Connection, Pooler.Through(Connection));
    }

    /// <summary>From now on projects with such names fail at their last step, by a trigger of the superuser's: their sagas unwind.</summary>
    /// <param name="prefix">The prefix of the names.</param>
    public async Task DoomAsync(string prefix)
    {
        await ExecuteAsync($"""
            create function control_plane.doom() returns trigger language plpgsql as 'begin raise exception ''doomed''; end';
            create trigger doom before update on control_plane.project
            for each row when (new.state = 'ready' and new.name like '{prefix}-%') execute function control_plane.doom()
            """);
        SagasUnwind = true;
    }

    /// <summary>Executes a statement as the superuser.</summary>
    public async Task<int> ExecuteAsync(string sql, object? parameters = null)
    {
        await using var connection = new NpgsqlConnection($"{Superuser};Pooling=false");
        return await connection.ExecuteAsync(sql, parameters);
    }

    /// <summary>Runs a query as the superuser.</summary>
    public async Task<T> ScalarAsync<T>(string sql, object? parameters = null)
    {
        await using var connection = new NpgsqlConnection($"{Superuser};Pooling=false");
        return (await connection.ExecuteScalarAsync<T>(sql, parameters))!;
    }

    /// <summary>Runs a query as the superuser, of which each row has one column.</summary>
    public async Task<IReadOnlyList<T>> ListAsync<T>(string sql, object? parameters = null)
    {
        await using var connection = new NpgsqlConnection($"{Superuser};Pooling=false");
        return [.. await connection.QueryAsync<T>(sql, parameters)];
    }

    /// <summary>The number of connections of the service at the server.</summary>
    public async Task<int> ServiceConnectionsAsync() => (await ServicePortsAsync()).Count;

    /// <summary>The ports from which the service has connected.</summary>
    public async Task<IReadOnlyList<int>> ServicePortsAsync()
    {
        await using var connection = new NpgsqlConnection($"{Superuser};Pooling=false");
        return [.. await connection.QueryAsync<int>("select client_port from pg_stat_activity where usename = @Role", new { Role })];
    }

    public async ValueTask DisposeAsync()
    {
        foreach (ServiceProcess service in _services)
        {
            await service.DisposeAsync();
        }

        await (Pooler?.DisposeAsync() ?? ValueTask.CompletedTask);
        await _servers.DisposeAsync();
    }

    private ServiceProcess Keep(ServiceProcess service)
    {
        _services.Add(service);
        return service;
    }
}
