using SagaRecovery.Cli.Tests.Support;
using SagaRecovery.Operations;
using SagaRecovery.Status;

namespace SagaRecovery.Cli.Tests;

[Collection(OnPostgres.Name)]
public sealed class PassTests(SampleFixture fixture) : IClassFixture<SampleFixture>
{
    private SampleService Sample => fixture.Sample;

    [Fact]
    public async Task A_pass_that_is_waited_for_reports_what_it_did()
    {
        await Sample.StartDemoSagaAsync();

        ToolRun text = (await Sample.RunAsync(Way.Service, "activate", "--wait")).ShouldBeDone();
        ToolRun json = (await Sample.RunAsync(Way.Service, "activate", "--wait", "--json")).ShouldBeDone();

        text.Out.Should().MatchRegex("^pass [0-9]+, .*: completed\n  found [1-9], recovered 0, failed 0, already running or queued [1-9]\n$");
        json.Read(RecoveryReportJson.Default.PassReport).Start.Reason.Should().Be(PassReason.Explicit);
    }

    [Fact]
    public async Task A_pass_that_is_not_waited_for_has_begun_when_the_tool_ends()
    {
        ToolRun json = (await Sample.RunAsync(Way.Service, "activate", "--json")).ShouldBeDone();
        ToolRun text = (await Sample.RunAsync(Way.Service, "activate")).ShouldBeDone();

        PassStart start = json.Read(RecoveryReportJson.Default.PassStart);
        start.Reason.Should().Be(PassReason.Explicit);
        text.Out.Should().StartWith($"pass {start.Iteration + 1} began at ");
    }

    [Fact]
    public async Task A_pass_that_fails_is_exit_code_1()
    {
        await Sample.ExecuteAsync("alter table saga_recovery.saga rename to away");
        ToolRun text = await Sample.RunAsync(Way.Service, "activate", "--wait");
        ToolRun json = await Sample.RunAsync(Way.Service, "activate", "--wait", "--json");
        await Sample.ExecuteAsync("alter table saga_recovery.away rename to saga");

        text.Should(ExitCode.Failed).Out.Should().Contain("FAILED: ").And.Contain("saga_recovery.saga");
        json.Should(ExitCode.Failed).Read(RecoveryReportJson.Default.PassReport).Result.Should().Be(PassResult.Failed);
    }

    [Fact]
    public async Task A_plan_names_the_sagas_of_each_bucket()
    {
        string saga = await Sample.StartDemoSagaAsync();

        ToolRun text = (await Sample.RunAsync(Way.Service, "plan")).ShouldBeDone();
        ToolRun json = (await Sample.RunAsync(Way.Service, "plan", "--json")).ShouldBeDone();

        text.Out.Should().MatchRegex("would find [1-9] sagas? in progress").And.MatchRegex("  already running or queued: [1-9]\n").And.Contain($"    {saga}\n");
        json.Read(RecoveryReportJson.Default.RecoveryPlanReport).Found.Should().BePositive();
    }

    [Fact]
    public async Task A_saga_is_retried()
    {
        string saga = await Sample.StartDemoSagaAsync();

        (await Sample.RunAsync(Way.Service, "sagas", "retry", saga, "--comment", "now")).ShouldBeDone().Out.Should().StartWith("retry: done");
    }
}
