using System.Net;
using System.Net.Http.Json;
using ControlPlane.Tests.Support;

namespace ControlPlane.Tests;

/// <summary>The view of clients on a process that is drained for an update.</summary>
[Collection(OnPostgres.Name)]
public sealed class DrainTests(PostgresCluster postgres)
{
    [Fact]
    public async Task While_it_drains_it_refuses_starts_with_a_retry_time_and_serves_everything_else()
    {
        await using ServiceProcess service = await ServiceProcess.StartAsync(await postgres.NewDatabaseAsync(), Guid.NewGuid());
        (await service.CreateProjectAsync("before")).StatusCode.Should().Be(HttpStatusCode.Created);
        Guid waits = await service.StartDemoSagaAsync();

        using var drain = new HttpRequestMessage(HttpMethod.Post, "/saga-recovery/drain")
        {
            Headers = { Authorization = ServiceProcess.Operator },
            Content = JsonContent.Create(new { reason = "version 2", gracePeriod = 600 }),
        };
        (await service.Http.SendAsync(drain)).StatusCode.Should().Be(HttpStatusCode.Accepted);

        foreach (HttpResponseMessage refused in new[] { await service.CreateProjectAsync("after"), await service.Http.PostAsync("/demo-sagas", content: null) })
        {
            refused.StatusCode.Should().Be(HttpStatusCode.ServiceUnavailable);
            refused.Headers.RetryAfter.Should().NotBeNull();
            (await refused.Content.ReadAsStringAsync()).Should().Contain("this process is draining");
        }

        (await service.Http.GetAsync("/v1/projects/before")).StatusCode.Should().Be(HttpStatusCode.OK);
        (await service.ReleaseDemoSagaAsync(waits)).StatusCode.Should().Be(HttpStatusCode.NoContent, "what runs may finish");
        await Eventually.HoldsAsync(
            async () => (await service.StatusAsync()).GetProperty("drain").GetProperty("phase").GetString() == "Drained", "nothing was left");
    }

    [Fact]
    public async Task A_process_that_is_asked_to_stop_drains_first_if_so_configured()
    {
        (string database, Guid old, Guid next) = (await postgres.NewDatabaseAsync(), Guid.NewGuid(), Guid.NewGuid());
        await using ServiceProcess service = await ServiceProcess.StartAsync(database, old, "--SagaRecovery:DrainFor=00:00:00.200");
        await using ServiceProcess other = await ServiceProcess.StartAsync(database, next);
        await other.FirstPassAsync();
        Guid saga = await service.StartDemoSagaAsync();

        (await service.TerminateAsync()).Should().Be(0);

        await Eventually.HoldsAsync(
            async () => (await other.StatusAsync()).GetProperty("totals").GetProperty("recovered").GetInt64() == 1, "the other had recovered it");
        (await other.ReleaseDemoSagaAsync(saga)).StatusCode.Should().Be(HttpStatusCode.NoContent);
    }
}
