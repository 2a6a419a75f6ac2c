using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using SagaRecovery.AspNetCore.Tests.Support;

namespace SagaRecovery.AspNetCore.Tests;

[Collection(OnPostgres.Name)]
public sealed class OperatorActionTests(PostgresCluster postgres) : IAsyncLifetime
{
    private TestService _service = null!;

    public async ValueTask InitializeAsync() => _service = await TestService.StartAsync(await postgres.NewDatabaseAsync(), TestService.ForOperators);

    public async ValueTask DisposeAsync() => await _service.DisposeAsync();

    [Fact]
    public async Task A_pause_and_its_end_appear_in_status_and_log_with_actor_and_reason()
    {
        await ShouldBeDoneAsync("/pause", new { reason = "looking into it" });
        JsonElement paused = (await _service.JsonAsync("")).GetProperty("paused").GetProperty("note");
        await ShouldBeDoneAsync("/resume", new { reason = "found it" });
        JsonElement report = await _service.JsonAsync("");

        paused.GetProperty("actor").GetString().Should().Be(TestUsers.Operator);
        paused.GetProperty("reason").GetString().Should().Be("looking into it");
        report.GetProperty("paused").ValueKind.Should().Be(JsonValueKind.Null);
        report.GetProperty("recentActions").EnumerateArray().Select(action => action.GetProperty("kind").GetString()).Should().Equal("Pause", "Resume");
        _service.Log.Lines.Should().Contain($"operator action pause on recovery by {TestUsers.Operator}: looking into it")
            .And.Contain($"operator action resume on recovery by {TestUsers.Operator}: found it");
    }

    [Fact]
    public async Task A_hold_is_released_once_and_then_answered_with_the_present_state()
    {
        SagaId saga = await _service.StartSagaAsync();

        await ShouldBeDoneAsync($"/sagas/{saga}/hold", new { reason = "wait" });
        (await _service.JsonAsync($"/sagas/{saga}")).GetProperty("hold").GetProperty("note").GetProperty("reason").GetString().Should().Be("wait");
        await ShouldBeDoneAsync($"/sagas/{saga}/release", new { reason = "go" });
        using HttpResponseMessage again = await _service.PerformAsync($"/sagas/{saga}/release", new { reason = "go" });

        again.StatusCode.Should().Be(HttpStatusCode.Conflict);
        JsonElement answer = await again.Content.ReadFromJsonAsync<JsonElement>();
        answer.GetProperty("result").GetString().Should().Be("Superseded");
        answer.GetProperty("present").GetProperty("state").GetString().Should().Be("Running");
        answer.GetProperty("message").GetString().Should().Contain("it is not held");
    }

