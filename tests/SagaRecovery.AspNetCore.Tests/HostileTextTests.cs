using System.Text.Json;
using SagaRecovery.AspNetCore.Tests.Support;
using SagaRecovery.Storage;

namespace SagaRecovery.AspNetCore.Tests;

/// <summary>Names, errors and comments are untrusted input.</summary>
[Collection(OnPostgres.Name)]
public sealed class HostileTextTests(PostgresCluster postgres)
{
    private const string Hostile = "<script>alert(1)</script>\u001b[2J\u202egnp\r\nfake: line\u0007";

    [Fact]
    public async Task It_forges_no_line_and_no_markup_and_is_cut()
    {
        await using TestService service = await TestService.StartAsync(await postgres.NewDatabaseAsync(), TestService.ForOperators);
        SagaId saga = await service.StartSagaAsync();
        string megabytes = Hostile + new string('y', 2_000_000);
        await service.QueryAsync<int>(
            """
            update saga_recovery.saga set name = @megabytes, params = to_json(@megabytes::text) where id = @id;
            insert into saga_recovery.saga_node_event (saga_id, node_id, event_type, data, creator)
            select @id, 1, 'failed', json_build_object('code', 'x', 'message', @megabytes), current_coordinator from saga_recovery.saga where id = @id
            """,
            new { megabytes, id = saga.Value });
        using HttpResponseMessage held = await service.PerformAsync($"/sagas/{saga}/hold", new { reason = Hostile });
        held.EnsureSuccessStatusCode();

        foreach (string path in (string[])["", "/sagas", $"/sagas/{saga}", $"/sagas/{saga}/explain", "/counts"])
        {
            string json = await BodyAsync(service, path, "application/json");
            json.Length.Should().BeLessThan(200_000, path);
            json.Should().NotContain("<").And.NotContain("\u001b").And.NotContain("\u202e").And.NotContain("\u0007");
            JsonDocument.Parse(json);
        }

        foreach (string path in (string[])["", $"/sagas/{saga}/explain"])
        {
            string text = await BodyAsync(service, path, "text/plain");
            text.Length.Should().BeLessThan(20_000, path);
            text.Split('\n').Should().NotContain(line => line.StartsWith("fake:", StringComparison.Ordinal));
            text.Should().NotContain("\u001b").And.NotContain("\u202e").And.NotContain("\u0007").And.NotContain("\r");
        }

        (await service.JsonAsync($"/sagas/{saga}")).GetProperty("parameters").GetString()!.Length.Should().BeLessThanOrEqualTo(SagaDetails.LongestText);
        service.Log.Lines.Should().NotContain(line => line.Contains('\u001b') || line.Contains('\u202e') || line.Contains('\n'));
    }

    private static async Task<string> BodyAsync(TestService service, string path, string accept)
    {
        using HttpResponseMessage response = await service.SendAsync(HttpMethod.Get, path, accept: accept);
        return await response.Content.ReadAsStringAsync();
    }
}
