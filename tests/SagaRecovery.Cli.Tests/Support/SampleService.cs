using Dapper;
using Npgsql;

namespace SagaRecovery.Cli.Tests.Support;

/// <summary>The sample control plane on a database of its own, and both ways to its sagas.</summary>
internal sealed class SampleService : IAsyncDisposable
{
    private SampleService(ServiceProcess process, string database, Guid coordinatorId)
    {
        Process = process;
        Database = database;
        CoordinatorId = coordinatorId;
    }

    public ServiceProcess Process { get; }

    public string Database { get; }

    public Guid CoordinatorId { get; }

    public string Url => Process.Http.BaseAddress!.ToString();

    public static async Task<SampleService> StartAsync(PostgresCluster postgres)
    {
        return await StartAsync(new NpgsqlConnectionStringBuilder(await postgres.NewDatabaseAsync()) { MaxPoolSize = 40 }.ConnectionString);
    }

    /// <summary>One more service on a database, once sagas can be reassigned to it.</summary>
    public static async Task<SampleService> StartAsync(string database)
    {
        var coordinatorId = Guid.NewGuid();
        ServiceProcess process = await ServiceProcess.StartAsync(database, coordinatorId, "--SagaRecovery:Period=00:30:00");
        await process.FirstPassAsync();
        var sample = new SampleService(process, database, coordinatorId);
        await Eventually.HoldsAsync(
            () => sample.QueryAsync<bool>("select coalesce(profile_incarnation = incarnation, false) from saga_recovery.saga_coordinator where id = @coordinatorId", new { coordinatorId }),
            "it had registered its definitions");
        return sample;
    }

    /// <summary>Runs the tool, by "service" or by "database".</summary>
    public Task<ToolRun> RunAsync(string way, params IReadOnlyList<string> args) => RunAsync(ToolStage.SignedIn, way, args);

    public Task<ToolRun> RunAsync(ToolStage stage, string way, params IReadOnlyList<string> args) =>
        ToolRun.OfAsync(stage, [.. args, .. way == Way.Service ? ["--url", Url] : new[] { "--connection", Database }]);

    /// <summary>A demo saga whose only node has started, and waits.</summary>
    public async Task<string> StartDemoSagaAsync()
    {
        Guid id = await Process.StartDemoSagaAsync();
        await Eventually.HoldsAsync(
            () => QueryAsync<bool>("select exists (select from saga_recovery.saga_node_event where saga_id = @id)", new { id }), "the demo saga had begun");
        return id.ToString();
    }

    /// <summary>A coordinator without a heartbeat for a minute.</summary>
    public async Task<Guid> DeadAsync()
    {
        var dead = Guid.NewGuid();
        await ExecuteAsync(CoordinatorRows.InsertDead, new { dead });
        return dead;
    }

    /// <summary>Gives a saga another owner, or none.</summary>
    public Task SetOwnerAsync(string saga, Guid? owner) => ExecuteAsync(
        "update saga_recovery.saga set current_coordinator = @owner, adopt_generation = adopt_generation + 1 where id = @id", new { owner, id = Guid.Parse(saga) });

    public Task<Guid?> OwnerOfAsync(string saga) => QueryAsync<Guid?>("select current_coordinator from saga_recovery.saga where id = @id", new { id = Guid.Parse(saga) });

    public Task<string> StateOfAsync(string saga) => QueryAsync<string>("select state from saga_recovery.saga where id = @id", new { id = Guid.Parse(saga) });

    public Task ReachesAsync(string saga, string state) => Eventually.HoldsAsync(async () => await StateOfAsync(saga) == state, $"saga {saga} was {state}");

    public async Task<T> QueryAsync<T>(string sql, object? parameters = null)
    {
        await using var connection = new NpgsqlConnection(Database);
        return (await connection.ExecuteScalarAsync<T>(sql, parameters))!;
    }

    public Task ExecuteAsync(string sql, object? parameters = null) => QueryAsync<object?>(sql, parameters);

    public ValueTask DisposeAsync() => Process.DisposeAsync();
}

/// <summary>The two ways in.</summary>
internal static class Way
{
    public const string Service = "service";
    public const string Database = "database";
}

/// <summary>One service to a test class.</summary>
public class SampleFixture(PostgresCluster postgres) : IAsyncLifetime
{
    internal SampleService Sample { get; private set; } = null!;

    public virtual async ValueTask InitializeAsync() => Sample = await SampleService.StartAsync(postgres);

    public async ValueTask DisposeAsync()
    {
        await Sample.DisposeAsync();
        GC.SuppressFinalize(this);
    }
}

/// <summary>A service with a waiting demo saga and a created project.</summary>
public sealed class TwoSagasFixture(PostgresCluster postgres) : SampleFixture(postgres)
{
    internal string Demo { get; private set; } = "";

    public override async ValueTask InitializeAsync()
    {
        await base.InitializeAsync();
        Demo = await Sample.StartDemoSagaAsync();
        using HttpResponseMessage created = await Sample.Process.CreateProjectAsync("seen");
        created.EnsureSuccessStatusCode();
    }
}
