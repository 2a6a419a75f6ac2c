using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using SagaRecovery.AspNetCore.Tests.Support;
using SagaRecovery.Postgres;

namespace SagaRecovery.AspNetCore.Tests;

/// <summary>Finding sagas, their numbers, and actions on many, over HTTP.</summary>
[Collection(OnPostgres.Name)]
public sealed class SearchTests(PostgresCluster postgres) : IAsyncLifetime
{
    private TestService _service = null!;

    public async ValueTask InitializeAsync() => _service = await TestService.StartAsync(await postgres.NewDatabaseAsync(), TestService.ForOperators);

    public async ValueTask DisposeAsync() => await _service.DisposeAsync();

    [Fact]
    public async Task The_next_page_follows_the_link_of_the_previous_one()
    {
        SagaId[] sagas = [await StartTaggedAsync("17"), await StartTaggedAsync("17"), await StartTaggedAsync("17"), await StartTaggedAsync("18")];
        List<Guid> listed = [];
        string? next = "?tag=vpc%3D17&since=1h&limit=1";
        while (next is not null)
        {
            using HttpResponseMessage page = await _service.SendAsync(HttpMethod.Get, $"/sagas{next}", accept: "application/json");
            page.StatusCode.Should().Be(HttpStatusCode.OK);
            listed.AddRange((await page.Content.ReadFromJsonAsync<JsonElement>()).EnumerateArray().Select(saga => saga.GetProperty("id").GetGuid()));
            next = page.Headers.TryGetValues("Link", out IEnumerable<string>? links) ? links.Single().Split('<', '>')[1] : null;
        }

        listed.Should().Equal(sagas[2].Value, sagas[1].Value, sagas[0].Value);
        (await _service.JsonAsync($"/sagas/{sagas[0]}")).GetProperty("tags").EnumerateArray().Single().GetProperty("value").GetString().Should().Be("17");
    }

    [Fact]
    public async Task Many_sagas_are_cancelled_in_one_request_and_their_runs_are_told()
    {
        SagaId[] sagas = [await _service.StartSagaAsync(), await _service.StartSagaAsync()];
        var unknown = SagaId.NewAt(DateTimeOffset.UtcNow);

        using HttpResponseMessage response = await _service.PerformAsync(
            "/sagas/cancel", new { sagas = new[] { sagas[0].Value, unknown.Value, sagas[1].Value, sagas[0].Value }, reason = "a bad release" });

        response.StatusCode.Should().Be(HttpStatusCode.OK);
        JsonElement answer = await response.Content.ReadFromJsonAsync<JsonElement>();
        answer.GetProperty("done").GetInt32().Should().Be(2, "an id that is repeated counts once");
        JsonElement refused = answer.GetProperty("refused").EnumerateArray().Single();
        refused.GetProperty("sagaId").GetGuid().Should().Be(unknown.Value);
        refused.GetProperty("result").GetString().Should().Be("NoSuchSaga");
        foreach (SagaId saga in sagas)
        {
            await Eventually.HoldsAsync(
                () => _service.QueryAsync<bool>("select state = 'unwound' from saga_recovery.saga where id = @Id", new { Id = saga.Value }), "it was unwound");
        }

        (await _service.QueryAsync<string>("select min(actor) from saga_recovery.saga_operator_action where action = 'cancel' having count(*) = 2")).Should().Be(TestUsers.Operator);
    }

    [Fact]
    public async Task Sagas_of_this_process_are_abandoned_and_their_runs_stop()
    {
        SagaId saga = await _service.StartSagaAsync();

        using HttpResponseMessage response = await _service.PerformAsync("/sagas/abandon", new { sagas = new[] { saga.Value }, reason = "by hand" });

        (await response.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("done").GetInt32().Should().Be(1);
        await Eventually.HoldsAsync(() => _service.App.Services.GetRequiredService<SagaClient>().Find(saga) is null, "its run had stopped");
    }

    [Theory]
    [InlineData("cancel")]
    [InlineData("reassign")]
    public async Task A_batch_has_the_rights_and_limits_of_an_operator_action(string kind)
    {
        using HttpResponseMessage anonymous = await _service.SendAsync(
            HttpMethod.Post, $"/sagas/{kind}", content: JsonContent.Create(new { sagas = new[] { Guid.NewGuid() }, reason = "x" }));
        anonymous.StatusCode.Should().Be(HttpStatusCode.Unauthorized);
        using HttpResponseMessage tooMany = await _service.PerformAsync($"/sagas/{kind}", new { sagas = Enumerable.Repeat(Guid.NewGuid(), 501), reason = "x" });
        tooMany.StatusCode.Should().Be(HttpStatusCode.BadRequest);
        using HttpResponseMessage none = await _service.PerformAsync($"/sagas/{kind}", new { sagas = Array.Empty<Guid>(), reason = "x" });
        none.StatusCode.Should().Be(HttpStatusCode.BadRequest);
        using HttpResponseMessage noReason = await _service.PerformAsync($"/sagas/{kind}", new { sagas = new[] { Guid.NewGuid() }, reason = " " });
        noReason.StatusCode.Should().Be(HttpStatusCode.BadRequest);
    }

    [Fact]
    public async Task Counts_are_repeated_for_some_seconds()
    {
        DateTimeOffset first = (await _service.JsonAsync("/counts")).GetProperty("at").GetDateTimeOffset();
        DateTimeOffset second = (await _service.JsonAsync("/counts")).GetProperty("at").GetDateTimeOffset();

        second.Should().Be(first);
    }

    [Fact]
    public async Task A_search_that_takes_too_long_is_422_with_what_would_narrow_it()
    {
        await _service.QueryAsync<object?>("""
            insert into saga_recovery.saga_definition (hash, name, version, dag) values (decode(repeat('00', 32), 'hex'), 'old', 1, '{}');
            insert into saga_recovery.saga (id, name, creator, definition_hash, params, state, current_coordinator, adopt_generation)
            select gen_random_uuid(), 'old', gen_random_uuid(), decode(repeat('00', 32), 'hex'), '1', 'succeeded', null, 1 from generate_series(1, 150000)
            """);
        await _service.JsonAsync("/sagas?limit=1"); // the limit includes the wait for a connection, which is now open
        _service.App.Services.GetRequiredService<Microsoft.Extensions.Options.IOptions<PostgresStoreOptions>>().Value.QueryTimeout = TimeSpan.FromMilliseconds(20);

        using HttpResponseMessage response = await _service.SendAsync(HttpMethod.Get, $"/sagas?owner={Guid.NewGuid()}");

        response.StatusCode.Should().Be(HttpStatusCode.UnprocessableEntity);
        (await response.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("detail").GetString().Should().StartWith("The query was stopped after 20ms.").And.Contain("Narrow it by");
    }

    private async Task<SagaId> StartTaggedAsync(string vpc)
    {
        var options = new SagaStartOptions { Tags = new Dictionary<string, string> { ["vpc"] = vpc } };
        return (await _service.App.Services.GetRequiredService<SagaClient>().StartAsync(_service.App.Services.GetRequiredService<GatedSaga>(), "x", options)).SagaId;
    }
}
