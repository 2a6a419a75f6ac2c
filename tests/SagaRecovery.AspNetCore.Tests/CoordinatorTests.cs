using System.Net;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using SagaRecovery.AspNetCore.Tests.Support;
using SagaRecovery.Execution;

namespace SagaRecovery.AspNetCore.Tests;

/// <summary>The coordinators of one database, and the operator actions that reassign their sagas: reassign and drain.</summary>
[Collection(OnPostgres.Name)]
public sealed class CoordinatorTests(PostgresCluster postgres) : IAsyncLifetime
{
    private static readonly Guid Stranger = Guid.NewGuid();
    private string _database = "";
    private TestService _service = null!;

    public async ValueTask InitializeAsync()
    {
        _database = await postgres.NewDatabaseAsync();
        _service = await StartAsync();
    }

    public async ValueTask DisposeAsync() => await _service.DisposeAsync();

    [Fact]
    public async Task Each_coordinator_is_listed_with_its_state_and_definitions()
    {
        Guid dead = await DeadAsync();

        JsonElement[] all = [.. (await _service.JsonAsync("/coordinators")).EnumerateArray()];

        JsonElement us = all.Single(one => one.GetProperty("id").GetGuid() == _service.CoordinatorId);
        (us.GetProperty("state").GetString(), us.GetProperty("answers").GetBoolean()).Should().Be(("Active", true));
        us.GetProperty("version").GetString().Should().NotBeNullOrEmpty();
        us.GetProperty("definitions").EnumerateArray().Select(one => one.GetString()).Should().Equal("gated v1");
        JsonElement silent = all.Single(one => one.GetProperty("id").GetGuid() == dead);
        (silent.GetProperty("state").GetString(), silent.GetProperty("answers").GetBoolean()).Should().Be(("Active", false));
    }

    [Fact]
    public async Task Orphans_and_sagas_of_down_owners_are_counted_by_owner()
    {
        Guid dead = await DeadAsync();
        await SetOwnerAsync(await _service.StartSagaAsync(), dead);
        await SetOwnerAsync(await _service.StartSagaAsync(), Stranger);
        await SetOwnerAsync(await _service.StartSagaAsync(), owner: null);
        await _service.StartSagaAsync();

        JsonElement cluster = await _service.JsonAsync("/cluster");

        cluster.GetProperty("orphans").GetProperty("count").GetInt64().Should().Be(2);
        cluster.GetProperty("orphans").GetProperty("oldest").GetDateTimeOffset().Should().BeCloseTo(DateTimeOffset.UtcNow, TimeSpan.FromMinutes(1));
        cluster.GetProperty("ownerDown").GetProperty("count").GetInt64().Should().Be(1);
        cluster.GetProperty("owners").EnumerateArray().Select(one => (
            one.GetProperty("owner").ValueKind == JsonValueKind.Null ? (Guid?)null : one.GetProperty("owner").GetGuid(),
            one.GetProperty("isKnown").GetBoolean(),
            one.GetProperty("answers").GetBoolean(),
            one.GetProperty("count").ValueKind == JsonValueKind.Null ? (long?)null : one.GetProperty("count").GetInt64()))
            .Should().BeEquivalentTo(new (Guid?, bool, bool, long?)[] { (dead, true, false, 1), (Stranger, false, false, 1), (null, false, false, 1), (_service.CoordinatorId, true, true, null) });
    }

    [Fact]
    public async Task The_sagas_of_a_silent_coordinator_are_reassigned_and_waited_for_and_the_operator_action_is_recorded()
    {
        Guid dead = await DeadAsync();
        SagaId saga = await _service.StartSagaAsync();
        await SetOwnerAsync(saga, dead);

        JsonElement answer = await ShouldBeAsync(HttpStatusCode.OK, await ReassignAsync($"{dead}", new { reason = "its node burnt", wait = 30 }));

        answer.GetProperty("result").GetString().Should().Be("Done");
        answer.GetProperty("receipts").EnumerateArray().Single().GetProperty("to").GetGuid().Should().Be(_service.CoordinatorId);
        answer.GetProperty("caughtUp").EnumerateArray().Single().GetProperty("notRunning").GetInt32().Should().Be(0);
        answer.GetProperty("message").GetString().Should().Be(
            $"reassign: done, 1 saga of coordinator {dead} reassigned: 1 to {_service.CoordinatorId}. They have been recovered.");
        (await _service.JsonAsync($"/sagas/{saga}/explain")).GetProperty("verdict").GetString().Should().Be("RunningHere");
        JsonElement action = (await _service.JsonAsync("")).GetProperty("recentActions").EnumerateArray().Single();
        (action.GetProperty("kind").GetString(), action.GetProperty("coordinator").GetGuid()).Should().Be(("Reassign", dead));
        _service.Log.Lines.Should().Contain(
            $"operator action reassign on coordinator {dead} by {TestUsers.Operator}: its node burnt (to {_service.CoordinatorId})");
    }

