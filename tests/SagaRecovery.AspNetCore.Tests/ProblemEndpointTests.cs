using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using SagaRecovery.AspNetCore.Tests.Support;

namespace SagaRecovery.AspNetCore.Tests;

/// <summary>The list of problems, and their acknowledgement.</summary>
[Collection(OnPostgres.Name)]
public sealed class ProblemEndpointTests(PostgresCluster postgres)
{
    [Fact]
    public async Task Problems_are_listed_and_acknowledged_and_the_status_knows()
    {
        await using TestService service = await TestService.StartAsync(await postgres.NewDatabaseAsync(), TestService.ForOperators);
        SagaId saga = await StuckAsync(service);

        JsonElement listed = (await ListAsync(service)).GetProperty("problems").EnumerateArray().Single();
        listed.GetProperty("id").GetString().Should().Be($"stuck:{saga}");
        listed.GetProperty("kind").GetString().Should().Be("Stuck");

        using HttpResponseMessage done = await service.PerformAsync("/problems/acknowledge", new { id = $"stuck:{saga}", reason = "ticket 17" });

        done.StatusCode.Should().Be(HttpStatusCode.OK, await done.Content.ReadAsStringAsync());
        JsonElement known = (await ListAsync(service)).GetProperty("problems").EnumerateArray().Single();
        known.GetProperty("acknowledged").GetProperty("note").GetProperty("reason").GetString().Should().Be("ticket 17");
        (await service.JsonAsync("")).GetProperty("problems").GetProperty("counts").EnumerateArray().Single().GetProperty("acknowledged").GetInt32().Should().Be(1);
    }

    [Theory]
    [InlineData("{\"id\":\"stuck:0199c1d2-5a3b-7c4d-8e5f-60718293a4b5\",\"reason\":\"x\"}", HttpStatusCode.NotFound, "There is no problem")]
    [InlineData("{\"id\":\"unknown-definition:a/b\",\"reason\":\"x\"}", HttpStatusCode.NotFound, "There is no problem 'unknown-definition:a/b'")]
    [InlineData("{\"id\":\"\",\"reason\":\"x\"}", HttpStatusCode.NotFound, "There is no problem ''")]
    [InlineData("{\"reason\":\"x\"}", HttpStatusCode.BadRequest, "'id' is missing")]
    [InlineData("{\"id\":\"x\"}", HttpStatusCode.BadRequest, "'reason' is missing")]
    [InlineData("{\"id\":\"x\",\"reason\":\"x\",\"comment\":\"y\"}", HttpStatusCode.BadRequest, "must not have 'comment'")]
    public async Task What_cannot_be_acknowledged_is_answered_with_a_problem_document(string body, HttpStatusCode status, string detail)
    {
        await using TestService service = await TestService.StartAsync(await postgres.NewDatabaseAsync(), TestService.ForOperators);

        using HttpResponseMessage answer = await service.PerformAsync("/problems/acknowledge", JsonSerializer.Deserialize<JsonElement>(body));

        answer.StatusCode.Should().Be(status);
        (await answer.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("detail").GetString().Should().Contain(detail);
        answer.Content.Headers.ContentType!.MediaType.Should().Be("application/problem+json");
    }

    [Fact]
    public async Task A_list_says_where_the_problems_of_other_processes_are()
    {
        await using TestService service = await TestService.StartAsync(await postgres.NewDatabaseAsync());

        using HttpResponseMessage list = await service.SendAsync(HttpMethod.Get, "/problems", accept: "text/plain");

        (await list.Content.ReadAsStringAsync()).Should().Be(
            "no problems\n\nProblems that only one process knows are listed by that process: failing, unknown-definition, passes-fail, fenced.\n");
    }

    private static Task<JsonElement> ListAsync(TestService service) => service.JsonAsync("/problems");

    private static async Task<SagaId> StuckAsync(TestService service)
    {
        SagaId saga = await service.StartSagaAsync();
        await service.QueryAsync<int?>(
            "update saga_recovery.saga set state = 'stuck', time_ended = clock_timestamp(), failed_node = 'first', error_code = 'quota' where id = @id returning 1", new { id = saga.Value });
        return saga;
    }
}
