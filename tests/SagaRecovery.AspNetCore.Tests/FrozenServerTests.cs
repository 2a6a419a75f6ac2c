using System.Net;
using System.Text.Json;
using EmbeddedPostgres;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Npgsql;
using SagaRecovery.AspNetCore.Tests.Support;
using SagaRecovery.Postgres;
using SagaRecovery.Status;

namespace SagaRecovery.AspNetCore.Tests;

/// <summary>Requests that read beside a server that neither answers nor refuses, as one whose machine hangs: all its processes are stopped.</summary>
public sealed class FrozenServerTests : IAsyncLifetime
{
    /// <summary>The wait for an answer of a service that does not wait for the server. It would wait for 17 minutes.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(2);

    private ThrowawayCluster _cluster = null!;
    private TestService _service = null!;
    private int[] _frozen = [];

    public async ValueTask InitializeAsync()
    {
        _cluster = await ThrowawayCluster.StartAsync();
        var connection = new NpgsqlConnectionStringBuilder(await _cluster.NewDatabaseAsync()) { Timeout = 1024, CommandTimeout = 0 }; // the longest that Npgsql accepts
        _service = await TestService.StartAsync(connection.ConnectionString);
    }

    public async ValueTask DisposeAsync()
    {
        await ServerProcesses.SignalAsync("CONT", _frozen);
        await _service.DisposeAsync();
        await _cluster.DisposeAsync();
    }

    [Theory]
    [InlineData("/sagas")]
    [InlineData("/sagas/0199c1d2-5a3b-7c4d-8e5f-60718293a4b5")]
    [InlineData("/sagas/0199c1d2-5a3b-7c4d-8e5f-60718293a4b5/explain")]
    [InlineData("/sagas/0199c1d2-5a3b-7c4d-8e5f-60718293a4b5/incident")]
    [InlineData("/coordinators")]
    [InlineData("/cluster")]
    [InlineData("/counts")]
    [InlineData("/whatis?id=x")]
    [InlineData("/definitions")]
    [InlineData("/problems")]
    [InlineData("/plan")]
    public async Task A_request_that_reads_ends_while_the_server_is_frozen_and_says_that_it_does_not_respond(string path)
    {
        (await _service.SendAsync(HttpMethod.Get, "/sagas")).StatusCode.Should().Be(HttpStatusCode.OK); // a connection is open
        await FreezeAsync();

        string open = await DetailOfUnavailableAsync(path); // on the open connection
        string opening = await DetailOfUnavailableAsync(path); // on one that cannot be opened

        open.Should().Be("Postgres does not respond.");
        opening.Should().BeOneOf("Postgres does not respond.", "The recovery loop gave no plan in time. It is busy with a pass, or Postgres does not respond.");
    }

    [Fact]
    public async Task A_plan_does_not_wait_for_a_pass_whose_server_is_frozen()
    {
        await FreezeAsync();
        _ = _service.App.Services.GetRequiredService<SagaRecoveryTrigger>().ActivateAsync();
        await Eventually.HoldsAsync(() => _service.App.Services.GetRequiredService<SagaRecoveryStatus>().Current.CurrentPass is not null, "a pass waits for the server");

        (await DetailOfUnavailableAsync("/plan")).Should().Be("The recovery loop gave no plan in time. It is busy with a pass, or Postgres does not respond.");
    }

    [Fact]
    public async Task Requests_after_those_that_hold_all_connections_say_that_the_server_does_not_respond()
    {
        (await _service.SendAsync(HttpMethod.Get, "/sagas")).StatusCode.Should().Be(HttpStatusCode.OK); // the pool is ready
        await FreezeAsync();
        string[] first = await Task.WhenAll(Enumerable.Range(0, 3).Select(_ => DetailOfUnavailableAsync("/sagas")));

        string fourth = await DetailOfUnavailableAsync("/sagas");

        // The queries of the process itself may have had one of the connections.
        first.Should().OnlyContain(detail => detail == "Postgres does not respond." || detail == "All 3 connections for operators are in use; try again.");
        fourth.Should().Be("Postgres does not respond.");
    }

    private async Task FreezeAsync()
    {
        _service.App.Services.GetRequiredService<IOptions<PostgresStoreOptions>>().Value.QueryTimeout = TimeSpan.FromMilliseconds(100);
        int server = ServerProcesses.Of(Path.Combine(_cluster.Cluster.Folder, "pgdata"))!.Value;
        _frozen = [server]; // before its children, or it would start more
        await ServerProcesses.SignalAsync("STOP", server);
        _frozen = [server, .. ServerProcesses.ChildrenOf(server)];
        await ServerProcesses.SignalAsync("STOP", _frozen);
    }

    private async Task<string> DetailOfUnavailableAsync(string path)
    {
        using HttpResponseMessage response = await _service.SendAsync(HttpMethod.Get, path).WaitAsync(s_patience);
        string body = await response.Content.ReadAsStringAsync();
        response.StatusCode.Should().Be(HttpStatusCode.ServiceUnavailable, $"{path}: {body}");
        return JsonDocument.Parse(body).RootElement.GetProperty("detail").GetString()!;
    }
}
