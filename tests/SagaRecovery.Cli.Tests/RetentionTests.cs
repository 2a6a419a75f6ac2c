using System.Text.Json;
using SagaRecovery.Cli.Tests.Support;
using SagaRecovery.Operations;

namespace SagaRecovery.Cli.Tests;

[Collection(OnPostgres.Name)]
public sealed class RetentionTests(PostgresCluster postgres) : IAsyncLifetime
{
    private SampleService _sample = null!;

    public async ValueTask InitializeAsync() => _sample = await SampleService.StartAsync(postgres);

    public async ValueTask DisposeAsync() => await _sample.DisposeAsync();

    [Theory]
    [InlineData(Way.Service)]
    [InlineData(Way.Database)]
    public async Task A_dry_run_counts_and_a_purge_deletes_what_is_old_after_a_confirmation(string way)
    {
        string old = await EndedAsync("31 days");
        string young = await EndedAsync("29 days");
        string[] purge = ["sagas", "purge", "--older-than", "30d", "--comment", "OPS-12"];

        ToolRun dryRun = (await _sample.RunAsync(way, [.. purge, "--dry-run"])).ShouldBeDone();
        dryRun.Lines[0].Should().MatchRegex("^DEFINITION +STATE +SAGAS +MB +OLDEST_END");
        dryRun.Lines[1].Should().MatchRegex("^demo +succeeded +1 +0.0 +20.*Z$");
        dryRun.Lines[^1].Should().Be("purge: would delete 1 saga, 0.0 MB");
        (await _sample.RunAsync(way, purge)).ShouldRefuse(ExitCode.Usage, "pass --yes");
        (await _sample.RunAsync(ToolStage.SignedIn with { Answer = "n" }, way, purge)).ShouldRefuse(ExitCode.Failed, "Nothing was done.");
        ToolRun done = (await _sample.RunAsync(ToolStage.SignedIn with { Answer = "y" }, way, purge)).ShouldBeDone();

        done.Error.Should().Contain("1 succeeded saga of demo").And.Contain("A keyed start can use their keys again");
        done.Out.Should().Be("purge: deleted 1 saga\n");
        (await _sample.RunAsync(way, "sagas", "show", old)).Should(ExitCode.NotFound);
        (await _sample.RunAsync(way, "sagas", "show", young)).ShouldBeDone();
        (await _sample.QueryAsync<string>("select action || ': ' || reason from saga_recovery.saga_operator_action"))
            .Should().Be("purge: OPS-12 (succeeded, unwound for more than 30d)");
        PurgeResponse nothing = (await _sample.RunAsync(way, [.. purge, "--yes", "--json"])).ShouldBeDone().Read(RecoveryReportJson.Default.PurgeResponse);
        (nothing.Deleted, nothing.IsComplete).Should().Be((0L, true));
    }

    [Theory]
    [InlineData(Way.Service)]
    [InlineData(Way.Database)]
    public async Task Stuck_sagas_and_other_definitions_are_deleted_only_if_they_are_named(string way)
    {
        string saga = await EndedAsync("31 days");
        await _sample.ExecuteAsync("update saga_recovery.saga set state = 'stuck'", new { });
        string[] purge = ["sagas", "purge", "--older-than", "1s", "--yes", "--comment", "OPS-12"];

        (await _sample.RunAsync(way, purge)).ShouldBeDone().Out.Should().Be("purge: deleted 0 sagas\n");
        foreach (string unknown in new[] { "other", "demo@7" })
        {
            string[] other = [.. purge, "--state", "stuck", "--definition", unknown];
            (await _sample.RunAsync(way, other)).ShouldRefuse(ExitCode.NotFound, $"There is no definition {unknown}.");
            (await _sample.RunAsync(way, [.. other, "--dry-run"])).ShouldRefuse(ExitCode.NotFound, $"There is no definition {unknown}.");
        }

        (await _sample.RunAsync(way, [.. purge, "--state", "succeeded", "--state", "stuck", "--definition", "demo@1"])).ShouldBeDone().Out.Should().Be("purge: deleted 1 saga\n");
        (await _sample.QueryAsync<string>("select string_agg(reason, '; ') from saga_recovery.saga_operator_action")).Should().EndWith("for more than 1s, definition demo@1)");
        (await _sample.RunAsync(way, "sagas", "show", saga)).Should(ExitCode.NotFound);
    }

