using System.Net;
using System.Text.Json;
using SagaRecovery.AspNetCore.Tests.Support;
using SagaRecovery.Storage;

namespace SagaRecovery.AspNetCore.Tests;

[Collection(OnPostgres.Name)]
public sealed class ReportTests(BadInputTests.OneService one) : IClassFixture<BadInputTests.OneService>
{
    private readonly TestService _service = one.Service;

    [Theory]
    [InlineData(null, "text/plain")]
    [InlineData("*/*", "text/plain")]
    [InlineData("application/json", "application/json")]
    [InlineData("application/json;q=0.5, text/plain;q=0.4", "application/json")]
    [InlineData("text/html", "text/html")]
    [InlineData("text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8", "text/html")]
    [InlineData("text/html;q=0.8, application/json", "application/json")]
    [InlineData("text/*", "text/plain")]
    [InlineData("image/png", "text/plain")]
    public async Task The_status_comes_in_the_preferred_form(string? accept, string type)
    {
        using HttpResponseMessage response = await _service.SendAsync(HttpMethod.Get, "", accept: accept);

        response.StatusCode.Should().Be(HttpStatusCode.OK);
        response.Content.Headers.ContentType!.MediaType.Should().Be(type);
        response.Headers.CacheControl!.NoStore.Should().BeTrue();
        response.Headers.GetValues("X-Content-Type-Options").Should().Equal("nosniff");
        response.Headers.Vary.Should().Equal("Accept");
        (await response.Content.ReadAsStringAsync()).Should().StartWith(type switch { "text/plain" => "task: \"saga_recovery\"", "text/html" => "<!doctype html>", _ => "{" });
    }

    [Fact]
    public async Task JSON_holds_the_version_of_its_form() =>
        (await _service.JsonAsync("")).GetProperty("schemaVersion").GetInt32().Should().Be(1);

    [Fact]
    public async Task A_running_saga_is_listed_shown_counted_explained_and_planned()
    {
        SagaId saga = await _service.StartSagaAsync();

        JsonElement[] listed = [.. (await _service.JsonAsync($"/sagas?state=running&name=gated&owner={_service.CoordinatorId}&limit=1")).EnumerateArray()];
        listed.Should().ContainSingle().Which.GetProperty("id").GetGuid().Should().Be(saga.Value);
        SagaCursor place = new(listed[0].GetProperty("timeCreated").GetDateTimeOffset(), saga);
        (await _service.JsonAsync($"/sagas?before={place}")).EnumerateArray().Should().NotContain(older => older.GetProperty("id").GetGuid() == saga.Value);
        JsonElement shown = await _service.JsonAsync($"/sagas/{saga}");
        shown.GetProperty("graph").GetProperty("nodes").EnumerateArray().Select(node => node.GetProperty("name").GetString()).Should().Equal("first", "endless");
        shown.GetProperty("events").EnumerateArray().Select(logged => $"{logged.GetProperty("node")} {logged.GetProperty("type")}")
            .Should().Equal("first Started", "first Succeeded", "endless Started");
        (await _service.JsonAsync("/counts")).GetProperty("unfinished").EnumerateArray().Should().Contain(count =>
            count.GetProperty("name").GetString() == "gated" && count.GetProperty("state").GetString() == "Running" && count.GetProperty("count").GetInt64() > 0);
        (await _service.JsonAsync($"/sagas/{saga}/explain")).GetProperty("verdict").GetString().Should().Be("RunningHere");
        JsonElement bucket = (await _service.JsonAsync("/plan")).GetProperty("buckets").EnumerateArray().Single(one => one.GetProperty("name").GetString() == "already running or queued");
        bucket.GetProperty("sagas").EnumerateArray().Select(id => id.GetGuid()).Should().Contain(saga.Value);
        JsonElement coordinator = (await _service.JsonAsync("/coordinators")).EnumerateArray().Single(one => one.GetProperty("id").GetGuid() == _service.CoordinatorId);
        coordinator.GetProperty("answers").GetBoolean().Should().BeTrue();
    }

    [Fact]
    public async Task Each_definition_is_listed_with_its_hash_its_sagas_and_the_processes_that_can_run_it()
    {
        await _service.StartSagaAsync();

        JsonElement list = await _service.JsonAsync("/definitions");

        JsonElement gated = list.GetProperty("definitions").EnumerateArray().Single(one => one.GetProperty("name").GetString() == "gated");
        gated.GetProperty("version").GetInt32().Should().Be(1);
        gated.GetProperty("hash").GetString().Should().MatchRegex("^[0-9a-f]{64}$");
        gated.GetProperty("unfinished").GetInt64().Should().BePositive();
        gated.GetProperty("need").GetString().Should().Be("UnfinishedSagas");
        gated.GetProperty("runBy").EnumerateArray().Select(one => one.GetGuid()).Should().Contain(_service.CoordinatorId);
        list.GetProperty("runAny").EnumerateArray().Should().BeEmpty();
    }

    [Fact]
    public async Task An_explanation_is_a_few_lines_where_no_JSON_is_asked_for()
    {
        SagaId saga = await _service.StartSagaAsync();

        using HttpResponseMessage response = await _service.SendAsync(HttpMethod.Get, $"/sagas/{saga}/explain", accept: "*/*");

        string text = await response.Content.ReadAsStringAsync();
        text.Should().StartWith($"saga {saga}: running here\n  why:        This process started it and runs it.\n").And.Contain("last event: endless started at ");
        text.Should().Contain("  step:       action of endless, attempt 1 running for ");
        text.Should().Contain($"  owner:      {_service.CoordinatorId} ({Environment.MachineName}, process {Environment.ProcessId}, answers, last seen ");
    }

    [Fact]
    public async Task The_steps_of_a_running_saga_are_in_its_explanation()
    {
        SagaId saga = await _service.StartSagaAsync();

        JsonElement run = (await _service.JsonAsync($"/sagas/{saga}/explain")).GetProperty("run");

        run.GetProperty("phase").GetString().Should().Be("Running");
        JsonElement step = run.GetProperty("steps").EnumerateArray().Should().ContainSingle().Which;
        (step.GetProperty("node").GetString(), step.GetProperty("attempt").GetInt32()).Should().Be(("endless", 1));
        step.GetProperty("attemptSince").GetDateTimeOffset().Should().BeOnOrAfter(step.GetProperty("since").GetDateTimeOffset());
    }
}
