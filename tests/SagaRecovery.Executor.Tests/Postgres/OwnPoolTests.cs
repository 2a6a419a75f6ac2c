using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using SagaRecovery.Coordinators;
using SagaRecovery.Executor.Tests.Support;
using SagaRecovery.Postgres;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Executor.Tests.Postgres;

/// <summary>Sagas that hold every connection of the host's pool.</summary>
public sealed class OwnPoolTests(PostgresCluster cluster) : IClassFixture<PostgresCluster>
{
    private const int PoolSize = 5;
    private readonly Gate _gate = new();
    private readonly LogLines _lines = new();

    [Fact]
    public async Task Sagas_that_hold_all_connections_of_the_host_stop_neither_the_log_nor_a_pass()
    {
        NpgsqlDataSource? pool = null;
        var greedy = new TestSaga("greedy", saga => saga.Node("hold", async context =>
        {
            await using NpgsqlConnection held = await pool!.OpenConnectionAsync(context.CancellationToken);
            await _gate.PassAsync(context.CancellationToken);
        }));
        var quick = new TestSaga("quick", saga => saga.Node("only", _ => Task.CompletedTask));
        string database = new NpgsqlConnectionStringBuilder(await cluster.NewDatabaseAsync()) { MaxPoolSize = PoolSize, Timeout = 5 }.ConnectionString;
        await using PostgresHost host = await PostgresHost.StartAsync(database, Guid.NewGuid(), greedy, quick);
        pool = host.Services.GetRequiredService<NpgsqlDataSource>();
        await host.ActivateAsync();
        SagaHandle[] holding = await Task.WhenAll(Enumerable.Range(0, PoolSize).Select(_ => host.Client.StartAsync(greedy, "")));
        for (int i = 0; i < PoolSize; i++)
        {
            await _gate.ArrivalAsync();
        }

        (await (await host.Client.StartAsync(quick, "")).Completion.Soon()).Should().BeOfType<SagaResult.Succeeded>();
        (await host.ActivateAsync()).Result.Should().Be(PassResult.Completed);

        _gate.Open();
        await Task.WhenAll(holding.Select(saga => saga.Completion)).Soon();
    }

    [Fact]
    public async Task A_search_needs_neither_a_connection_of_the_host_nor_of_the_log()
    {
        string database = new NpgsqlConnectionStringBuilder(await cluster.NewDatabaseAsync()) { MaxPoolSize = PoolSize, Timeout = 5 }.ConnectionString;
        await using PostgresHost host = await PostgresHost.StartAsync(
            database, Guid.NewGuid(), services => services.Configure<PostgresStoreOptions>(options => options.MaxPoolSize = PoolSize));
        await host.ActivateAsync();
        List<NpgsqlConnection> held = [];
        OwnPool ofLog = host.Services.GetRequiredService<OwnPool>();
        for (int i = 0; i < PoolSize - 1; i++) // heartbeats have one
        {
            held.Add(await ofLog.OpenAsync(CancellationToken.None));
            held.Add(await host.Services.GetRequiredService<NpgsqlDataSource>().OpenConnectionAsync());
        }

        held.Add(await host.Services.GetRequiredService<NpgsqlDataSource>().OpenConnectionAsync());
        ISagaOperations store = host.Operator.Store;

        (await store.ListAsync(new SagaFilter(), CancellationToken.None).Soon()).Should().BeEmpty();
        (await host.Operator.CountAsync().Soon()).Unfinished.Should().BeEmpty();
        (await store.FindAsync(SagaId.NewAt(DateTimeOffset.UnixEpoch), CancellationToken.None).Soon()).Should().BeNull();

        held.ForEach(connection => connection.Dispose());
    }

    [Fact]
    public async Task The_pool_is_separate_and_has_the_password_of_the_host()
    {
        await using NpgsqlDataSource host = NpgsqlDataSource.Create(await SinglePoolAsync());
        await using NpgsqlConnection taken = await host.OpenConnectionAsync();
        await using var own = new OwnPool(host, maxPoolSize: 5, _lines);

        await using NpgsqlConnection connection = await own.OpenAsync(CancellationToken.None).AsTask().Soon();
        await using NpgsqlConnection second = await own.OpenAsync(CancellationToken.None).AsTask().Soon();

        connection.ConnectionString.Should().Contain("Maximum Pool Size=5").And.NotContain("Password");
        _lines.Count(62).Should().Be(0);
    }

    /// <summary>The driver resets a connection with seven statements before its next use. StatementTests checks that none needs it.</summary>
    [Fact]
    public async Task A_connection_of_the_pool_is_not_reset_between_two_uses()
    {
        await using NpgsqlDataSource host = NpgsqlDataSource.Create(await SinglePoolAsync());
        await using var own = new OwnPool(host, maxPoolSize: 1, _lines);
        (await AskAsync("select set_config('test.mark', 'kept', false)")).Should().Be("kept");

        (await AskAsync("select current_setting('test.mark', true)")).Should().Be("kept");

        async Task<object?> AskAsync(string question)
        {
            await using NpgsqlConnection connection = await own.OpenAsync(CancellationToken.None).AsTask().Soon();
            await using var command = new NpgsqlCommand(question, connection);
            return await command.ExecuteScalarAsync();
        }
    }

