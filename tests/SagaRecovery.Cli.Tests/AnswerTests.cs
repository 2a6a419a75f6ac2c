using System.Text.Json;
using SagaRecovery.Cli.Tests.Support;
using SagaRecovery.Operations;
using SagaRecovery.Status;

namespace SagaRecovery.Cli.Tests;

/// <summary>The answers of a broken, slow or foreign server.</summary>
public sealed class AnswerTests
{
    private const string Id = "0199c1d2-5a3b-7c4d-8e5f-60718293a4b5";

    [Theory]
    [InlineData("400 Bad Request", "{\"detail\":\"'limit' is a number\"}", (int)ExitCode.Usage, "'limit' is a number")]
    [InlineData("401 Unauthorized", "", (int)ExitCode.Refused, "requires you to sign in")]
    [InlineData("403 Forbidden", "", (int)ExitCode.Refused, "not authorized")]
    [InlineData("500 Internal Server Error", "<html>oops</html>", (int)ExitCode.Failed, "500")]
    [InlineData("501 Not Implemented", "{\"detail\":\"shows operators nothing\"}", (int)ExitCode.Failed, "shows operators nothing")]
    [InlineData("503 Service Unavailable", "{\"title\":\"away\",\"detail\":\"Postgres is away\"}", (int)ExitCode.Unreachable, "Postgres is away")]
    [InlineData("302 Found", "", (int)ExitCode.Failed, "302")]
    [InlineData("200 OK", "<html>another page</html>", (int)ExitCode.Failed, "This version of the tool cannot read")]
    public async Task Every_answer_has_its_exit_code_and_one_line(string status, string body, int exitCode, string because)
    {
        await using var service = new CannedService(CannedService.Answer(status, body));

        ToolRun run = await ToolRun.OfAsync("sagas", "list", "--url", service.Url);

        run.ShouldRefuse((ExitCode)exitCode, because);
        run.Error.Count(letter => letter == '\n').Should().Be(1);
        run.Out.Should().BeEmpty();
    }

    [Theory]
    [InlineData("200 OK", "{}")]
    [InlineData("200 OK", "{\"title\":\"OK\",\"status\":200}")]
    [InlineData("404 Not Found", "{\"title\":\"Not Found\",\"status\":404}")]
    [InlineData("409 Conflict", "{}")]
    public async Task No_other_answer_is_taken_for_a_completed_action(string status, string body)
    {
        await using var service = new CannedService(CannedService.Answer(status, body));

        foreach (string[] form in new string[][] { [], ["--json"] })
        {
            ToolRun run = await ToolRun.OfAsync(["sagas", "hold", Id, "--comment", "x", "--url", service.Url, .. form]);

            run.ExitCode.Should().NotBe(ExitCode.Done);
            run.ExitCode.Should().NotBe(ExitCode.NotFound);
            run.Error.Should().NotContain("Exception");
            run.Out.Should().BeEmpty();
        }
    }

    [Theory]
    [InlineData("sagas", "list")]
    [InlineData("problems")]
    [InlineData("problems", "acknowledge", "stuck:x", "--comment", "x")]
    [InlineData("sagas", "hold", Id, "--comment", "x")]
    [InlineData("batch", "hold", "--name", "x", "--yes", "--comment", "x")]
    public async Task What_an_endpoint_did_not_find_is_exit_code_3_with_its_detail(params string[] args)
    {
        await using var service = new CannedService(CannedService.Answer("404 Not Found", """{"title":"Not Found","detail":"There is no such thing."}"""), CannedService.Answer("200 OK", "{}"));

        (await ToolRun.OfAsync([.. args, "--url", service.Url])).ShouldRefuse(ExitCode.NotFound, "There is no such thing.");
    }

    [Theory]
    [InlineData("404 Not Found", (int)ExitCode.Failed, "does not offer this: its version is older", "problems")]
    [InlineData("404 Not Found", (int)ExitCode.Refused, "offers no operator actions", "problems", "acknowledge", "stuck:x", "--comment", "x")]
    [InlineData("405 Method Not Allowed", (int)ExitCode.Refused, "offers no operator actions", "pause", "--comment", "x")]
    public async Task An_endpoint_that_is_not_mapped_is_told_from_what_an_endpoint_did_not_find(string status, int exitCode, string because, params string[] args)
    {
        await using var service = new CannedService(CannedService.Answer(status, """{"title":"There is no endpoint /x."}"""), CannedService.Answer("200 OK", "{}"));

        (await ToolRun.OfAsync([.. args, "--url", service.Url])).ShouldRefuse((ExitCode)exitCode, because);
    }

