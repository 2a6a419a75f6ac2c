using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Dapper;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using Npgsql;
using SagaRecovery.AspNetCore.Tests.Support;
using SagaRecovery.Postgres;
using SagaRecovery.Status;

namespace SagaRecovery.AspNetCore.Tests;

/// <summary>A request that reads changes nothing, and ends in the time of a query.</summary>
[Collection(OnPostgres.Name)]
public sealed class BoundedReadTests(PostgresCluster postgres) : IAsyncLifetime
{
    /// <summary>Everything that is stored, but for the heartbeats.</summary>
    private const string Everything = """
        select concat((select json_agg(s order by s.id) from saga_recovery.saga s), (select json_agg(h) from saga_recovery.saga_hold h),
            (select json_agg(p) from saga_recovery.saga_recovery_pause p), (select json_agg(a order by a.id) from saga_recovery.saga_operator_action a),
            (select json_agg(e order by saga_id, node_id, event_type) from saga_recovery.saga_node_event e), (select json_agg(u order by saga_id) from saga_recovery.saga_suspect u),
            (select json_agg(l order by coordinator_id) from saga_recovery.saga_listing l), (select json_agg(f) from saga_recovery.saga_in_flight f),
            (select json_agg((c.id, c.incarnation, c.token) order by c.id) from saga_recovery.saga_coordinator c))
        """;

    private static readonly string[] s_paths =
        ["/plan", "/cluster", "/coordinators", "/counts", "/whatis?id={0}", "/definitions", "/sagas", "/sagas/{0}", "/sagas/{0}/explain", "/sagas/{0}", "/plan", "/cluster", ""];

    private TestService _service = null!;

    public async ValueTask InitializeAsync()
    {
        _service = await TestService.StartAsync(await postgres.NewDatabaseAsync());
        await Eventually.HoldsAsync(() => _service.App.Services.GetRequiredService<SagaRecoveryStatus>().Current.Cluster is not null, "the first heartbeat was over");
        IHostedService heartbeat = _service.App.Services.GetServices<IHostedService>().Single(hosted => hosted.GetType().Name == "CoordinatorHeartbeat");
        await heartbeat.StopAsync(CancellationToken.None); // it looks after the sagas of others, and stores what it finds
    }

    public async ValueTask DisposeAsync() => await _service.DisposeAsync();

    [Fact]
    public async Task No_request_that_reads_changes_anything()
    {
        SagaId saga = await _service.StartSagaAsync();
        var dead = Guid.NewGuid();
        await _service.QueryAsync<int>(CoordinatorRows.InsertDead, new { dead });
        await _service.QueryAsync<int>(
            """
            insert into saga_recovery.saga_suspect (saga_id, group_size, deaths_alone, steps) values (@saga, 1, 9, 0);
            insert into saga_recovery.saga (id, name, creator, definition_hash, params, state, current_coordinator)
            select gen_random_uuid(), name, creator, definition_hash, params, state, @dead from saga_recovery.saga
            """,
            new { saga = saga.Value, dead });
        string before = await _service.QueryAsync<string>(Everything);

        foreach (string path in s_paths)
        {
            using HttpResponseMessage response = await _service.SendAsync(HttpMethod.Get, PathOf(path, saga));
            response.StatusCode.Should().Be(HttpStatusCode.OK, path);
            (await _service.QueryAsync<string>(Everything)).Should().Be(before, path);
        }
    }

    [Fact]
    public async Task Every_query_of_a_request_that_reads_ends_in_the_time_of_a_query()
    {
        SagaId saga = await _service.StartSagaAsync();
        await _service.JsonAsync("/sagas?limit=1"); // the limit includes the wait for a connection, which is now open
        _service.App.Services.GetRequiredService<IOptions<PostgresStoreOptions>>().Value.QueryTimeout = TimeSpan.FromMilliseconds(300);
        await using var blocker = new NpgsqlConnection(_service.ConnectionString);
        await blocker.OpenAsync();
        await using NpgsqlTransaction transaction = await blocker.BeginTransactionAsync();
        await blocker.ExecuteAsync("lock table saga_recovery.saga in access exclusive mode");

        foreach (string path in s_paths.Where(path => path.Length > 0))
        {
            using HttpResponseMessage response = await _service.SendAsync(HttpMethod.Get, PathOf(path, saga));
            response.StatusCode.Should().Be(HttpStatusCode.UnprocessableEntity, path);
            (await response.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("detail").GetString().Should().StartWith("The query was stopped after 300ms.", path);
        }
    }

    [Fact]
    public async Task A_request_that_finds_all_connections_for_operators_in_use_says_so()
    {
        PostgresStoreOptions options = _service.App.Services.GetRequiredService<IOptions<PostgresStoreOptions>>().Value;
        options.QueryTimeout = TimeSpan.FromMinutes(30);
        await using var blocker = new NpgsqlConnection(_service.ConnectionString);
        await blocker.OpenAsync();
        await using NpgsqlTransaction transaction = await blocker.BeginTransactionAsync();
        await blocker.ExecuteAsync("lock table saga_recovery.saga in access exclusive mode");
        Task<HttpResponseMessage>[] slow = [.. Enumerable.Range(0, 3).Select(_ => _service.SendAsync(HttpMethod.Get, "/sagas"))];
        await Eventually.HoldsAsync(
            async () => await blocker.ExecuteScalarAsync<long>("select count(*) from pg_locks where not granted and relation = 'saga_recovery.saga'::regclass") == 3, "three wait");
        options.QueryTimeout = TimeSpan.FromMilliseconds(50);

        using HttpResponseMessage fourth = await _service.SendAsync(HttpMethod.Get, "/sagas");

        fourth.StatusCode.Should().Be(HttpStatusCode.ServiceUnavailable);
        fourth.Headers.RetryAfter.Should().NotBeNull();
        (await fourth.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("detail").GetString().Should().Be("All 3 connections for operators are in use; try again.");
        await transaction.RollbackAsync();
        (await Task.WhenAll(slow)).Should().OnlyContain(one => one.StatusCode == HttpStatusCode.OK);
    }

    private static string PathOf(string path, SagaId saga) => string.Format(System.Globalization.CultureInfo.InvariantCulture, path, saga);
}
