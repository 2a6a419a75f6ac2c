using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using SagaRecovery.AspNetCore.Tests.Support;

namespace SagaRecovery.AspNetCore.Tests;

[Collection(OnPostgres.Name)]
public sealed class OperatorRightsTests(PostgresCluster postgres)
{
    private static readonly string[] OfSagas = ["hold", "release", "retry", "abandon", "inject-error", "retry-undo", "skip-undo", "cancel"];

    [Theory]
    [InlineData(null, HttpStatusCode.Unauthorized)]
    [InlineData("passer-by", HttpStatusCode.Forbidden)]
    public async Task An_operator_action_without_rights_changes_nothing(string? user, HttpStatusCode refused)
    {
        await using TestService service = await TestService.StartAsync(await postgres.NewDatabaseAsync(), TestService.ForOperators);
        await ShouldChangeNothingAsync(service, user, refused);
    }

    [Fact]
    public async Task Opening_all_endpoints_does_not_open_the_operator_actions()
    {
        await using TestService service = await TestService.StartAsync(
            await postgres.NewDatabaseAsync(), TestService.ForOperators, conventions: mapped => mapped.AllowAnonymous());
        await ShouldChangeNothingAsync(service, user: null, HttpStatusCode.Unauthorized);
    }

    [Fact]
    public async Task Without_a_policy_no_operator_action_is_mapped()
    {
        await using TestService service = await TestService.StartAsync(await postgres.NewDatabaseAsync());
        await ShouldChangeNothingAsync(service, TestUsers.Operator, HttpStatusCode.NotFound, HttpStatusCode.MethodNotAllowed);
    }

    [Fact]
    public async Task Closing_all_endpoints_closes_those_that_read()
    {
        await using TestService service = await TestService.StartAsync(
            await postgres.NewDatabaseAsync(), TestService.ForOperators, conventions: mapped => mapped.RequireAuthorization());

        (await service.SendAsync(HttpMethod.Get, "")).StatusCode.Should().Be(HttpStatusCode.Unauthorized);
        (await service.SendAsync(HttpMethod.Get, "", "passer-by")).StatusCode.Should().Be(HttpStatusCode.OK);
    }

    [Theory]
    [InlineData("Production")]
    [InlineData("Staging")]
    public async Task Operator_actions_without_a_policy_are_not_mapped_outside_development(string environment)
    {
        string database = await postgres.NewDatabaseAsync();

        Func<TestService> map = () => TestService.Build(database, options => options.ActionsWithoutPolicy = true, environment);

        map.Should().Throw<InvalidOperationException>().WithMessage("*ActionsWithoutPolicy*Development*OperatorPolicy*");
    }

    [Fact]
    public async Task A_policy_without_a_name_maps_nothing()
    {
        string database = await postgres.NewDatabaseAsync();

        Func<TestService> map = () => TestService.Build(database, options => options.OperatorPolicy = "");

        map.Should().Throw<InvalidOperationException>().WithMessage("*AddPolicy*");
    }

    [Fact]
    public async Task In_development_an_open_operator_action_requires_a_name()
    {
        await using TestService service = await TestService.StartAsync(
            await postgres.NewDatabaseAsync(), options => options.ActionsWithoutPolicy = true, "Development");

        using HttpResponseMessage nameless = await service.PerformAsync("/pause", new { reason = "x" }, user: null);
        using HttpResponseMessage named = await service.PerformAsync("/pause", new { reason = "x", actor = "ann" }, user: null);

        nameless.StatusCode.Should().Be(HttpStatusCode.BadRequest);
        named.StatusCode.Should().Be(HttpStatusCode.OK);
        (await service.QueryAsync<string>("select string_agg(actor, ',') from saga_recovery.saga_operator_action")).Should().Be("ann");
    }

    [Fact]
    public async Task A_signed_in_user_without_a_name_runs_no_operator_action()
    {
        await using TestService service = await TestService.StartAsync(await postgres.NewDatabaseAsync(), TestService.ForOperators);

        using HttpResponseMessage response = await service.PerformAsync("/pause", new { reason = "x", actor = "ann" }, TestUsers.Nameless);

        response.StatusCode.Should().Be(HttpStatusCode.Forbidden);
        (await service.QueryAsync<long>("select count(*) from saga_recovery.saga_operator_action")).Should().Be(0);
    }

    private static async Task ShouldChangeNothingAsync(TestService service, string? user, params HttpStatusCode[] refused)
    {
        SagaId saga = await service.StartSagaAsync();
        const string Everything = """
            select concat((select json_agg(s) from saga_recovery.saga s), (select json_agg(h) from saga_recovery.saga_hold h),
                (select json_agg(p) from saga_recovery.saga_recovery_pause p), (select json_agg(a) from saga_recovery.saga_operator_action a),
                (select json_agg(e order by node_id, event_type) from saga_recovery.saga_node_event e))
            """;
        string before = await service.QueryAsync<string>(Everything);
        long passes = await PassesAsync(service);

        string[] paths = ["/activate", "/pause", "/resume", "/drain", $"/coordinators/{service.CoordinatorId}/reassign", "/coordinators/unowned/reassign", "/purge", "/problems/acknowledge", $"/coordinators/{service.CoordinatorId}/forget", .. OfSagas.Select(kind => $"/sagas/{saga}/{kind}")];
        foreach (string path in paths)
        {
            using HttpResponseMessage response = await service.PerformAsync(path, new { reason = "x", node = "endless", force = true, evenIfOwnerAnswers = true, actor = "ann" }, user);
            refused.Should().Contain(response.StatusCode, path);
        }

        (await service.QueryAsync<string>(Everything)).Should().Be(before);
        (await PassesAsync(service)).Should().Be(passes);
    }

    private static async Task<long> PassesAsync(TestService service)
    {
        using HttpResponseMessage response = await service.SendAsync(HttpMethod.Get, "", accept: "application/json");
        return (await response.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("totals").GetProperty("passes").GetInt64();
    }
}
