using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using SagaRecovery.AspNetCore.Tests.Support;

namespace SagaRecovery.AspNetCore.Tests;

/// <summary>Rows that .NET cannot represent, such as times before year 1: each is shown as bad, and alone.</summary>
[Collection(OnPostgres.Name)]
public sealed class BadRowTests(PostgresCluster postgres) : IAsyncLifetime
{
    private static readonly string[] s_badTimes = ["0044-03-15 12:00:00 BC", "infinity", "-infinity", "294276-12-31"];

    private TestService _service = null!;

    public async ValueTask InitializeAsync() => _service = await TestService.StartAsync(await postgres.NewDatabaseAsync(), TestService.ForOperators);

    public async ValueTask DisposeAsync() => await _service.DisposeAsync();

    [Fact]
    public async Task A_saga_with_such_a_time_is_in_the_list_with_the_others_and_says_so()
    {
        SagaId good = await _service.StartSagaAsync();
        List<SagaId> bad = [];
        foreach (string time in s_badTimes)
        {
            bad.Add(await SagaAsync("update saga_recovery.saga set time_created = @time::timestamptz where id = @id", time));
        }

        JsonElement[] listed = [.. (await OkAsync("/sagas")).EnumerateArray()];

        listed.Select(one => one.GetProperty("id").GetGuid()).Should().BeEquivalentTo(bad.Append(good).Select(saga => saga.Value));
        UnreadableOf(listed, good).Should().BeNull();
        UnreadableOf(listed, bad[0]).Should().MatchRegex("^time_created is 0044-03-15 .* BC$");
        UnreadableOf(listed, bad[1]).Should().Be("time_created is infinity");
        (await OkAsync("/sagas?limit=1")).GetArrayLength().Should().Be(1, "the link to the next page has a place");
        foreach (SagaId saga in bad)
        {
            (await OkAsync($"/sagas/{saga}")).GetProperty("summary").GetProperty("unreadable").GetString().Should().Contain("time_created is ");
            (await OkAsync($"/sagas/{saga}/explain")).GetProperty("verdict").GetString().Should().Be("RunningHere");
            (await OkAsync($"/whatis?id={saga}")).GetArrayLength().Should().Be(1);
        }
    }

    [Fact]
    public async Task A_saga_of_a_state_of_a_later_version_is_in_the_list_with_the_others()
    {
        SagaId good = await _service.StartSagaAsync();
        SagaId bad = await SagaAsync("update saga_recovery.saga set state = 'paused' where id = @id");

        JsonElement[] listed = [.. (await OkAsync("/sagas")).EnumerateArray()];

        listed.Select(one => (one.GetProperty("id").GetGuid(), one.GetProperty("state").GetString()))
            .Should().BeEquivalentTo(new[] { (good.Value, "Running"), (bad.Value, "Unknown") });
        UnreadableOf(listed, bad).Should().Be("state is 'paused', which this version does not know");
        JsonElement explained = await OkAsync($"/sagas/{bad}/explain");
        (explained.GetProperty("verdict").GetString(), explained.GetProperty("reason").GetString())
            .Should().Be(("Unreadable", "Its row cannot be read: state is 'paused', which this version does not know."));
        using HttpResponseMessage refused = await _service.PerformAsync($"/sagas/{bad}/abandon", new { reason = "x" });
        refused.StatusCode.Should().Be(HttpStatusCode.Conflict);
        (await _service.SendAsync(HttpMethod.Get, "/sagas?state=unknown")).StatusCode.Should().Be(HttpStatusCode.BadRequest);
    }

    [Fact]
    public async Task Bad_details_of_a_saga_leave_the_rest_of_it_readable()
    {
        SagaId saga = await SagaAsync("""
            update saga_recovery.saga set adopt_time = '-infinity', deadline = 'infinity', cancel_time = '0001-01-01 BC', cancel_actor = 'a', cancel_reason = 'r' where id = @id;
            insert into saga_recovery.saga_hold values (@id, 'infinity', 'ann', 'x');
            update saga_recovery.saga_node_event set event_time = 'infinity' where saga_id = @id and event_type = 'succeeded';
            insert into saga_recovery.saga_node_event values (@id, 1, 'paused', null, now(), @id)
            """);

        JsonElement shown = await OkAsync($"/sagas/{saga}");

        shown.GetProperty("events").GetArrayLength().Should().Be(3);
        string unreadable = shown.GetProperty("summary").GetProperty("unreadable").GetString()!;
        foreach (string fault in (string[])["adopt_time is -infinity", "deadline is infinity", "cancel_time is 0001-01-01 ", "time_held is infinity", "of an event of first: event_time is infinity", "of an event of endless: event_type is 'paused'"])
        {
            unreadable.Should().Contain(fault);
        }

        await OkAsync($"/sagas/{saga}/explain");
        await OkAsync("/sagas?held=true");
    }

