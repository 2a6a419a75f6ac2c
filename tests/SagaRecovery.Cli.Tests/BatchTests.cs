using System.Text.Json;
using SagaRecovery.Cli.Tests.Support;

namespace SagaRecovery.Cli.Tests;

/// <summary>Operator actions on all sagas of a filter.</summary>
[Collection(OnPostgres.Name)]
public sealed class BatchTests(SampleFixture fixture) : IClassFixture<SampleFixture>
{
    private SampleService Sample => fixture.Sample;

    [Theory]
    [InlineData(Way.Service)]
    [InlineData(Way.Database)]
    public async Task A_dry_run_lists_and_counts_and_changes_nothing(string way)
    {
        (string tag, string[] sagas) = await TaggedAsync(3);

        ToolRun run = (await Sample.RunAsync(way, "batch", "cancel", "--tag", tag, "--comment", "x", "--dry-run")).ShouldBeDone();

        run.Out.Should().ContainAll(sagas).And.Contain("3 sagas to cancel: 3 demo.\n").And.EndWith("Dry run: nothing was changed.\n");
        (await Sample.QueryAsync<long>("select count(*) from saga_recovery.saga_operator_action where saga_id = any (@sagas)", new { sagas = Ids(sagas) })).Should().Be(0);
        JsonElement json = JsonDocument.Parse((await Sample.RunAsync(way, "batch", "cancel", "--tag", tag, "--comment", "x", "--dry-run", "--json")).ShouldBeDone().Out).RootElement;
        json.GetProperty("matched").GetInt32().Should().Be(3);
        json.GetProperty("sagas").EnumerateArray().Select(id => id.GetString()).Should().BeEquivalentTo(sagas);
    }

    [Theory]
    [InlineData(Way.Service, "ada")]
    [InlineData(Way.Database, ToolRun.OsUser)]
    public async Task All_sagas_of_a_filter_are_cancelled_with_progress_and_a_record_each_and_a_repeat_finds_none(string way, string actor)
    {
        (string tag, string[] sagas) = await TaggedAsync(3);
        string[] command = ["batch", "cancel", "--tag", tag, "--definition", "demo@1", "--since", "1h", "--comment", "a bad release"];

        (await Sample.RunAsync(way, command)).ShouldRefuse(ExitCode.Usage, "'batch cancel' cannot be undone");
        ToolRun run = await Sample.RunAsync(ToolStage.SignedIn with { Answer = "y\n" }, way, command);

        run.ShouldBeDone().Out.Should().Be("batch cancel: 3 done, 0 refused\n");
        run.Error.Should().Contain($"cancel 3 sagas in ").And.Contain($"(state running, definition demo@1, since ").And.Contain("cancel: 3 done, 0 refused, 0 left\n");
        (await Sample.QueryAsync<long>(
            "select count(*) from saga_recovery.saga_operator_action where saga_id = any (@sagas) and action = 'cancel' and actor = @actor and reason = 'a bad release'",
            new { sagas = Ids(sagas), actor })).Should().Be(3);
        foreach (string saga in sagas)
        {
            await Sample.ReachesAsync(saga, "unwound");
        }

        (await Sample.RunAsync(way, [.. command, "--yes"])).ShouldBeDone().Error.Should().Contain("No sagas match");
        (await Sample.RunAsync(way, "sagas", "list", "--tag", tag, "--error-code", "cancelled")).Out.Should().ContainAll(sagas);
    }

    [Theory]
    [InlineData(Way.Service)]
    [InlineData(Way.Database)]
    public async Task What_an_earlier_request_has_cancelled_is_not_refused(string way)
    {
        (string tag, string[] sagas) = await TaggedAsync(2);
        await Sample.ExecuteAsync(
            "update saga_recovery.saga set cancel_time = now(), cancel_actor = 'ada', cancel_reason = 'x' where id = @id", new { id = Guid.Parse(sagas[0]) });

        (await Sample.RunAsync(way, "batch", "cancel", "--tag", tag, "--comment", "x", "--yes")).ShouldBeDone().Out.Should().Be("batch cancel: 1 done, 1 done before, 0 refused\n");
    }

    [Theory]
    [InlineData(Way.Service)]
    [InlineData(Way.Database)]
    public async Task Sagas_are_held_and_released_together_and_refusals_are_listed(string way)
    {
        (string tag, string[] sagas) = await TaggedAsync(2);
        (await Sample.RunAsync(way, "batch", "hold", "--tag", tag, "--comment", "x", "--yes")).ShouldBeDone();
        (await Sample.RunAsync(way, "sagas", "list", "--tag", tag, "--held")).Out.Should().ContainAll(sagas);

        ToolRun refused = await Sample.RunAsync(Way.Database, "batch", "abandon", "--tag", tag, "--comment", "x", "--yes");
        refused.Should(ExitCode.Refused).Out.Should().Contain("the owner of saga").And.EndWith("batch abandon: 0 done, 2 refused\n");

        (await Sample.RunAsync(way, "batch", "release", "--tag", tag, "--comment", "x", "--yes")).ShouldBeDone().Out.Should().Be("batch release: 2 done, 0 refused\n");
        (await Sample.RunAsync(way, "sagas", "list", "--tag", tag, "--held")).Error.Should().Contain("No sagas match");
    }