    [Fact]
    public async Task The_sagas_of_an_owner_that_answers_stay_unless_overridden()
    {
        await using TestService other = await StartAsync();
        SagaId saga = await other.StartSagaAsync();

        JsonElement refused = await ShouldBeAsync(HttpStatusCode.Conflict, await ReassignAsync($"{other.CoordinatorId}", new { reason = "x" }));
        (await OwnerAsync(saga)).Should().Be(other.CoordinatorId);
        JsonElement done = await ShouldBeAsync(
            HttpStatusCode.OK,
            await ReassignAsync($"{other.CoordinatorId}", new { reason = "x", to = new[] { _service.CoordinatorId }, evenIfOwnerAnswers = true }));

        (refused.GetProperty("result").GetString(), refused.GetProperty("owner").GetProperty("id").GetGuid()).Should().Be(("OwnerAnswers", other.CoordinatorId));
        done.GetProperty("result").GetString().Should().Be("Done");
        (await OwnerAsync(saga)).Should().Be(_service.CoordinatorId);
    }

    [Fact]
    public async Task Orphans_of_any_former_owner_get_an_owner()
    {
        SagaId strangers = await _service.StartSagaAsync();
        SagaId unowned = await _service.StartSagaAsync();
        await SetOwnerAsync(strangers, Stranger);
        await SetOwnerAsync(unowned, owner: null);

        await ShouldBeAsync(HttpStatusCode.OK, await ReassignAsync($"{Stranger}", new { reason = "x", wait = 30 }));
        await ShouldBeAsync(HttpStatusCode.OK, await ReassignAsync("unowned", new { reason = "y", wait = 30 }));

        (await OwnerAsync(strangers)).Should().Be(_service.CoordinatorId);
        (await OwnerAsync(unowned)).Should().Be(_service.CoordinatorId);
        _service.Log.Lines.Should().Contain($"operator action reassign on unowned sagas by {TestUsers.Operator}: y (to {_service.CoordinatorId})");
        (await ShouldBeAsync(HttpStatusCode.OK, await ReassignAsync("unowned", new { reason = "z" }))).GetProperty("message").GetString()
            .Should().Be("reassign: done, no unfinished saga was unowned.");
    }

    [Fact]
    public async Task Waiting_ends_at_its_timeout_and_reports_it()
    {
        Guid paused = await DeadAsync();
        await SetOwnerAsync(await _service.StartSagaAsync(), paused);
        await _service.QueryAsync<int>( // answers, takes, and runs nothing
            "update saga_recovery.saga_coordinator set profile_incarnation = incarnation, time_seen = now() + interval '1 h' where id = @taker", new { taker = await DeadAsync() });
        Guid taker = await _service.QueryAsync<Guid>("select id from saga_recovery.saga_coordinator where time_seen > now()");

        JsonElement answer = await ShouldBeAsync(HttpStatusCode.OK, await ReassignAsync($"{paused}", new { reason = "x", to = new[] { taker }, wait = 0.05 }));

        answer.GetProperty("caughtUp").ValueKind.Should().Be(JsonValueKind.Null);
        answer.GetProperty("message").GetString().Should().EndWith("They have not been recovered within 50ms; recovery continues.");
    }

    [Fact]
    public async Task A_reassignment_that_makes_no_sense_moves_nothing()
    {
        Guid dead = await DeadAsync();
        SagaId saga = await _service.StartSagaAsync();
        await SetOwnerAsync(saga, dead);

        await ShouldBeAsync(HttpStatusCode.NotFound, await ReassignAsync($"{Guid.NewGuid()}", new { reason = "x" }));
        await ShouldBeAsync(HttpStatusCode.NotFound, await ReassignAsync($"{dead}", new { reason = "x", to = new[] { Guid.NewGuid() } }));
        await ShouldBeAsync(HttpStatusCode.Conflict, await ReassignAsync($"{dead}", new { reason = "x", to = new[] { await DeadAsync() } }));
        foreach (object body in new object[]
        {
            new { }, new { reason = "" }, new { reason = "x", to = "y" }, new { reason = "x", to = new[] { "y" } },
            new { reason = "x", to = new[] { dead } }, new { reason = "x", wait = -1 }, new { reason = "x", wait = 601 }, new { reason = "x", wait = "long" },
        })
        {
            await ShouldBeAsync(HttpStatusCode.BadRequest, await ReassignAsync($"{dead}", body));
        }

        await ShouldBeAsync(HttpStatusCode.BadRequest, await ReassignAsync("somebody", new { reason = "x" }));
        (await OwnerAsync(saga)).Should().Be(dead);
        (await _service.QueryAsync<long>("select count(*) from saga_recovery.saga_operator_action")).Should().Be(0);
    }

