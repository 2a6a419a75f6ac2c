using System.Text.Json;
using System.Text.Json.Nodes;
using SagaRecovery.Stress.Reconciliation;

namespace SagaRecovery.Stress;

public sealed class TotalsTests
{
    private static readonly string Recovered = Line(8, "recovered saga: 0197a3c4-8b1e-7c3a-9f00-2b6d3f1f7a11 (good)");

    [Fact]
    public void Lines_after_the_pass_that_the_status_is_about_do_not_count() =>
        Totals.Differ(Status(pass: 1, recovered: 1, found: 1), Log(Recovered, PassEnds(1), Recovered, PassEnds(2))).Should().BeEmpty();

    [Fact]
    public void A_total_that_differs_from_the_lines_is_named() =>
        Totals.Differ(Status(pass: 1, recovered: 2, found: 2), Log(Recovered, PassEnds(1)))
            .Should().ContainSingle().Which.Should().Contain("the status reports recovered 2, the log 1");

    [Fact]
    public void A_pass_that_does_not_account_for_all_that_it_found_is_named() =>
        Totals.Differ(Status(pass: 1, recovered: 1, found: 3), Log(Recovered, PassEnds(1)))
            .Should().ContainSingle().Which.Should().Contain("found 3 sagas and accounts for 1");

    [Fact]
    public void A_log_that_ends_before_the_pass_proves_nothing() =>
        Totals.Differ(Status(pass: 1, recovered: 1, found: 1), Log(Recovered)).Should().BeNull();

    private static ProcessLog Log(params string[] lines) => ProcessLog.Read(lines);

    private static string PassEnds(int pass) => Line(11, $"activation ended: pass {pass} Completed in 5 ms: found 1");

    private static string Line(int id, string message) =>
        $"2026-11-24T17:00:00.0000000+00:00 INF {{ Id: {id}, Name: \"Any\" }} SagaRecovery.Hosting.SagaRecoveryService: {message}";

    private static JsonElement Status(int pass, int recovered, int found)
    {
        string[] buckets = ["failed", "skipped", "unknownDefinition", "abandoned", "superseded", "notAttempted", "backingOff", "held", "paused", "deferred", "waitingForSlot", "unreadable"];
        string[] totals =
            ["failedPasses", "failed", "observedStarts", "inferredFinished", "missingFromExecutor", "badStateInExecutor", "abandoned", "protocolViolations"];
        var status = new JsonObject
        {
            ["lastPass"] = new JsonObject(buckets.Select(Zero))
            {
                ["start"] = new JsonObject { ["iteration"] = pass },
                ["found"] = found,
                ["recovered"] = recovered,
            },
            ["totals"] = new JsonObject(totals.Select(Zero)) { ["passes"] = pass, ["recovered"] = recovered },
        };
        return JsonSerializer.SerializeToElement(status);

        static KeyValuePair<string, JsonNode?> Zero(string name) => new(name, 0);
    }
}