    [Fact]
    public async Task An_exported_saga_is_imported_and_looks_as_before()
    {
        string saga = await EndedAsync("31 days");
        string other = await EndedAsync("31 days");
        string before = (await _sample.RunAsync(Way.Database, "sagas", "show", saga, "--json")).ShouldBeDone().Out;
        string file = Path.GetTempFileName();
        try
        {
            (await _sample.RunAsync(Way.Database, "sagas", "purge", "--older-than", "30d", "--archive", file, "--yes", "--comment", "OPS-12"))
                .ShouldBeDone().Out.Should().Be("purge: deleted 2 sagas, exported 2 before\n");
            await File.AppendAllTextAsync(file, "{\"format\":1,\"id\":\"0199", TestContext.Current.CancellationToken);

            ToolRun imported = (await _sample.RunAsync(Way.Database, "sagas", "import", file, "--saga", saga, "--comment", "audit")).Should(ExitCode.Done);
            imported.Out.Should().Be("import: 1 saga imported, 0 not, because a saga with the id exists; 1 line cut off\n");
            imported.Error.Should().Contain("line 3 was skipped");
            (await _sample.RunAsync(Way.Database, "sagas", "import", file, "--saga", Guid.NewGuid().ToString(), "--comment", "audit")).Should(ExitCode.NotFound);
            (await _sample.RunAsync(Way.Database, "sagas", "import", "/nowhere/file", "--comment", "audit")).ShouldRefuse(ExitCode.Usage, "cannot be read");
            Events((await _sample.RunAsync(Way.Service, "sagas", "show", saga, "--json")).ShouldBeDone().Out).Should().Be(Events(before));
            (await _sample.RunAsync(Way.Service, "sagas", "show", other)).Should(ExitCode.NotFound);
            (await _sample.RunAsync(Way.Service, "explain", saga)).ShouldBeDone().Lines[0].Should().StartWith($"saga {saga}: ");
        }
        finally
        {
            File.Delete(file);
        }

        static string Events(string json) => JsonDocument.Parse(json).RootElement.GetProperty("events").GetRawText();
    }

    /// <summary>The sagas that are kept are the oldest, and more than a request has time to visit.</summary>
    [Fact]
    public async Task A_purge_of_a_large_history_is_repeated_until_it_is_complete()
    {
        await EndedAsync("31 days");
        await _sample.ExecuteAsync(
            """
            insert into saga_recovery.saga (id, name, creator, definition_hash, params, state, time_created, time_ended)
            select gen_random_uuid(), s.name, s.creator, s.definition_hash, '{}', t.state, now() - t.age, now() - t.age
            from saga_recovery.saga s, (values ('stuck', interval '99 days', 4000), ('unwound', interval '32 days', 4000)) as t (state, age, count), generate_series(1, t.count)
            """);
        string[] purge = ["sagas", "purge", "--older-than", "30d", "--timeout", "3s", "--comment", "OPS-12"];

        ToolRun dryRun = (await _sample.RunAsync(Way.Database, [.. purge, "--dry-run"])).ShouldBeDone();
        ToolRun done = (await _sample.RunAsync(Way.Database, [.. purge, "--yes"])).ShouldBeDone();

        dryRun.Lines[^1].Should().StartWith("purge: would delete 4,001 sagas, ");
        dryRun.Lines.Should().HaveCount(4, "a heading, a line for each state, and the sum");
        done.Out.Should().Be("purge: deleted 4,001 sagas\n");
        done.Error.Should().MatchRegex("^(purge: deleted [0-9,]+ sagas? so far\n)+$");
        (await _sample.QueryAsync<long>("select count(*) from saga_recovery.saga where state <> 'stuck'")).Should().Be(0);
        (await _sample.QueryAsync<long>("select count(*) from saga_recovery.saga_operator_action")).Should().Be(1, "it is recorded once");
    }