    [Fact]
    public async Task More_sagas_than_allowed_are_refused_and_a_batch_needs_a_filter()
    {
        (string tag, _) = await TaggedAsync(3);

        (await Sample.RunAsync(Way.Database, "batch", "hold", "--tag", tag, "--comment", "x", "--yes", "--max", "2"))
            .ShouldRefuse(ExitCode.Refused, $"batch hold: not done, more than 2 sagas match (unfinished, tag {tag}). Narrow the filter, or raise --max.");
        (await Sample.RunAsync(Way.Database, "batch", "hold", "--comment", "x", "--yes")).ShouldRefuse(ExitCode.Usage, "'batch hold' needs a filter");
        (await Sample.RunAsync(Way.Database, "batch", "cancel", "--state", "succeeded", "--comment", "x", "--dry-run"))
            .ShouldRefuse(ExitCode.Usage, "'batch cancel' applies to running sagas, not to those that are succeeded.");
        (await Sample.QueryAsync<long>("select count(*) from saga_recovery.saga_hold h join saga_recovery.saga_tag t using (saga_id) where t.name || '=' || t.value = @tag", new { tag })).Should().Be(0);
    }

    [Theory]
    [InlineData(Way.Service)]
    [InlineData(Way.Database)]
    public async Task A_dry_run_counts_more_sagas_than_allowed(string way)
    {
        (string tag, string[] sagas) = await TaggedAsync(3);
        string[] command = ["batch", "hold", "--tag", tag, "--comment", "x", "--max", "2", "--dry-run"];

        ToolRun run = (await Sample.RunAsync(way, command)).ShouldBeDone();

        run.Out.Should().Contain("… and 1 more. 3 sagas to hold: 3 demo.\n").And.EndWith("Dry run: nothing was changed.\n");
        run.Error.Should().Contain("More sagas match than --max 2: without --dry-run the command would refuse.");
        JsonElement json = JsonDocument.Parse((await Sample.RunAsync(way, [.. command, "--json"])).ShouldBeDone().Out).RootElement;
        json.GetProperty("matched").GetInt32().Should().Be(3);
        json.GetProperty("sagas").EnumerateArray().Select(id => id.GetString()).Should().HaveCount(2).And.BeSubsetOf(sagas);
    }

    [Fact]
    public async Task Ctrl_C_after_a_batch_says_what_is_left_and_a_repeat_continues()
    {
        (string tag, string[] sagas) = await TaggedAsync(1);
        await Sample.ExecuteAsync(
            """
            with more as (
                insert into saga_recovery.saga (id, name, creator, definition_hash, params, state, current_coordinator, adopt_generation)
                select gen_random_uuid(), name, creator, definition_hash, params, state, null, 1 from saga_recovery.saga, generate_series(1, 600) where id = @id
                returning id, time_created
            )
            insert into saga_recovery.saga_tag (saga_id, name, value, time_created) select id, split_part(@tag, '=', 1), split_part(@tag, '=', 2), time_created from more
            """,
            new { id = Guid.Parse(sagas[0]), tag });
        using var interrupt = new CancellationTokenSource();
        using var error = new CancelsAt("500 done", interrupt); // as Ctrl-C between two batches does
        ToolStage stage = ToolStage.SignedIn with { CancellationToken = interrupt.Token, Error = error, Answer = "y\n" };

        ToolRun run = await Sample.RunAsync(stage, Way.Database, "batch", "hold", "--tag", tag, "--comment", "x", "--max", "1000");

        run.Should(ExitCode.Interrupted).Error.Should().Contain("batch hold: interrupted, 500 done, 0 refused, 101 left. Repeat the command to continue.");
        ToolRun repeated = await Sample.RunAsync(Way.Database, "batch", "hold", "--tag", tag, "--comment", "x", "--max", "1000", "--yes");
        repeated.ShouldBeDone().Out.Should().Be("batch hold: 601 done, 0 refused\n");
    }

    /// <summary>Starts demo sagas and tags them.</summary>
    private async Task<(string Tag, string[] Sagas)> TaggedAsync(int count)
    {
        string value = Guid.NewGuid().ToString("N");
        string[] sagas = new string[count];
        for (int i = 0; i < count; i++)
        {
            sagas[i] = await Sample.StartDemoSagaAsync();
        }

        await Sample.ExecuteAsync(
            "insert into saga_recovery.saga_tag (saga_id, name, value, time_created) select id, 'run', @value, time_created from saga_recovery.saga where id = any (@ids)",
            new { value, ids = Ids(sagas) });
        return ($"run={value}", sagas);
    }

    private static Guid[] Ids(IEnumerable<string> sagas) => [.. sagas.Select(Guid.Parse)];

    /// <summary>A standard error that cancels when it prints a text.</summary>
    private sealed class CancelsAt(string text, CancellationTokenSource cancellation) : StringWriter
    {
        public override Task WriteLineAsync(string? value)
        {
            if (value?.Contains(text, StringComparison.Ordinal) == true)
            {
                cancellation.Cancel();
            }

            return base.WriteLineAsync(value);
        }
    }
}
