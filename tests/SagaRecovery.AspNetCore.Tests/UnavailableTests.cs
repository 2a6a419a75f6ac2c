using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using EmbeddedPostgres;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using SagaRecovery.AspNetCore.Tests.Support;
using SagaRecovery.Bookkeeping;
using SagaRecovery.Fencing;
using SagaRecovery.Storage;

namespace SagaRecovery.AspNetCore.Tests;

/// <summary>The answers to callers when a dependency is unavailable.</summary>
public sealed class UnavailableTests
{
    [Fact]
    public async Task Without_Postgres_the_status_is_answered_and_the_rest_reports_the_outage()
    {
        await using ThrowawayCluster postgres = await ThrowawayCluster.StartAsync();
        await using TestService service = await TestService.StartAsync(await postgres.NewDatabaseAsync(), TestService.ForOperators);
        await postgres.Cluster.StopAsync(StopMode.Immediate);

        string id = $"{Guid.NewGuid()}";
        foreach (string path in (string[])["/sagas", $"/sagas/{id}", $"/sagas/{id}/explain", "/coordinators", "/counts", "/whatis?id=x", "/definitions", "/plan"])
        {
            await ShouldBeUnavailableAsync(await service.SendAsync(HttpMethod.Get, path), path);
        }

        await ShouldBeUnavailableAsync(await service.PerformAsync("/pause", new { reason = "x" }), "pause");
        await ShouldBeUnavailableAsync(await service.PerformAsync($"/sagas/{id}/abandon", new { reason = "x" }), "abandon");
        (await service.SendAsync(HttpMethod.Get, "")).StatusCode.Should().Be(HttpStatusCode.OK);
        using HttpResponseMessage pass = await service.SendAsync(HttpMethod.Post, "/activate", TestUsers.Operator, accept: "application/json");
        (await pass.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("result").GetString().Should().Be("Failed");
    }

    [Fact]
    public async Task A_store_without_operations_is_reported_to_operators()
    {
        await using TestService service = TestService.Build(
            "Host=127.0.0.1;Port=1", TestService.ForOperators, services: builder => builder.Services.AddSagaRecovery().UseStore<StoreWithoutOperations>());
        await service.App.StartAsync();

        (await service.SendAsync(HttpMethod.Get, "/sagas")).StatusCode.Should().Be(HttpStatusCode.NotImplemented);
        (await service.SendAsync(HttpMethod.Get, $"/sagas/{Guid.NewGuid()}/explain")).StatusCode.Should().Be(HttpStatusCode.NotImplemented);
        (await service.SendAsync(HttpMethod.Get, "/definitions")).StatusCode.Should().Be(HttpStatusCode.NotImplemented);
        (await service.PerformAsync("/pause", new { reason = "x" })).StatusCode.Should().Be(HttpStatusCode.NotImplemented);
        (await service.SendAsync(HttpMethod.Get, "/plan")).StatusCode.Should().Be(HttpStatusCode.OK);
    }

    [Fact]
    public async Task Recovery_that_has_stopped_is_reported()
    {
        await using TestService service = TestService.Build(
            "Host=127.0.0.1;Port=1", TestService.ForOperators, services: builder => builder.Services.AddSagaRecovery().UseStore<StoreWithoutOperations>());
        await service.App.StartAsync();
        foreach (IHostedService hosted in service.App.Services.GetServices<IHostedService>().Where(hosted => hosted.GetType().Name == "SagaRecoveryService"))
        {
            await hosted.StopAsync(CancellationToken.None);
        }

        await ShouldBeUnavailableAsync(await service.SendAsync(HttpMethod.Get, "/plan"), "plan");
        await ShouldBeUnavailableAsync(await service.SendAsync(HttpMethod.Post, "/activate", TestUsers.Operator), "activate");
    }

    [Fact]
    public void Endpoints_without_recovery_are_not_mapped()
    {
        WebApplication app = WebApplication.CreateBuilder().Build();

        Action map = () => app.MapSagaRecovery();

        map.Should().Throw<InvalidOperationException>().WithMessage("*AddSagaRecovery()*");
    }

    private static async Task ShouldBeUnavailableAsync(HttpResponseMessage response, string what)
    {
        using (response)
        {
            response.StatusCode.Should().Be(HttpStatusCode.ServiceUnavailable, $"{what}: {await response.Content.ReadAsStringAsync()}");
            response.Headers.RetryAfter.Should().NotBeNull();
            response.Content.Headers.ContentType!.MediaType.Should().Be("application/problem+json");
        }
    }

    private sealed class StoreWithoutOperations : ISagaStore
    {
        public Task<Membership> JoinAsync(CoordinatorId coordinator, CancellationToken cancellationToken) =>
            Task.FromResult(new Membership(coordinator, new Incarnation(1), default));

        public Task<Membership> RejoinAsync(Membership lost, CancellationToken cancellationToken) => Task.FromResult(lost);

        public Task<IReadOnlyList<SagaId>> FindLostAsync(Membership member, IReadOnlyCollection<SagaId> sagas, CancellationToken cancellationToken) =>
            Task.FromResult<IReadOnlyList<SagaId>>([]);

        public Task ListCandidatesAsync(Membership member, CandidateListing listing, CancellationToken cancellationToken) => Task.CompletedTask;

        public Task<IReadOnlyList<LoadedSaga>> LoadAsync(Membership member, IReadOnlyList<Candidate> candidates, CancellationToken cancellationToken) =>
            Task.FromResult<IReadOnlyList<LoadedSaga>>([]);

        public Task<bool> AbandonAsync(SagaId sagaId, Ownership ownership, Abandonment abandonment, CancellationToken cancellationToken) =>
            Task.FromResult(false);
    }
}