    [Fact]
    public async Task The_continuation_of_a_service_is_sent_back_to_it()
    {
        var response = new PurgeResponse(OperatorActionStatus.Done, "purge: deleted 5 sagas") { Deleted = 5, Continuation = "here" };
        await using var service = new CannedService(
            CannedService.Answer("200 OK", JsonSerializer.Serialize(response, RecoveryReportJson.Default.PurgeResponse), "application/json"),
            CannedService.Answer("200 OK", JsonSerializer.Serialize(response with { Continuation = null }, RecoveryReportJson.Default.PurgeResponse), "application/json"));

        ToolRun done = (await ToolRun.OfAsync("sagas", "purge", "--older-than", "30d", "--yes", "--json", "--comment", "OPS-12", "--url", service.Url)).ShouldBeDone();

        done.Read(RecoveryReportJson.Default.PurgeResponse).Should().BeEquivalentTo(new { Deleted = 10L, IsComplete = true, Message = "purge: deleted 10 sagas" });
        done.Error.Should().BeEmpty("there is no progress beside JSON");
        service.Requests.Should().HaveCount(2);
        service.Requests[0].Should().Contain("\"continuation\": null");
        service.Requests[1].Should().Contain("\"continuation\": \"here\"");
    }

    [Fact]
    public async Task An_archive_file_is_created_for_the_first_saga_only()
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("archive");
        try
        {
            string file = Path.Combine(folder.FullName, "sagas.jsonl");
            string[] purge = ["sagas", "purge", "--older-than", "30d", "--archive", file, "--comment", "OPS-12"];

            (await _sample.RunAsync(Way.Database, [.. purge, "--yes"])).ShouldBeDone().Out.Should().Be("purge: deleted 0 sagas\n");
            File.Exists(file).Should().BeFalse("nothing was exported");
            await EndedAsync("31 days");
            (await _sample.RunAsync(ToolStage.SignedIn with { Answer = "n" }, Way.Database, purge)).ShouldRefuse(ExitCode.Failed, "Nothing was done.");
            File.Exists(file).Should().BeFalse("the answer was no");
            (await _sample.RunAsync(ToolStage.SignedIn with { Answer = "y" }, Way.Database, purge)).ShouldBeDone().Error.Should()
                .Contain($"They are exported to {file} first.").And.Contain("do not apply to --connection");
            File.ReadAllLines(file).Should().ContainSingle();
            (await _sample.RunAsync(Way.Database, "sagas", "purge", "--older-than", "30d", "--yes", "--comment", "x", "--archive", folder.FullName))
                .ShouldRefuse(ExitCode.Usage, "The archive file cannot be opened: the path is that of a folder");
            (await _sample.RunAsync(Way.Database, "sagas", "purge", "--older-than", "30d", "--yes", "--comment", "x", "--archive", Path.Combine(file, "x")))
                .ShouldRefuse(ExitCode.Usage, "The archive file cannot be opened: its folder does not exist");
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public async Task An_import_reports_a_saga_that_it_refuses_and_continues()
    {
        await EndedAsync("31 days");
        string sound = await EndedAsync("30 days");
        string file = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        try
        {
            (await _sample.RunAsync(Way.Database, "sagas", "purge", "--older-than", "1d", "--archive", file, "--yes", "--comment", "OPS-12")).ShouldBeDone();
            string[] lines = await File.ReadAllLinesAsync(file, TestContext.Current.CancellationToken);
            string hash = JsonDocument.Parse(lines[1]).RootElement.GetProperty("definition").GetProperty("hash").GetString()!;
            lines[0] = lines[1].Replace(hash, new string('0', hash.Length), StringComparison.Ordinal);
            string later = lines[1].Replace("\"format\":1", "\"format\":2", StringComparison.Ordinal);
            await File.WriteAllLinesAsync(file, [.. lines, .. Enumerable.Repeat(later, 20)], TestContext.Current.CancellationToken);

            ToolRun imported = (await _sample.RunAsync(Way.Database, "sagas", "import", file, "--comment", "audit")).Should(ExitCode.Refused);

            imported.Out.Should().Be("import: 1 saga imported, 0 not, because a saga with the id exists; 21 lines refused; 0 lines cut off\n");
            imported.Error.Should().Contain($"line 1 was skipped: The definition of saga {sound} does not have the hash");
            imported.Error.Should().Contain("line 3 was skipped: The line has version 2 of the format").And.Contain("11 more lines skipped");
            imported.Error.Split('\n').Length.Should().BeLessThan(15);
            (await _sample.RunAsync(Way.Service, "sagas", "show", sound)).ShouldBeDone();
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Theory]
    [InlineData("no JSON", "is not complete JSON")]
    [InlineData("{}", "it has no 'format'.")]
    [InlineData("[]", "one of its values has the wrong type.")]
    public async Task A_file_that_is_no_archive_is_refused(string line, string reason)
    {
        string file = Path.GetTempFileName();
        try
        {
            await File.WriteAllTextAsync(file, $"{line}\n", TestContext.Current.CancellationToken);

            ToolRun imported = (await _sample.RunAsync(Way.Database, "sagas", "import", file, "--comment", "audit")).Should(ExitCode.Refused);

            imported.Error.Should().Contain($"line 1 was skipped: ").And.Contain(reason);
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Theory]
    [InlineData(Way.Service)]
    [InlineData(Way.Database)]
    public async Task A_coordinator_is_forgotten_unless_it_answers_or_owns_sagas(string way)
    {
        Guid dead = await _sample.DeadAsync();
        Guid owner = await _sample.DeadAsync();
        await _sample.SetOwnerAsync(await _sample.StartDemoSagaAsync(), owner);

        (await ForgetAsync(_sample.CoordinatorId)).ShouldRefuse(ExitCode.Refused, "answers. Stop its process first.");
        (await ForgetAsync(owner)).ShouldRefuse(ExitCode.Refused, "owns unfinished sagas");
        (await ForgetAsync(Guid.NewGuid())).ShouldRefuse(ExitCode.NotFound, "There is no coordinator");
        (await _sample.RunAsync(way, "coordinators", "forget", dead.ToString(), "--comment", "gone")).ShouldRefuse(ExitCode.Usage, "pass --yes");
        (await ForgetAsync(dead)).ShouldBeDone().Out.Should().Be($"forget: done, coordinator {dead}\n");
        (await ForgetAsync(dead)).ShouldRefuse(ExitCode.NotFound, "There is no coordinator");

        Task<ToolRun> ForgetAsync(Guid id) => _sample.RunAsync(way, "coordinators", "forget", id.ToString(), "--yes", "--comment", "gone");
    }

    [Theory]
    [InlineData("is not an age", "--older-than", "soon")]
    [InlineData("is not an age", "--older-than", "0s")]
    [InlineData("--older-than", "--state", "stuck")]
    [InlineData("is not a state of ended sagas", "--older-than", "1d", "--state", "running")]
    [InlineData("is not an age from 1s to 36500d", "--older-than", "99999999d")]
    [InlineData("'--archive' needs the database", "--older-than", "1d", "--archive", "x", "--yes", "--url", "http://127.0.0.1:1")]
    public async Task Invalid_usage_is_exit_code_2(string because, params string[] args) =>
        (await ToolRun.OfAsync(["sagas", "purge", "--comment", "x", .. args])).ShouldRefuse(ExitCode.Usage, because);

    /// <summary>A demo saga that succeeded some time ago.</summary>
    private async Task<string> EndedAsync(string ago)
    {
        string saga = await _sample.StartDemoSagaAsync();
        using HttpResponseMessage released = await _sample.Process.ReleaseDemoSagaAsync(Guid.Parse(saga));
        var id = Guid.Parse(saga);
        await Eventually.HoldsAsync(() => _sample.QueryAsync<bool>("select state = 'succeeded' from saga_recovery.saga where id = @id", new { id }), "the saga had ended");
        await _sample.ExecuteAsync(
            "update saga_recovery.saga set time_created = now() - @ago::interval, time_ended = now() - @ago::interval where id = @id", new { id, ago });
        return saga;
    }
}
