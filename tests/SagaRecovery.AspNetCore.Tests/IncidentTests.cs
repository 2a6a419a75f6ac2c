using System.Net;
using SagaRecovery.AspNetCore.Endpoints;
using SagaRecovery.AspNetCore.Tests.Support;

namespace SagaRecovery.AspNetCore.Tests;

/// <summary>One saga with everything, as a file of text for a ticket.</summary>
[Collection(OnPostgres.Name)]
public sealed class IncidentTests(PostgresCluster postgres)
{
    [Fact]
    public async Task It_has_the_explanation_the_details_the_nodes_and_the_whole_log()
    {
        await using TestService service = await TestService.StartAsync(await postgres.NewDatabaseAsync());
        await service.QueryAsync<int>(EveryKind.Insert);

        using HttpResponseMessage response = await service.SendAsync(HttpMethod.Get, $"/sagas/{EveryKind.Stuck}/incident");

        response.Content.Headers.ContentType!.ToString().Should().Be("text/plain; charset=utf-8");
        response.Content.Headers.ContentDisposition!.ToString().Should().Be($"attachment; filename=\"saga-{EveryKind.Stuck}.txt\"");
        string[] lines = (await response.Content.ReadAsStringAsync()).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        lines.Should().ContainInOrder(
            $"saga {EveryKind.Stuck}: stuck",
            "details",
            "  owner:      elsewhere-0, process 7 (c0000000-0000-4000-8000-0000000000e1)",
            """  parameters: {"customer":"c-4711","amount":4200,"currency":"EUR"}""",
            "nodes (4)",
            "  succeeded      reserve",
            "  undo_failed    charge card, after reserve",
            "  failed         ship, after charge card",
            "  not started    mail, without an undo, after ship",
            "events, oldest first (8)");
        lines[1..].Should().Contain(line => line.Contains("The action of 'ship' failed with refused: The carrier refuses parcels above 30 kg, and then an undo: it is partly undone (0 of 2 nodes)."));
        lines[^1].Should().EndWith("undo_failed    charge card  closed: The account is closed.");
        lines.Where(line => line.StartsWith("  20", StringComparison.Ordinal)).Select(line => line[..26]).Should().HaveCount(8).And.BeInAscendingOrder(StringComparer.Ordinal);
    }

    [Fact]
    public void An_error_is_its_message_with_the_stack_trace_and_the_rest_in_lines()
    {
        const string Error = """{"code":"quota","message":"no \u003Cb\u003Eroom","exception":"QuotaException: no room\r\n   at Disks.\u003CCreate\u003Ed__5.MoveNext()\n   at Node.Run()","attempts":3,"detail":{"vm":12345678901234567890}}""";
        string[] lines = ["quota: no <b>room", "QuotaException: no room", "   at Disks.<Create>d__5.MoveNext()", "   at Node.Run()", "attempts: 3", """detail: {"vm":12345678901234567890}"""];

        ErrorLines.Of(Error).Should().Equal(lines);
        ErrorLines.Of(Error[..(Error.IndexOf("\\u003Ed", StringComparison.Ordinal) + 4)]).Should().Equal([.. lines[..2], "   at Disks.<Create…"], "it was cut inside an escape");
    }

    [Theory]
    [InlineData("null")]
    [InlineData("[1]")]
    [InlineData("\"code\"")]
    [InlineData("{\"code\":7,\"message\":\"x\"}")]
    [InlineData("{\"message\":\"x\"}")]
    [InlineData("(hidden)")]
    [InlineData("{\"code\":\"a\",\"message\":{}} and more")]
    public void Data_of_another_form_is_one_line(string data) => ErrorLines.Of(data).Should().Equal(data);

    [Fact]
    public void A_stack_trace_forges_no_line() =>
        ErrorLines.Of("""{"code":"a","message":"b\nc","exception":"d\u2028e\u001b[2J\rf"}""").Should().Equal("a: b c", "d e [2J f");

    [Fact]
    public async Task It_has_the_operator_actions_on_the_saga_alone()
    {
        await using TestService service = await TestService.StartAsync(await postgres.NewDatabaseAsync(), TestService.ForOperators);
        SagaId saga = await service.StartSagaAsync();
        SagaId other = await service.StartSagaAsync();
        foreach (SagaId one in (SagaId[])[saga, other])
        {
            using HttpResponseMessage held = await service.PerformAsync($"/sagas/{one}/hold", new { reason = $"INC-481 {one}" });
            held.StatusCode.Should().Be(HttpStatusCode.OK);
        }

        await Eventually.HoldsAsync(async () => (await TextAsync(service, $"/sagas/{saga}/incident")).Contains("operator actions", StringComparison.Ordinal), "a pass had read the record");

        string text = await TextAsync(service, $"/sagas/{saga}/incident");
        text.Should().MatchRegex($"hold  operator-ann: INC-481 {saga}").And.NotContain($"{other}");
    }

    [Fact]
    public async Task An_unknown_saga_has_none()
    {
        await using TestService service = await TestService.StartAsync(await postgres.NewDatabaseAsync());

        using HttpResponseMessage response = await service.SendAsync(HttpMethod.Get, $"/sagas/{Guid.NewGuid()}/incident");

        response.StatusCode.Should().Be(HttpStatusCode.NotFound);
    }

    private static async Task<string> TextAsync(TestService service, string path)
    {
        using HttpResponseMessage response = await service.SendAsync(HttpMethod.Get, path);
        return await response.Content.ReadAsStringAsync();
    }
}
