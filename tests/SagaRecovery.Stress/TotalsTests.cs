using System.Text.Json;
using SagaRecovery.Stress.Reconciliation;

namespace SagaRecovery.Stress;

public sealed class TotalsTests
{
    private const string Recovered =
        "2026-11-24T17:00:00.0000000+00:00 INF { Id: 8, Name: \"Recovered\" } SagaRecovery.Hosting.SagaRecoveryService: recovered saga: 0197a3c4-8b1e-7c3a-9f00-2b6d3f1f7a11 (good)";

    [Fact]
    public void Lines_after_the_pass_that_the_status_is_about_do_not_count() =>
        Totals.Differ(Status(pass: 1, recovered: 1, found: 1), Log(Recovered, PassEnds(1), Recovered, PassEnds(2))).Should().BeEmpty();

    [Fact]
    public void A_total_that_is_not_what_the_lines_say_is_named() =>
        Totals.Differ(Status(pass: 1, recovered: 2, found: 2), Log(Recovered, PassEnds(1)))
            .Should().ContainSingle().Which.Should().Contain("the status says recovered 2, the log 1");

    [Fact]
    public void A_pass_that_does_not_account_for_all_that_it_found_is_named() =>
        Totals.Differ(Status(pass: 1, recovered: 1, found: 3), Log(Recovered, PassEnds(1)))
            .Should().ContainSingle().Which.Should().Contain("found 3 sagas and accounts for 1");

    [Fact]
    public void A_log_that_ends_before_the_pass_does_says_nothing() =>
        Totals.Differ(Status(pass: 1, recovered: 1, found: 1), Log(Recovered)).Should().BeNull();

    private static ProcessLog Log(params string[] lines) => ProcessLog.Read(lines);

    private static string PassEnds(int pass) =>
        $"2026-11-24T17:00:00.0000000+00:00 INF {{ Id: 11, Name: \"ActivationComplete\" }} SagaRecovery.Hosting.SagaRecoveryService: activation complete: pass {pass} Completed in 5 ms: found 1";

    private static JsonElement Status(int pass, int recovered, int found)
    {
        string lastPass = $$"""
            {"start":{"iteration":{{pass}}},"found":{{found}},"recovered":{{recovered}},"failed":0,"skipped":0,"notHere":0,"abandoned":0,"movedOn":0,"notAttempted":0,"backingOff":0,"held":0,"unreadable":0}
            """;
        string totals = $$"""
            {"passes":{{pass}},"failedPasses":0,"recovered":{{recovered}},"failed":0,"observedStarts":0,"inferredFinished":0,"missingFromExecutor":0,"badStateInExecutor":0,"abandoned":0,"protocolViolations":0}
            """;
        return JsonDocument.Parse($$"""{"lastPass":{{lastPass}},"totals":{{totals}}}""").RootElement;
    }
}