    [Fact]
    public async Task Explain_prints_the_steps_in_progress_with_their_attempts_a_line_each()
    {
        DateTimeOffset began = TimeProvider.System.GetUtcNow() - TimeSpan.FromHours(2);
        var id = SagaId.Parse(Id);
        StepInProgress[] steps =
        [
            new("pay", IsUndo: false, Attempt: 7, began) { LastError = "TimeoutException: no answer\nat line 3", NextAttempt = began + TimeSpan.FromHours(3) },
            new("reserve", IsUndo: true, Attempt: 1, began) { AttemptSince = began },
        ];
        var explained = new SagaExplanation(id, SagaVerdict.RunningHere, "It runs here.", "Nothing.")
        {
            Run = new SagaRunProgress(id, "order", RunPhase.Running, steps),
        };
        await using var service = new CannedService(
            CannedService.Answer("200 OK", JsonSerializer.Serialize(explained, RecoveryReportJson.Default.SagaExplanation), "application/json"));

        ToolRun run = await ToolRun.OfAsync("explain", Id, "--url", service.Url);

        string[] lines = [.. run.ShouldBeDone().Lines.Where(line => line.Contains(" of ", StringComparison.Ordinal))];
        lines.Should().HaveCount(2);
        lines[0].Should().Contain("action of pay, attempt 7 failed, the next in ").And.EndWith("last error: TimeoutException: no answer at line 3");
        lines[1].Should().Contain("undo of reserve, attempt 1 running for 2h");
    }

    [Theory]
    [InlineData("Bearer sesame")]
    [InlineData("Basic YWRhOnNlc2FtZQ==", "--user", "ada")]
    public async Task A_token_is_sent_as_bearer_or_with_a_user_name_as_basic(string header, params string[] args)
    {
        string file = Path.GetTempFileName();
        try
        {
            await File.WriteAllTextAsync(file, "sesame\n", TestContext.Current.CancellationToken);
            ToolStage[] stages =
            [
                new() { Variables = new() { ["SAGA_RECOVERY_TOKEN"] = "sesame" } },
                new() { Variables = new() { ["SAGA_RECOVERY_TOKEN_COMMAND"] = "echo sesame; echo more" } },
            ];
            string[][] options = [["--token-file", file], ["--token-command", "echo sesame"]];
            foreach ((ToolStage stage, string[] option) in stages.Select(stage => (stage, Array.Empty<string>())).Concat(options.Select(option => (new ToolStage(), option))))
            {
                await using var service = new CannedService(CannedService.Answer("503 Service Unavailable", "{}"));

                (await ToolRun.OfAsync(stage, ["status", "--url", service.Url, .. option, .. args])).Should(ExitCode.Unreachable);

                service.Requests.Should().ContainSingle().Which.Should().Contain($"Authorization: {header}\r\n");
            }
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Fact]
    public async Task A_connection_that_ends_before_the_answer_leaves_the_outcome_of_an_action_unknown()
    {
        await using var service = new CannedService("");
        (await ToolRun.OfAsync("pause", "--comment", "x", "--url", service.Url)).ShouldRefuse(ExitCode.Unreachable, "ended before the answer. The outcome is unknown");
    }

    [Fact]
    public async Task A_server_that_never_answers_times_out_and_an_action_reports_its_outcome_as_unknown()
    {
        await using var service = new CannedService(answer: null);

        (await ToolRun.OfAsync("status", "--url", service.Url, "--timeout", "100ms")).ShouldRefuse(ExitCode.Unreachable, "within 100ms");
        (await ToolRun.OfAsync("pause", "--comment", "x", "--url", service.Url, "--timeout", "100ms")).ShouldRefuse(ExitCode.Unreachable, "outcome is unknown");
    }

    [Fact]
    public async Task A_database_that_never_answers_times_out()
    {
        await using var server = new CannedService(answer: null);
        string port = server.Url[(server.Url.LastIndexOf(':') + 1)..];

        ToolRun run = await ToolRun.OfAsync("sagas", "list", "--connection", $"Host=127.0.0.1;Port={port};Username=u;Password=open-sesame", "--timeout", "200ms");

        run.ShouldRefuse(ExitCode.Unreachable, $"127.0.0.1:{port}").Error.Should().NotContain("open-sesame");
    }

    [Theory]
    [InlineData("--url", "http://127.0.0.1:1")]
    [InlineData("--connection", "Host=127.0.0.1;Port=1;Username=u")]
    public async Task An_unreachable_server_is_exit_code_6(params string[] where) =>
        (await ToolRun.OfAsync(["sagas", "list", .. where])).ShouldRefuse(ExitCode.Unreachable, "Cannot reach the");

    [Fact]
    public async Task A_wrong_address_ends_watching_at_its_first_request() =>
        (await ToolRun.OfAsync("watch", "--url", "http://127.0.0.1:1")).ShouldRefuse(ExitCode.Unreachable, "Cannot reach the service");

    [Fact]
    public async Task The_text_of_a_service_is_sanitized_before_it_is_shown()
    {
        await using var service = new CannedService(CannedService.Answer("200 OK", "task\u001b[2J: \u202eoops\u0007 [red]x[/]\nnext", "text/plain; charset=utf-8"));

        ToolRun run = (await ToolRun.OfAsync("status", "--url", service.Url)).ShouldBeDone();

        run.Lines.Should().Equal("task [2J:  oops  [red]x[/]", "next");
    }

    [Fact]
    public async Task A_filter_is_escaped_in_the_address_and_no_credentials_are_sent_unless_given()
    {
        await using var service = new CannedService(CannedService.Answer("200 OK", "[]", "application/json"));

        await ToolRun.OfAsync("sagas", "list", "--name", "a&limit=9 ü", "--url", service.Url + "/ops/sagas-of-ours");

        service.Requests.Single().Should().StartWith("GET /ops/sagas-of-ours/sagas?limit=100&name=a%26limit%3D9%20%C3%BC HTTP/1.1").And.NotContain("Authorization");
    }
}