    [Fact]
    public async Task The_connection_that_a_fenced_process_listened_on_returns_to_the_pool_without_its_subscription()
    {
        string database = await cluster.NewDatabaseAsync();
        var coordinator = Guid.NewGuid();
        await using PostgresHost fenced = await PostgresHost.StartAsync(database, coordinator, WithShortHeartbeats);
        await fenced.ActivateAsync();
        var noticed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        fenced.Services.GetRequiredService<SagaCoordinator>().Fenced.Register(noticed.SetResult);

        await using PostgresHost successor = await PostgresHost.StartAsync(database, coordinator, WithShortHeartbeats);
        await successor.ActivateAsync();
        await noticed.Task.Soon();

        List<NpgsqlConnection> connections = [];
        for (int i = 0; i < PoolSize; i++)
        {
            connections.Add(await fenced.Services.GetRequiredService<OwnPool>().OpenAsync(CancellationToken.None));
            await using var channels = new NpgsqlCommand("select count(*) from pg_listening_channels()", connections[^1]);
            (await channels.ExecuteScalarAsync()).Should().Be(0L);
        }

        connections.ForEach(connection => connection.Dispose());

        static void WithShortHeartbeats(IServiceCollection services) =>
            services.Configure<SagaRecoveryOptions>(options => options.HeartbeatPeriod = TimeSpan.FromMilliseconds(100));
    }

    [Fact]
    public async Task A_password_that_changes_is_asked_for_again()
    {
        var settings = new NpgsqlConnectionStringBuilder(await SinglePoolAsync());
        (string password, settings.Password) = (settings.Password!, null);
        int asked = 0;
        var builder = new NpgsqlDataSourceBuilder(settings.ConnectionString);
        builder.UsePasswordProvider(_ => password, (_, _) => ValueTask.FromResult(Interlocked.Increment(ref asked) > 0 ? password : ""));
        await using NpgsqlDataSource host = builder.Build();
        await using var own = new OwnPool(host, maxPoolSize: 5, _lines);

        await using NpgsqlConnection first = await own.OpenAsync(CancellationToken.None).AsTask().Soon();
        int before = asked;
        await using NpgsqlConnection second = await own.OpenAsync(CancellationToken.None).AsTask().Soon();

        asked.Should().Be(before + 1, "a physical connection asks once");
        _lines.Count(62).Should().Be(0);
    }

    [Fact]
    public async Task The_pool_of_the_host_serves_where_its_settings_cannot_be_taken_over()
    {
        var settings = new NpgsqlConnectionStringBuilder(await SinglePoolAsync());
        (string password, settings.Password) = (settings.Password!, null);
        int asked = 0;
        var builder = new NpgsqlDataSourceBuilder(settings.ConnectionString);
        builder.UsePasswordProvider(_ => password, (_, _) => ValueTask.FromResult(Interlocked.Increment(ref asked) > 3 ? password : "wrong"));
        await using NpgsqlDataSource host = builder.Build();
        await using var own = new OwnPool(host, maxPoolSize: 5, _lines);

        // Asked once for the settings and twice for the pool, since the driver tries a refused password again; then by the host.
        await using (NpgsqlConnection connection = await own.OpenAsync(CancellationToken.None).AsTask().Soon())
        {
            connection.ConnectionString.Should().Contain("Maximum Pool Size=1");
        }

        await using NpgsqlConnection again = await own.OpenAsync(CancellationToken.None).AsTask().Soon();
        (_lines.Count(62), asked).Should().Be((1, 4));
        _lines.Text(62).Should().Contain("a connection with its settings failed: 28");
    }

    [Fact]
    public async Task The_pool_of_the_host_serves_where_the_setting_is_0_or_a_server_is_chosen()
    {
        var settings = new NpgsqlConnectionStringBuilder(await SinglePoolAsync());
        await using NpgsqlDataSource plain = NpgsqlDataSource.Create(settings);
        settings.Host = $"{settings.Host},{settings.Host}";
        await using NpgsqlMultiHostDataSource several = new NpgsqlDataSourceBuilder(settings.ConnectionString).BuildMultiHost();
        await using var shared = new OwnPool(plain, maxPoolSize: 0, _lines);
        await using var chosen = new OwnPool(several.WithTargetSession(TargetSessionAttributes.Primary), maxPoolSize: 5, _lines);

        await using NpgsqlConnection first = await shared.OpenAsync(CancellationToken.None).AsTask().Soon();
        await using NpgsqlConnection second = await chosen.OpenAsync(CancellationToken.None).AsTask().Soon();

        first.ConnectionString.Should().Contain("Maximum Pool Size=1");
        second.ConnectionString.Should().Contain("Maximum Pool Size=1");
        _lines.Count(62).Should().Be(2);
        _lines.Text(62).Should().Contain("SagaRecovery:Postgres:MaxPoolSize is 0");
    }

    /// <summary>A connection string for one connection, with the password in it.</summary>
    private async Task<string> SinglePoolAsync()
    {
        var settings = new NpgsqlConnectionStringBuilder(await cluster.NewDatabaseAsync()) { MaxPoolSize = 1, Timeout = 5 };
        string[] entry = (await File.ReadAllLinesAsync(settings.Passfile!))[0].Split(':'); // host:port:database:user:password
        (settings.Password, settings.Passfile) = (entry[^1], null);
        return settings.ConnectionString;
    }
}
