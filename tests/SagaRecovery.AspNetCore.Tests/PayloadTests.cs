using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using SagaRecovery.AspNetCore.Tests.Support;
using SagaRecovery.Operations;

namespace SagaRecovery.AspNetCore.Tests;

/// <summary>Parameters, outputs and the texts of errors, which only their own policy shows.</summary>
[Collection(OnPostgres.Name)]
public sealed class PayloadTests(PostgresCluster postgres)
{
    private const string Secret = "s3cret";
    private const string Marker = "(hidden)";

    private static readonly string[] s_paths =
        ["", "/problems", "/sagas", "/sagas/{0}", "/sagas/{0}/explain", "/sagas/{0}/incident", "/sagas/{1}", "/sagas/{1}/explain", "/sagas/{1}/incident", "/whatis?id={0}", "/whatis?id={1}", "/coordinators", "/cluster", "/counts", "/definitions", "/plan"];

    [Theory]
    [InlineData("application/json")]
    [InlineData("text/plain")]
    [InlineData("text/html")]
    public async Task A_reader_without_their_policy_finds_none_in_any_answer(string accept)
    {
        await using TestService service = await TestService.StartAsync(await postgres.NewDatabaseAsync(), TestService.Closed);
        (SagaId stuck, SagaId abandoned) = await SagasWithSecretsAsync(service);

        foreach (string path in s_paths)
        {
            string answer = await BodyAsync(service, string.Format(System.Globalization.CultureInfo.InvariantCulture, path, stuck, abandoned), TestUsers.Reader, accept);
            answer.Should().NotContain(Secret, path);
        }
    }

    [Fact]
    public async Task A_hidden_payload_is_marked()
    {
        await using TestService service = await TestService.StartAsync(await postgres.NewDatabaseAsync(), TestService.Closed);
        (SagaId stuck, SagaId abandoned) = await SagasWithSecretsAsync(service);

        JsonElement shown = await JsonAsync(service, $"/sagas/{stuck}", TestUsers.Reader);
        shown.GetProperty("parameters").GetString().Should().Be(Marker);
        shown.GetProperty("events").EnumerateArray().Select(one => $"{one.GetProperty("node").GetString()} {one.GetProperty("type").GetString()} {one.GetProperty("data").GetString()}").Should().BeEquivalentTo(
            "first Started ", $"first Succeeded {Marker}", "endless Started ", $"endless Failed {Marker}", "first UndoStarted ", $"first UndoFailed {Marker}");
        (await JsonAsync(service, $"/sagas/{stuck}/explain", TestUsers.Reader)).GetProperty("reason").GetString().Should().Contain($"The undo of 'first' failed with {Marker}.");
        (await BodyAsync(service, $"/sagas/{stuck}/explain", TestUsers.Reader, "text/plain")).Should().Contain($"The undo of 'first' failed with {Marker}.");
        (await BodyAsync(service, $"/sagas/{stuck}/incident", TestUsers.Reader, "text/plain")).Should().Contain($"The action of 'endless' failed with {Marker}")
            .And.Contain($"parameters: {Marker}").And.Contain($"undo_failed    first  {Marker}");
        (await JsonAsync(service, $"/sagas/{abandoned}", TestUsers.Reader)).GetProperty("abandonment").GetProperty("comment").GetString().Should().Be(Marker);
        (await JsonAsync(service, $"/sagas/{abandoned}/explain", TestUsers.Reader)).GetProperty("reason").GetString().Should().Be($"It was abandoned (corrupt): {Marker}");
    }

    [Fact]
    public async Task Their_policy_shows_them()
    {
        await using TestService service = await TestService.StartAsync(await postgres.NewDatabaseAsync(), TestService.Closed);
        (SagaId stuck, SagaId abandoned) = await SagasWithSecretsAsync(service);

        string shown = await BodyAsync(service, $"/sagas/{stuck}", TestUsers.Auditor, "application/json");
        string incident = await BodyAsync(service, $"/sagas/{stuck}/incident", TestUsers.Auditor, "text/plain");
        foreach (string secret in (string[])["parameters", "output", "error", "undo"])
        {
            shown.Should().Contain($"{Secret}-{secret}");
            incident.Should().Contain($"{Secret}-{secret}");
        }

        (await BodyAsync(service, $"/sagas/{stuck}/explain", TestUsers.Auditor, "text/plain")).Should().Contain($"{Secret}-undo");
        (await BodyAsync(service, $"/sagas/{abandoned}/explain", TestUsers.Auditor, "text/plain")).Should().Contain($"{Secret}-comment");
    }