    [Theory]
    [InlineData("text/plain", "{\"reason\":\"x\",\"evenIfOwnerAnswers\":true}")]
    [InlineData("application/x-www-form-urlencoded", "reason=x&evenIfOwnerAnswers=true")]
    public async Task A_cross_site_request_changes_nothing(string type, string body)
    {
        foreach (string kind in new[] { "/drain", "/coordinators/unowned/reassign", $"/coordinators/{_service.CoordinatorId}/reassign" })
        {
            using var content = new StringContent(body, encoding: null, type);
            await ShouldBeAsync(HttpStatusCode.UnsupportedMediaType, await _service.SendAsync(HttpMethod.Post, kind, TestUsers.Operator, content));
        }

        (await _service.QueryAsync<long>("select count(*) from saga_recovery.saga_operator_action")).Should().Be(0);
    }

    [Fact]
    public async Task A_drain_is_answered_at_once_and_the_status_shows_its_progress()
    {
        SagaId saga = await _service.StartSagaAsync();
        await ShouldBeAsync(HttpStatusCode.BadRequest, await _service.PerformAsync("/drain", new { reason = "x", gracePeriod = -1 }));
        await ShouldBeAsync(HttpStatusCode.BadRequest, await _service.PerformAsync("/drain", new { gracePeriod = 5 }));
        (await _service.JsonAsync("")).GetProperty("drain").ValueKind.Should().Be(JsonValueKind.Null);

        JsonElement began = await ShouldBeAsync(HttpStatusCode.Accepted, await _service.PerformAsync("/drain", new { reason = "version 2", gracePeriod = 3600 }));
        JsonElement again = await ShouldBeAsync(HttpStatusCode.Accepted, await _service.PerformAsync("/drain", new { reason = "version 3" }));
        Func<Task> start = () => _service.App.Services.GetRequiredService<SagaClient>().StartAsync(_service.App.Services.GetRequiredService<GatedSaga>(), "x");

        began.GetProperty("phase").GetString().Should().Be("WaitingForRuns");
        again.GetProperty("note").GetProperty("reason").GetString().Should().Be("version 2", "it is the same drain");
        await start.Should().ThrowAsync<SagaStartRefusedException>();
        HealthReport health = await _service.App.Services.GetRequiredService<HealthCheckService>().CheckHealthAsync();
        (health.Status, health.Entries["saga-recovery-ready"].Data["drain"]).Should().Be((HealthStatus.Unhealthy, "WaitingForRuns"));

        await _service.PerformAsync($"/sagas/{saga}/abandon", new { reason = "let it end" });
        await Eventually.HoldsAsync(
            async () => (await _service.JsonAsync("")).GetProperty("drain").GetProperty("phase").GetString() == "Drained", "the drain was over");
        await Eventually.HoldsAsync(
            async () => (await _service.JsonAsync("/coordinators"))[0].GetProperty("state").GetString() == "Draining", "the others see it");
        (await (await _service.SendAsync(HttpMethod.Get, "")).Content.ReadAsStringAsync()).Should()
            .Contain("DRAINING for ").And.Contain($"requested by {TestUsers.Operator}: version 2. No new sagas start. Drained: 0 reassigned, none left.");
    }

    private async Task<TestService> StartAsync()
    {
        TestService service = await TestService.StartAsync(
            _database, TestService.ForOperators, services: builder => builder.Services.AddHealthChecks().AddSagaRecovery());
        await Eventually.HoldsAsync(
            () => service.QueryAsync<bool>(
                "select coalesce(profile_incarnation = incarnation, false) from saga_recovery.saga_coordinator where id = @Id", new { Id = service.CoordinatorId }),
            "it had registered its definitions");
        return service;
    }

    /// <summary>A coordinator without a heartbeat for a minute.</summary>
    private async Task<Guid> DeadAsync()
    {
        var dead = Guid.NewGuid();
        await _service.QueryAsync<int>(CoordinatorRows.InsertDead, new { dead });
        return dead;
    }

    private Task<int> SetOwnerAsync(SagaId saga, Guid? owner) => _service.QueryAsync<int>(
        "update saga_recovery.saga set current_coordinator = @owner, adopt_generation = adopt_generation + 1 where id = @Id", new { owner, Id = saga.Value });

    private Task<Guid> OwnerAsync(SagaId saga) =>
        _service.QueryAsync<Guid>("select current_coordinator from saga_recovery.saga where id = @Id", new { Id = saga.Value });

    private Task<HttpResponseMessage> ReassignAsync(string from, object body) => _service.PerformAsync($"/coordinators/{from}/reassign", body);

    private static async Task<JsonElement> ShouldBeAsync(HttpStatusCode status, HttpResponseMessage response)
    {
        using (response)
        {
            string answer = await response.Content.ReadAsStringAsync();
            response.StatusCode.Should().Be(status, answer);
            return JsonDocument.Parse(answer).RootElement;
        }
    }
}
