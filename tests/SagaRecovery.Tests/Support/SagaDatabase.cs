using System.Text;
using Dapper;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Npgsql;
using SagaRecovery.Bookkeeping;
using SagaRecovery.Fencing;
using SagaRecovery.Postgres;
using SagaRecovery.Status;
using SagaRecovery.Storage;
using SagaRecovery.Timing;

namespace SagaRecovery.Tests.Support;

/// <summary>A database with the tables in it, the store and the log on it, and helpers that read and change rows.</summary>
public sealed class SagaDatabase : IAsyncDisposable
{
    public static readonly SavedDefinition Definition = DefinitionNamed("test-saga");

    private readonly NpgsqlDataSource? _direct;

    /// <param name="connectionString">Perhaps through a pooler.</param>
    /// <param name="options">Null: the tables are created.</param>
    /// <param name="direct">Past the pooler; null: there is none.</param>
    /// <param name="time">The clock of searches; null: that of the system.</param>
    public SagaDatabase(string connectionString, PostgresStoreOptions? options = null, string? direct = null, TimeProvider? time = null)
    {
        Direct = direct ?? connectionString;
        DataSource = NpgsqlDataSource.Create(connectionString);
        _direct = direct is null ? null : NpgsqlDataSource.Create(direct);
        Database = new PostgresDatabase(DataSource, Options.Create(options ?? new PostgresStoreOptions { CreateSchema = true }), _direct);
        var stored = new StoredDefinitions(Database);
        Log = new PostgresSagaLog(Database, stored);
        Search = new SagaSearch(Database, time ?? TimeProvider.System);
        Ranges = new ListingRanges(Database, NullLogger<ListingRanges>.Instance);
        Definitions = new PostgresSagaDefinitions(Database, stored, Search);
        Controls = new PostgresSagaControls(Database, Search, new SteadyTimeProvider(TimeProvider.System));
        Schema = new PostgresSchema(Database, TimeProvider.System, NullLogger<PostgresSchema>.Instance);
        Operations = new PostgresSagaOperations(Database, Schema, Search, NewOwnerLock());
        Retention = new PostgresSagaRetention(Database, Schema, Search);
        Cluster = new PostgresSagaCluster(Database, Search, NewOwnerLock(), Ranges, TimeProvider.System);
        Problems = new PostgresSagaProblems(Database, Search, Operations, Cluster, new SteadyTimeProvider(TimeProvider.System));
    }

    /// <summary>The connection string, past any pooler.</summary>
    public string Direct { get; }

    public NpgsqlDataSource DataSource { get; }

    internal PostgresDatabase Database { get; }

    internal SagaSearch Search { get; }

    internal ListingRanges Ranges { get; }

    public PostgresSchema Schema { get; }

    public ISagaLog Log { get; }

    public ISagaDefinitions Definitions { get; }

    public ISagaControls Controls { get; }

    public ISagaOperations Operations { get; }

    public ISagaCluster Cluster { get; }

    public ISagaRetention Retention { get; }

    public ISagaProblems Problems { get; }

    /// <summary>Applies steps of the tables, perhaps fewer than those of this version or further ones.</summary>
    internal Task UpgradeAsync(IReadOnlyList<SchemaStep> steps, TimeProvider? time = null, ILogger? logger = null) =>
        new SchemaUpgrade(Database, steps, time ?? TimeProvider.System, logger ?? NullLogger.Instance).RunAsync(CancellationToken.None);

    internal PostgresSagaStore NewStore(int pageSize = 5_000, ILogger<OwnerLock>? logger = null, TimeSpan? stalled = null) => new(
        Database, Schema, new PostgresJoin(Database, NewOwnerLock(logger, stalled), NullLogger<PostgresJoin>.Instance), Search, Ranges, new LoopProgress(TimeProvider.System), Options.Create(new SagaRecoveryOptions { ListPageSize = pageSize }));

    internal OwnerLock NewOwnerLock(ILogger<OwnerLock>? logger = null, TimeSpan? stalled = null) =>
        new(Database, TimeProvider.System, logger ?? NullLogger<OwnerLock>.Instance)
        {
            CheckInterval = TimeSpan.FromMilliseconds(20),
            Stalled = stalled ?? TimeSpan.FromMinutes(1),
        };

    internal async Task<Membership> JoinAsync(CoordinatorId? coordinator = null) =>
        await NewStore().JoinAsync(coordinator ?? new CoordinatorId(Guid.NewGuid()), CancellationToken.None);

    /// <summary>Joins, registers its definitions, and begins to write heartbeats and to receive hints.</summary>
    internal async Task<ListeningCoordinator> RunHeartbeatAsync(CoordinatorProfile? profile = null, TimeSpan? period = null, CoordinatorId? coordinator = null)
    {
        var line = new ListeningCoordinator(this, await JoinAsync(coordinator), profile ?? new CoordinatorProfile("1.0", Definitions: null), period ?? TimeSpan.FromSeconds(1));
        await await Task.WhenAny(line.Listening, line.Heartbeats); // a heartbeat that fails first is the result of the test
        return line;
    }