    [Fact]
    public async Task The_errors_in_the_record_of_an_operator_action_are_hidden_as_well()
    {
        await using TestService service = await TestService.StartAsync(await postgres.NewDatabaseAsync(), TestService.Closed);
        (SagaId stuck, _) = await SagasWithSecretsAsync(service);

        using HttpResponseMessage retried = await service.PerformAsync($"/sagas/{stuck}/retry-undo", new { reason = "tried again" });
        retried.StatusCode.Should().Be(HttpStatusCode.OK, await retried.Content.ReadAsStringAsync());
        (await retried.Content.ReadAsStringAsync()).Should().NotContain(Secret);
        long number = await service.QueryAsync<long>("select id from saga_recovery.saga_operator_action where action = 'retry-undo' and reason like '%s3cret-undo%'");

        string found = await BodyAsync(service, $"/whatis?id={number}", TestUsers.Reader, "application/json");
        found.Should().Contain($"tried again {Marker}").And.NotContain(Secret);
        (await BodyAsync(service, $"/whatis?id={number}", TestUsers.Auditor, "application/json")).Should().Contain($"{Secret}-undo");
        await Eventually.HoldsAsync(
            async () => (await BodyAsync(service, "", TestUsers.Reader, "application/json")).Contains("tried again", StringComparison.Ordinal), "a pass had read the record");
        foreach (string accept in (string[])["application/json", "text/plain"])
        {
            (await BodyAsync(service, "", TestUsers.Reader, accept)).Should().Contain($"tried again {Marker}").And.NotContain(Secret);
        }
    }

    [Fact]
    public async Task A_redactor_gets_each_payload_with_its_saga_and_node_and_decides_what_is_shown()
    {
        var redactor = new Recorder(payload => payload.Text.Replace(Secret, "***", StringComparison.Ordinal));
        await using TestService service = await StartAsync(redactor);
        (SagaId stuck, _) = await SagasWithSecretsAsync(service);

        string shown = await BodyAsync(service, $"/sagas/{stuck}", TestUsers.Auditor, "application/json");
        string explained = await BodyAsync(service, $"/sagas/{stuck}/explain", TestUsers.Auditor, "text/plain");

        shown.Should().Contain("***-parameters").And.Contain("***-output").And.NotContain(Secret);
        explained.Should().Contain("***-undo").And.NotContain(Secret);
        redactor.Seen.Select(one => (one.SagaName, one.Node, one.Kind)).Should().Contain(
        [
            ("gated", null, SagaPayloadKind.Parameters), ("gated", "first", SagaPayloadKind.Output), ("gated", "endless", SagaPayloadKind.Error), ("gated", "first", SagaPayloadKind.Error),
        ]);
        redactor.Seen.Clear();
        await BodyAsync(service, $"/sagas/{stuck}", TestUsers.Reader, "application/json");
        redactor.Seen.Should().BeEmpty("who sees no payloads needs no redactor");
    }

    [Fact]
    public async Task What_a_redactor_cannot_redact_is_hidden()
    {
        await using TestService service = await StartAsync(new Recorder(_ => throw new FormatException("unexpected")));
        (SagaId stuck, _) = await SagasWithSecretsAsync(service);

        JsonElement shown = await JsonAsync(service, $"/sagas/{stuck}", TestUsers.Auditor);

        shown.GetProperty("parameters").GetString().Should().Be(Marker);
        service.Log.Lines.Should().Contain(line => line.Contains("the redactor threw", StringComparison.Ordinal));
    }

    private Task<TestService> StartAsync(ISagaRedactor redactor) => NewAsync(builder => builder.Services.AddSingleton(redactor));

    private async Task<TestService> NewAsync(Action<WebApplicationBuilder> services) =>
        await TestService.StartAsync(await postgres.NewDatabaseAsync(), TestService.Closed, services: services);

    /// <summary>A stuck and an abandoned saga, with a secret in every payload.</summary>
    private static async Task<(SagaId Stuck, SagaId Abandoned)> SagasWithSecretsAsync(TestService service)
    {
        SagaId stuck = await service.StartSagaAsync();
        SagaId abandoned = await service.StartSagaAsync();
        await service.QueryAsync<int>(
            """
            update saga_recovery.saga set params = '"s3cret-parameters"' where id in (@stuck, @abandoned);
            update saga_recovery.saga_node_event set data = '"s3cret-output"' where event_type = 'succeeded';
            insert into saga_recovery.saga_node_event (saga_id, node_id, event_type, data, creator) values
                (@stuck, 1, 'failed', '{"code":"x","message":"s3cret-error"}', @stuck), (@stuck, 0, 'undo_started', null, @stuck),
                (@stuck, 0, 'undo_failed', '{"code":"x","message":"s3cret-undo"}', @stuck);
            update saga_recovery.saga set state = 'stuck', adopt_generation = adopt_generation + 1 where id = @stuck;
            update saga_recovery.saga set state = 'abandoned', abandon_time = now(), abandon_reason = 'corrupt', abandon_comment = 's3cret-comment' where id = @abandoned
            """,
            new { stuck = stuck.Value, abandoned = abandoned.Value });
        return (stuck, abandoned);
    }

    private static async Task<string> BodyAsync(TestService service, string path, string user, string accept)
    {
        using HttpResponseMessage response = await service.SendAsync(HttpMethod.Get, path, user, accept: accept);
        response.StatusCode.Should().Be(HttpStatusCode.OK, path);
        return await response.Content.ReadAsStringAsync();
    }

    private static async Task<JsonElement> JsonAsync(TestService service, string path, string user)
    {
        using HttpResponseMessage response = await service.SendAsync(HttpMethod.Get, path, user, accept: "application/json");
        return await response.Content.ReadFromJsonAsync<JsonElement>();
    }

    private sealed class Recorder(Func<SagaPayload, string> redact) : ISagaRedactor
    {
        public System.Collections.Concurrent.ConcurrentQueue<SagaPayload> Seen { get; } = new();

        public string Redact(SagaPayload payload)
        {
            Seen.Enqueue(payload);
            return redact(payload);
        }
    }
}
