using System.Text;
using System.Text.Json;
using SagaRecovery.Cli.Tests.Support;

namespace SagaRecovery.Cli.Tests;

/// <summary>Names, errors, comments and parameters are untrusted input: they are shown and never interpreted.</summary>
[Collection(OnPostgres.Name)]
public sealed class HostileTextTests(SampleFixture fixture) : IClassFixture<SampleFixture>
{
    private const string Hostile = "\u001b[2J\u001b]0;owned\u0007[red]x[/] :skull: <b>&amp; \u202Eevil\u2028line\r\nforged \u200b";

    private SampleService Sample => fixture.Sample;

    [Theory]
    [InlineData(Way.Service, false)]
    [InlineData(Way.Database, false)]
    [InlineData(Way.Database, true)]
    public async Task Hostile_text_is_shown_in_its_line_cut_and_without_effect(string way, bool rich)
    {
        string saga = await Sample.StartDemoSagaAsync();
        await Sample.ExecuteAsync(
            """
            update saga_recovery.saga set name = @text || repeat('n', 2000000), params = to_json(@text || repeat('p', 2000000)) where id = @id;
            insert into saga_recovery.saga_hold values (@id, now(), @text, @text || repeat('r', 100000));
            insert into saga_recovery.saga_node_event values (@id, 0, 'failed', to_json(@text || repeat('e', 2000000)), now(), @id);
            """,
            new { id = Guid.Parse(saga), text = Hostile });
        ToolStage stage = ToolStage.SignedIn with { IsRich = rich };

        foreach (string[] args in new string[][] { ["sagas", "list"], ["sagas", "show", saga], ["explain", saga] })
        {
            ToolRun run = (await Sample.RunAsync(stage, way, args)).ShouldBeDone();

            string text = rich ? WithoutOurColours(run.Out) : run.Out;
            text.Should().NotContain("\u001b").And.NotContain("\u0007").And.NotContain("\u202e").And.NotContain("\u2028").And.NotContain("\r").And.NotContain("\u200b");
            text.Should().Contain("[red]x[/] :skull: <b>&amp;  evil line  forged");
            run.Out.Length.Should().BeLessThan(20_000);
        }

        ToolRun refused = await Sample.RunAsync(stage, Way.Database, "sagas", "abandon", saga, "--comment", Hostile, "--yes");
        refused.Should(ExitCode.Refused).Error.Should().NotContain("\u001b").And.NotContain("\u202e").And.Contain("[red]x[/]");
        await Sample.ExecuteAsync("delete from saga_recovery.saga where id = @id", new { id = Guid.Parse(saga) });
    }

    [Fact]
    public async Task In_json_hostile_text_is_escaped_and_whole_up_to_its_bound()
    {
        string saga = await Sample.StartDemoSagaAsync();
        await Sample.ExecuteAsync("update saga_recovery.saga set name = @text where id = @id", new { id = Guid.Parse(saga), text = Hostile });

        ToolRun run = (await Sample.RunAsync(Way.Database, "sagas", "show", saga, "--json")).ShouldBeDone();

        run.Out.Should().NotContain("\u001b").And.NotContain("\u202e");
        JsonDocument.Parse(run.Out).RootElement.GetProperty("summary").GetProperty("name").GetString().Should().Be(Hostile);
        await Sample.ExecuteAsync("delete from saga_recovery.saga where id = @id", new { id = Guid.Parse(saga) });
    }

    /// <summary>Only colours are sent to a terminal.</summary>
    private static string WithoutOurColours(string text)
    {
        var rest = new StringBuilder(text);
        foreach (string colour in new[] { "\u001b[0m", "\u001b[1m", "\u001b[32m", "\u001b[33m", "\u001b[91m", "\u001b[93m", "\u001b[31m" })
        {
            rest.Replace(colour, "");
        }

        return rest.ToString();
    }
}