    public async Task<SagaId> CreateSagaAsync(Membership member, SavedDefinition? definition = null)
    {
        var sagaId = SagaId.NewAt(DateTimeOffset.UtcNow);
        bool created = await Log.CreateAsync(member, new NewSaga(sagaId, definition ?? Definition, Json("{\"a\":1}")), CancellationToken.None);
        created.Should().BeTrue();
        return sagaId;
    }

    internal async Task<List<Candidate>> ListAsync(Membership member, int pageSize = 5_000)
    {
        CandidateListing listing = NewListing();
        await NewStore(pageSize).ListCandidatesAsync(member, listing, CancellationToken.None);
        return listing.Candidates;
    }

    internal async Task<IReadOnlyList<LoadedSaga>> LoadAsync(Membership member, params SagaId[] sagas) =>
        await NewStore().LoadAsync(member, [.. sagas.Select(id => new Candidate(id, "", AdoptGeneration.Initial))], CancellationToken.None);

    public async Task<bool> AppendAsync(Membership member, SagaId sagaId, SagaState? newState = null, params SavedNodeEvent[] events)
    {
        IReadOnlyList<bool> written = await Log.AppendAsync(
            member, [new SagaLogEntry(sagaId, AdoptGeneration.Initial, events, newState)], CancellationToken.None);
        return written.Should().ContainSingle().Subject;
    }

    public async Task<T> QueryAsync<T>(string sql, object? parameters = null)
    {
        await using NpgsqlConnection connection = await DataSource.OpenConnectionAsync();
        return (await connection.ExecuteScalarAsync<T>(sql, parameters))!;
    }

    public async Task ExecuteAsync(string sql, object? parameters = null)
    {
        await using NpgsqlConnection connection = await DataSource.OpenConnectionAsync();
        await connection.ExecuteAsync(sql, parameters);
    }

    public Task<string> StateOfAsync(SagaId sagaId) =>
        QueryAsync<string>("select state from saga_recovery.saga where id = @Id", new { Id = sagaId.Value });

    public Task<long> CountEventsAsync(SagaId sagaId) =>
        QueryAsync<long>("select count(*) from saga_recovery.saga_node_event where saga_id = @Id", new { Id = sagaId.Value });

    /// <summary>Acts as an operator who reassigns a saga to another coordinator.</summary>
    public Task ReassignAsync(SagaId sagaId, CoordinatorId to) => ExecuteAsync(
        "update saga_recovery.saga set current_coordinator = @To, adopt_generation = adopt_generation + 1 where id = @Id",
        new { Id = sagaId.Value, To = to.Value });

    /// <summary>The statement that takes the lock of a coordinator: shared, as its writes do, or exclusive, as a reassignment does.</summary>
    public string LockOn(CoordinatorId coordinator, bool shared = false) =>
        $"select pg_advisory_xact_lock{(shared ? "_shared" : "")}({Statements.Named(Database.Options.Schema, Statements.KeyOf($"'{coordinator}'"))})";

    /// <summary>Waits until a session waits for a lock that another one holds.</summary>
    /// <param name="statement">A part of the statement that is to wait.</param>
    public Task WaitForBlockedSessionAsync(string statement = "") => Eventually.HoldsAsync(
        () => QueryAsync<bool>(
            "select exists (select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database() and position(@Statement in query) > 0)",
            new { Statement = statement }),
        $"a session waited for a lock: {statement}");

    /// <summary>Sets a default of a database, as an administrator does; later connections have it.</summary>
    public static async Task AlterAsync(string connectionString, string setting)
    {
        var settings = new NpgsqlConnectionStringBuilder(connectionString) { Pooling = false };
        await using var connection = new NpgsqlConnection(settings.ConnectionString);
        await connection.ExecuteAsync($"alter database {settings.Database} set {setting}");
    }

    public static SavedDefinition DefinitionNamed(string name, string node = "only")
    {
        byte[] dag = Json($$"""{"name":"{{name}}","version":1,"nodes":[{"id":0,"name":"{{node}}","undo":false,"after":[]}]}""");
        return new SavedDefinition(DefinitionHash.Of(dag), name, 1, dag);
    }

    public static SavedNodeEvent Event(int node, NodeEventType type, string? json = null) =>
        new(node, type, json is null ? default(ReadOnlyMemory<byte>) : Json(json));

    internal static CandidateListing NewListing() =>
        new SagaTracker(new StartInbox(), BackoffPolicy.Default).OpenPass(PassReason.Explicit, DateTimeOffset.UnixEpoch).BeginListing();

    public async ValueTask DisposeAsync()
    {
        await DataSource.DisposeAsync();
        await (_direct?.DisposeAsync() ?? ValueTask.CompletedTask);
    }

    private static byte[] Json(string text) => Encoding.UTF8.GetBytes(text);
}
