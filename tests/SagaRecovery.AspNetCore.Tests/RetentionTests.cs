using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using SagaRecovery.AspNetCore.Tests.Support;

namespace SagaRecovery.AspNetCore.Tests;

[Collection(OnPostgres.Name)]
public sealed class RetentionTests(PostgresCluster postgres) : IAsyncLifetime
{
    private TestService _service = null!;

    public async ValueTask InitializeAsync() => _service = await TestService.StartAsync(await postgres.NewDatabaseAsync(), TestService.ForOperators);

    public async ValueTask DisposeAsync() => await _service.DisposeAsync();

    [Fact]
    public async Task A_purge_is_a_dry_run_unless_it_says_otherwise()
    {
        JsonElement dryRun = await AnswerAsync("/purge", new { reason = "how much?", olderThan = "00:00:01" }, HttpStatusCode.OK);
        JsonElement done = await AnswerAsync("/purge", JsonDocument.Parse("""{"reason":"OPS-12","olderThan":"30.00:00:00","delete":true,"states":["Stuck"]}""").RootElement, HttpStatusCode.OK);

        dryRun.GetProperty("message").GetString().Should().Be("purge: would delete 0 sagas, 0.0 MB");
        dryRun.GetProperty("counts").GetArrayLength().Should().Be(0);
        done.GetProperty("isComplete").GetBoolean().Should().BeTrue();
        done.GetProperty("deleted").GetInt64().Should().Be(0);
        _service.Log.Lines.Should().ContainSingle(line => line.StartsWith($"purge by {TestUsers.Operator}; deleted sagas: 0", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("""{"reason":"x"}""", "'olderThan' is missing.")]
    [InlineData("""{"olderThan":"1.00:00:00"}""", "'reason' is missing.")]
    [InlineData("""{"reason":"x","olderThan":"1.00:00:00","definitions":["demo"]}""", "The body must not have 'definitions'. It may have 'olderThan', 'reason', ")]
    [InlineData("""{"reason":"x","olderThan":"soon"}""", "The value at $.olderThan of the body is not valid.")]
    [InlineData("""{"reason":"x","olderThan":"1.00:00:00","version":2}""", "'version' needs a 'definition'.")]
    [InlineData("[]", "The body must be a JSON object with 'olderThan' and 'reason'.")]
    public async Task A_wrong_body_is_refused_with_its_fault(string body, string fault)
    {
        using HttpResponseMessage answer = await _service.PerformAsync("/purge", JsonDocument.Parse(body).RootElement);

        answer.StatusCode.Should().Be(HttpStatusCode.BadRequest);
        (await answer.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("detail").GetString().Should().StartWith(fault);
    }

    [Theory]
    [InlineData("""{"reason":"x","olderThan":"00:00:00"}""")]
    [InlineData("""{"reason":"x","olderThan":"-1.00:00:00"}""")]
    [InlineData("""{"reason":"x","olderThan":"1.00:00:00","states":["Running"]}""")]
    [InlineData("""{"reason":"","olderThan":"1.00:00:00"}""")]
    [InlineData("""{"reason":"x","olderThan":"1.00:00:00","continuation":"x"}""")]
    [InlineData("""{"reason":"x","olderThan":"1.00:00:00","continuation":""}""")]
    [InlineData("""{"reason":"x","olderThan":"1.00:00:00","continuation":"unwound.-.-.-.0123456789abcdef"}""")]
    public async Task A_purge_with_a_wrong_body_is_refused(string body)
    {
        using HttpResponseMessage answer = await _service.PerformAsync("/purge", JsonDocument.Parse(body).RootElement);

        answer.StatusCode.Should().Be(HttpStatusCode.BadRequest);
    }

    [Fact]
    public async Task A_privilege_that_the_service_lacks_is_named_and_no_reason_to_repeat_the_request()
    {
        await _service.QueryAsync<object?>("""
            insert into saga_recovery.saga_definition (hash, name, version, dag) values (sha256('{}'), 'old', 1, '{}');
            insert into saga_recovery.saga (id, name, creator, definition_hash, params, state, time_created, time_ended)
            values (gen_random_uuid(), 'old', gen_random_uuid(), sha256('{}'), '1', 'succeeded', now() - interval '2 days', now() - interval '2 days');
            create function saga_recovery.refuse() returns trigger language plpgsql as
                'begin raise exception ''permission denied for table saga'' using errcode = ''insufficient_privilege''; end';
            create trigger refuse before delete on saga_recovery.saga for each row execute function saga_recovery.refuse();
            """);

        JsonElement problem = await AnswerAsync("/purge", new { reason = "x", olderThan = "1.00:00:00", delete = true }, HttpStatusCode.InternalServerError);

        problem.GetProperty("detail").GetString().Should().Be("The database role of this service lacks a privilege: permission denied for table saga");
        _service.Log.Lines.Should().ContainSingle(line => line.StartsWith("responded with 500: ", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_coordinator_that_answers_is_not_forgotten()
    {
        string own = (await _service.JsonAsync("")).GetProperty("coordinator").GetProperty("id").GetString()!;

        (await AnswerAsync($"/coordinators/{own}/forget", new { reason = "x" }, HttpStatusCode.Conflict)).GetProperty("result").GetString().Should().Be("OwnerAnswers");
        (await AnswerAsync($"/coordinators/{Guid.NewGuid()}/forget", new { reason = "x" }, HttpStatusCode.NotFound)).GetProperty("result").GetString().Should().Be("NoSuchCoordinator");
        await AnswerAsync("/coordinators/me/forget", new { reason = "x" }, HttpStatusCode.BadRequest);
    }

    private async Task<JsonElement> AnswerAsync(string path, object body, HttpStatusCode expected)
    {
        using HttpResponseMessage answer = await _service.PerformAsync(path, body);
        answer.StatusCode.Should().Be(expected);
        return await answer.Content.ReadFromJsonAsync<JsonElement>();
    }
}