    [Fact]
    public async Task Coordinators_with_such_times_are_in_the_list_with_the_others()
    {
        List<Guid> bad = [];
        foreach (string time in s_badTimes)
        {
            var id = Guid.NewGuid();
            bad.Add(id);
            await _service.QueryAsync<int>(CoordinatorRows.InsertDead, new { dead = id });
            await _service.QueryAsync<int>(
                """
                update saga_recovery.saga_coordinator set time_seen = @time::timestamptz, time_joined = @time::timestamptz where id = @id;
                insert into saga_recovery.saga_recovery_pause (coordinator_id, time_paused, actor, reason) values (@id, @time::timestamptz, 'ann', 'x')
                """,
                new { id, time });
        }

        JsonElement[] listed = [.. (await OkAsync("/coordinators")).EnumerateArray()];

        listed.Select(one => one.GetProperty("id").GetGuid()).Should().BeEquivalentTo(bad.Append(_service.CoordinatorId));
        listed.Where(one => one.GetProperty("unreadable").ValueKind is not JsonValueKind.Null).Select(one => one.GetProperty("id").GetGuid()).Should().BeEquivalentTo(bad);
        (await OkAsync($"/whatis?id={bad[0]}")).GetArrayLength().Should().Be(1);
        await OkAsync("/definitions");
        await OkAsync("/cluster");
    }

    [Fact]
    public async Task Orphans_with_such_times_are_counted()
    {
        foreach (string time in s_badTimes)
        {
            await SagaAsync("update saga_recovery.saga set current_coordinator = null, time_created = @time::timestamptz where id = @id", time);
        }

        JsonElement cluster = await OkAsync("/cluster");

        cluster.GetProperty("orphans").GetProperty("count").GetInt64().Should().Be(s_badTimes.Length);
        (await OkAsync("/counts")).GetProperty("unfinished").GetArrayLength().Should().BePositive();
    }

    [Fact]
    public async Task A_pass_and_its_plan_read_such_controls_and_report_such_actions()
    {
        SagaId saga = await SagaAsync("""
            update saga_recovery.saga set cancel_time = '0044-03-15 BC', cancel_actor = 'a', cancel_reason = 'r', deadline = '0044-03-15 BC' where id = @id;
            insert into saga_recovery.saga_hold values (@id, '0044-03-15 BC', 'ann', 'x')
            """);
        await _service.QueryAsync<int>(
            """
            insert into saga_recovery.saga_recovery_pause (coordinator_id, time_paused, actor, reason) values (@us, '0044-03-15 BC', 'ann', 'x');
            insert into saga_recovery.saga_operator_action (id, action, coordinator_id, saga_id, actor, reason, time_taken) values (7777, 'hold', @us, @saga, 'ann', 'x', '0044-03-15 BC')
            """,
            new { us = _service.CoordinatorId, saga = saga.Value });

        await OkAsync("/plan");
        using HttpResponseMessage pass = await _service.SendAsync(HttpMethod.Post, "/activate", TestUsers.Operator, accept: "application/json");

        (await pass.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("result").GetString().Should().Be("Completed");
        (await OkAsync("")).GetProperty("recentActions").EnumerateArray().Should().Contain(action => action.GetProperty("number").GetInt64() == 7777);
        (await OkAsync("/whatis?id=7777")).GetArrayLength().Should().Be(1);
    }

    [Theory]
    [InlineData("0044-03-15 BC")]
    [InlineData("infinity")]
    public async Task A_saga_with_such_a_time_is_recovered_beside_the_others(string time)
    {
        await using TestService stopped = await TestService.StartAsync(await postgres.NewDatabaseAsync());
        SagaId bad = await stopped.StartSagaAsync();
        SagaId good = await stopped.StartSagaAsync();
        Guid owner = stopped.CoordinatorId;
        await stopped.App.StopAsync();
        await stopped.QueryAsync<int>(
            "update saga_recovery.saga set time_created = @time::timestamptz, adopt_time = @time::timestamptz, cancel_time = @time::timestamptz, cancel_actor = 'a', cancel_reason = 'r' where id = @id",
            new { time, id = bad.Value });

        await using TestService next = await TestService.StartAsync(stopped.ConnectionString, coordinator: owner);

        JsonElement pass = (await next.JsonAsync("")).GetProperty("lastPass");
        (pass.GetProperty("result").GetString(), pass.GetProperty("recovered").GetInt32()).Should().Be(("Completed", 2));
        (await next.JsonAsync($"/sagas/{good}/explain")).GetProperty("verdict").GetString().Should().Be("RunningHere");
    }

    /// <summary>Starts a saga, and changes its row. The constraints that keep the row from being changed so are dropped.</summary>
    private async Task<SagaId> SagaAsync(string change, string? time = null)
    {
        SagaId saga = await _service.StartSagaAsync();
        await _service.QueryAsync<int>(
            """
            alter table saga_recovery.saga drop constraint if exists saga_state_check;
            alter table saga_recovery.saga_node_event drop constraint if exists saga_node_event_event_type_check;
            """);
        await _service.QueryAsync<int>(change, new { id = saga.Value, time });
        return saga;
    }

    private async Task<JsonElement> OkAsync(string path)
    {
        using HttpResponseMessage response = await _service.SendAsync(HttpMethod.Get, path, accept: "application/json");
        string body = await response.Content.ReadAsStringAsync();
        response.StatusCode.Should().Be(HttpStatusCode.OK, $"{path}: {body}");
        return JsonDocument.Parse(body).RootElement;
    }

    private static string? UnreadableOf(IEnumerable<JsonElement> sagas, SagaId saga) =>
        sagas.Single(one => one.GetProperty("id").GetGuid() == saga.Value).GetProperty("unreadable").GetString();
}