    [Fact]
    public async Task A_cancelled_saga_unwinds_and_is_not_cancelled_again()
    {
        SagaId saga = await _service.StartSagaAsync();

        await ShouldBeDoneAsync($"/sagas/{saga}/cancel", new { reason = "the customer has left" });
        using HttpResponseMessage again = await _service.PerformAsync($"/sagas/{saga}/cancel", new { reason = "again" });
        using HttpResponseMessage unknown = await _service.PerformAsync($"/sagas/{Guid.NewGuid()}/cancel", new { reason = "who?" });

        again.StatusCode.Should().Be(HttpStatusCode.Conflict);
        (await again.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("result").GetString().Should().Be("Superseded");
        unknown.StatusCode.Should().Be(HttpStatusCode.NotFound);
        (await _service.JsonAsync($"/sagas/{saga}")).GetProperty("cancellation").GetProperty("note").GetProperty("reason").GetString()
            .Should().Be("the customer has left");
        await Eventually.HoldsAsync(
            async () => (await _service.JsonAsync($"/sagas/{saga}/explain")).GetProperty("reason").GetString()!.StartsWith("It was cancelled", StringComparison.Ordinal),
            "the saga was unwound");
    }

    [Fact]
    public async Task A_hold_can_stop_the_run()
    {
        SagaId saga = await _service.StartSagaAsync();

        await ShouldBeDoneAsync($"/sagas/{saga}/hold", new { reason = "wait", stopRun = true });

        (await _service.JsonAsync($"/sagas/{saga}")).GetProperty("hold").GetProperty("stopsRun").GetBoolean().Should().BeTrue();
    }

    [Fact]
    public async Task An_abandoned_saga_is_not_abandoned_again()
    {
        SagaId saga = await _service.StartSagaAsync();

        await ShouldBeDoneAsync($"/sagas/{saga}/abandon", new { reason = "hopeless" });
        using HttpResponseMessage again = await _service.PerformAsync($"/sagas/{saga}/abandon", new { reason = "hopeless" });

        again.StatusCode.Should().Be(HttpStatusCode.Conflict);
        (await again.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("present").GetProperty("state").GetString().Should().Be("Abandoned");
        (await _service.JsonAsync($"/sagas/{saga}")).GetProperty("abandonment").GetProperty("comment").GetString()
            .Should().Be($"{TestUsers.Operator}: hopeless");
        (await _service.JsonAsync($"/sagas/{saga}/explain")).GetProperty("verdict").GetString().Should().Be("Abandoned");
    }

    [Fact]
    public async Task A_saga_that_changed_since_the_operator_saw_it_is_not_abandoned()
    {
        SagaId saga = await _service.StartSagaAsync();

        using HttpResponseMessage response = await _service.PerformAsync($"/sagas/{saga}/abandon", new { reason = "x", state = "Unwinding" });

        response.StatusCode.Should().Be(HttpStatusCode.Conflict);
        (await StateAsync(saga)).Should().Be("running");
    }

    [Fact]
    public async Task Nothing_is_abandoned_from_under_an_owner_that_answers_unless_forced()
    {
        Guid other = Guid.NewGuid();
        await _service.QueryAsync<int>(CoordinatorRows.InsertAnswering, new { other });
        SagaId saga = await _service.StartSagaAsync();
        await _service.QueryAsync<int>(
            "update saga_recovery.saga set current_coordinator = @other, adopt_generation = 2 where id = @id", new { other, id = saga.Value });

        using HttpResponseMessage refused = await _service.PerformAsync($"/sagas/{saga}/abandon", new { reason = "x" });
        string stateThen = await StateAsync(saga);
        await ShouldBeDoneAsync($"/sagas/{saga}/abandon", new { reason = "x", force = true });

        refused.StatusCode.Should().Be(HttpStatusCode.Conflict);
        JsonElement answer = await refused.Content.ReadFromJsonAsync<JsonElement>();
        answer.GetProperty("result").GetString().Should().Be("OwnerAnswers");
        answer.GetProperty("owner").GetProperty("host").GetString().Should().Be("elsewhere");
        stateThen.Should().Be("running");
        (await StateAsync(saga)).Should().Be("abandoned");
    }

    [Fact]
    public async Task An_injected_error_unwinds_the_saga()
    {
        SagaId saga = await _service.StartSagaAsync();

        using HttpResponseMessage ended = await _service.PerformAsync($"/sagas/{saga}/inject-error", new { reason = "x", node = "first" });
        ended.StatusCode.Should().Be(HttpStatusCode.Conflict, "its action has ended");
        await ShouldBeDoneAsync($"/sagas/{saga}/inject-error", new { reason = "stuck for an hour", node = "endless" });

        await Eventually.HoldsAsync(async () => await StateAsync(saga) == "unwound", "it was unwound");
        (await _service.JsonAsync($"/sagas/{saga}")).GetProperty("events").EnumerateArray()
            .Single(logged => logged.GetProperty("type").GetString() == "Failed").GetProperty("data").GetString().Should().Contain("stuck for an hour");
    }

    [Theory]
    [InlineData("retry-undo")]
    [InlineData("skip-undo")]
    public async Task A_stuck_saga_is_unwound(string kind)
    {
        SagaId saga = await _service.StartSagaAsync();
        using HttpResponseMessage early = await _service.PerformAsync($"/sagas/{saga}/{kind}", new { reason = "x", node = "first" });
        await GetStuckAsync(saga);
        (await _service.JsonAsync($"/sagas/{saga}/explain")).GetProperty("advice").GetString().Should().Contain($"sagas {kind} {saga}");
        using HttpResponseMessage other = await _service.PerformAsync($"/sagas/{saga}/skip-undo", new { reason = "x", node = "endless" });

        await ShouldBeDoneAsync($"/sagas/{saga}/{kind}", new { reason = "open again", node = "first", state = "Stuck", generation = 2 });

        await Eventually.HoldsAsync(async () => await StateAsync(saga) == "unwound", "it was unwound");
        early.StatusCode.Should().Be(HttpStatusCode.Conflict);
        (await early.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("message").GetString().Should().StartWith($"{kind}: not done, it is running, {(kind == "skip-undo" ? "neither unwinding nor stuck" : "not stuck")}; ");
        other.StatusCode.Should().Be(HttpStatusCode.Conflict);
        (await other.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("message").GetString().Should().Contain("the undo of node 'endless' has not failed");
        (await _service.QueryAsync<string>("select reason from saga_recovery.saga_operator_action where action = @kind", new { kind }))
            .Should().Be("open again (the undo of 'first' had failed: closed: its account is closed)");
    }

    [Fact]
    public async Task A_retry_is_recorded_and_runs_a_pass()
    {
        SagaId saga = await _service.StartSagaAsync();

        await ShouldBeDoneAsync($"/sagas/{saga}/retry", new { reason = "now" });

        await Eventually.HoldsAsync(
            async () => (await _service.JsonAsync("")).GetProperty("lastPass").GetProperty("start").GetProperty("reason").GetString() == "OperatorAction", "a pass was run for it");
        (await _service.QueryAsync<string>("select actor from saga_recovery.saga_operator_action where action = 'retry'")).Should().Be(TestUsers.Operator);
    }

    [Fact]
    public async Task Activating_runs_a_pass_and_answers_with_its_report()
    {
        using HttpResponseMessage json = await _service.SendAsync(HttpMethod.Post, "/activate", TestUsers.Operator, accept: "application/json");
        using HttpResponseMessage text = await _service.SendAsync(HttpMethod.Post, "/activate", TestUsers.Operator);

        (await json.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("start").GetProperty("reason").GetString().Should().Be("Explicit");
        (await text.Content.ReadAsStringAsync()).Should().Contain("triggered by a request");
    }

    [Theory]
    [InlineData("hold")]
    [InlineData("release")]
    [InlineData("retry")]
    [InlineData("abandon")]
    [InlineData("inject-error")]
    [InlineData("retry-undo")]
    [InlineData("skip-undo")]
    public async Task No_operator_action_applies_to_a_saga_that_does_not_exist(string kind)
    {
        using HttpResponseMessage response = await _service.PerformAsync($"/sagas/{Guid.NewGuid()}/{kind}", new { reason = "x", node = "first" });

        response.StatusCode.Should().Be(HttpStatusCode.NotFound);
        (await response.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("result").GetString().Should().Be("NoSuchSaga");
    }

    [Fact]
    public async Task A_signed_in_user_cannot_run_an_operator_action_in_another_name()
    {
        await ShouldBeDoneAsync("/pause", new { reason = "x", actor = "somebody else" });

        (await _service.QueryAsync<string>("select actor from saga_recovery.saga_operator_action")).Should().Be(TestUsers.Operator);
    }

    /// <summary>Leaves the rows of a saga whose second node and whose first undo failed, at a generation that ends its run.</summary>
    private async Task GetStuckAsync(SagaId saga)
    {
        await _service.QueryAsync<int>(
            """
            update saga_recovery.saga set state = 'stuck', adopt_generation = 2 where id = @id;
            insert into saga_recovery.saga_node_event (saga_id, node_id, event_type, data, creator)
            select @id, e.node, e.type, e.data::json, s.creator from saga_recovery.saga s, (values
                (1, 'failed', '{"code":"refused","message":"as always"}'), (0, 'undo_started', null),
                (0, 'undo_failed', '{"code":"closed","message":"its account is closed"}')) as e (node, type, data)
            where s.id = @id
            """,
            new { id = saga.Value });
    }

    private async Task ShouldBeDoneAsync(string path, object body)
    {
        using HttpResponseMessage response = await _service.PerformAsync(path, body);
        string answer = await response.Content.ReadAsStringAsync();
        response.StatusCode.Should().Be(HttpStatusCode.OK, answer);
        JsonDocument.Parse(answer).RootElement.GetProperty("result").GetString().Should().Be("Done");
    }

    private Task<string> StateAsync(SagaId saga) =>
        _service.QueryAsync<string>("select state from saga_recovery.saga where id = @Id", new { Id = saga.Value });
}
