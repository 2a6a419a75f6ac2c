using System.Net;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using SagaRecovery.AspNetCore.Tests.Support;

namespace SagaRecovery.AspNetCore.Tests;

/// <summary>The right to read, which is apart from the right to see payloads and the right to act.</summary>
[Collection(OnPostgres.Name)]
public sealed class ReadingRightsTests(PostgresCluster postgres)
{
    [Theory]
    [InlineData("Production")]
    [InlineData("Staging")]
    public async Task Outside_development_nothing_is_mapped_without_a_policy_for_reading(string environment)
    {
        string database = await postgres.NewDatabaseAsync();

        Func<TestService> map = () => TestService.Build(database, options => (options.AllowAnonymousReading, options.OperatorPolicy) = (false, TestUsers.Policy), environment);

        map.Should().Throw<InvalidOperationException>().WithMessage("*AddPolicy(\"saga-readers\"*ReadingPolicy = \"saga-readers\"*AllowAnonymousReading = true*");
    }

    [Theory]
    [InlineData(nameof(SagaRecoveryEndpointOptions.ReadingPolicy))]
    [InlineData(nameof(SagaRecoveryEndpointOptions.PayloadPolicy))]
    public async Task A_policy_without_a_name_maps_nothing(string setting)
    {
        string database = await postgres.NewDatabaseAsync();

        Func<TestService> map = () => TestService.Build(database, options => typeof(SagaRecoveryEndpointOptions).GetProperty(setting)!.SetValue(options, ""));

        map.Should().Throw<InvalidOperationException>().WithMessage($"*{setting}*AddPolicy*");
    }

    [Fact]
    public async Task Every_endpoint_that_reads_requires_the_reading_policy_and_every_other_one_that_of_operators()
    {
        await using TestService service = TestService.Build(await postgres.NewDatabaseAsync(), TestService.Closed, conventions: mapped => mapped.AllowAnonymous());
        await service.App.StartAsync();

        RouteEndpoint[] endpoints = [.. service.App.Services.GetRequiredService<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>()];

        endpoints.Should().HaveCountGreaterThan(20);
        endpoints.Should().OnlyContain(one => !one.Metadata.OfType<IAllowAnonymous>().Any());
        endpoints.Should().AllSatisfy(one =>
        {
            bool isAction = one.Metadata.GetMetadata<HttpMethodMetadata>()?.HttpMethods.Single() == "POST";
            one.Metadata.OfType<IAuthorizeData>().Single().Policy.Should().Be(isAction ? TestUsers.Policy : TestUsers.Reading);
        });
    }

    [Theory]
    [InlineData(null, HttpStatusCode.Unauthorized)]
    [InlineData("passer-by", HttpStatusCode.Forbidden)]
    [InlineData(TestUsers.Operator, HttpStatusCode.Forbidden)]
    [InlineData(TestUsers.Reader, HttpStatusCode.OK)]
    [InlineData(TestUsers.Auditor, HttpStatusCode.OK)]
    public async Task Only_a_reader_reads(string? user, HttpStatusCode status)
    {
        await using TestService service = await TestService.StartAsync(
            await postgres.NewDatabaseAsync(), TestService.Closed, conventions: mapped => mapped.AllowAnonymous());
        SagaId saga = await service.StartSagaAsync();

        foreach (string path in (string[])["", "/sagas", $"/sagas/{saga}", $"/sagas/{saga}/explain", "/coordinators", "/cluster", "/counts", "/whatis?id=x", "/definitions", "/plan"])
        {
            using HttpResponseMessage response = await service.SendAsync(HttpMethod.Get, path, user);
            response.StatusCode.Should().Be(status, path);
        }

        using HttpResponseMessage page = await service.SendAsync(HttpMethod.Get, "", user, accept: "text/html");
        page.StatusCode.Should().Be(status);
        using HttpResponseMessage action = await service.PerformAsync("/pause", new { reason = "x" }, user);
        action.StatusCode.Should().Be(user == TestUsers.Operator ? HttpStatusCode.OK : user is null ? HttpStatusCode.Unauthorized : HttpStatusCode.Forbidden);
    }

    [Fact]
    public async Task In_development_reading_and_payloads_are_open()
    {
        await using TestService service = await TestService.StartAsync(
            await postgres.NewDatabaseAsync(), options => (options.AllowAnonymousReading, options.PayloadPolicy) = (false, null), "Development");
        SagaId saga = await service.StartSagaAsync();

        (await service.JsonAsync($"/sagas/{saga}")).GetProperty("parameters").GetString().Should().Be("\"x\"");
    }

    [Fact]
    public async Task A_policy_holds_in_development_as_well()
    {
        await using TestService service = await TestService.StartAsync(await postgres.NewDatabaseAsync(), TestService.Closed, "Development");

        (await service.SendAsync(HttpMethod.Get, "")).StatusCode.Should().Be(HttpStatusCode.Unauthorized);
    }
}
