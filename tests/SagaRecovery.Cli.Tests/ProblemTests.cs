using SagaRecovery.Cli.Tests.Support;
using SagaRecovery.Operations;
using SagaRecovery.Status;

namespace SagaRecovery.Cli.Tests;

/// <summary>The command <c>problems</c>.</summary>
[Collection(OnPostgres.Name)]
public sealed class ProblemTests(SampleFixture fixture) : IClassFixture<SampleFixture>
{
    private const string Elsewhere = "\nProblems that only one process knows are listed by that process: failing, unknown-definition, passes-fail, fenced.\n";

    private SampleService Sample => fixture.Sample;

    [Theory]
    [InlineData(Way.Service, "ada")]
    [InlineData(Way.Database, ToolRun.OsUser)]
    public async Task Problems_are_listed_with_the_next_command_and_acknowledged(string way, string actor)
    {
        await Sample.ExecuteAsync("delete from saga_recovery.saga_acknowledgement");
        string saga = await Sample.StartDemoSagaAsync();
        await Sample.SetOwnerAsync(saga, owner: null);

        (await Sample.RunAsync(way, "problems")).ShouldBeDone().Out.Should().MatchRegex(
            "^1 problem \\(1 unowned\\)\n\nunowned, for [^\n]+\n  1 unfinished saga has no owner\\.\n  next: coordinators reassign unowned\n" + Elsewhere + "$");
        (await Sample.RunAsync(way, "problems", "acknowledge", "unowned", "--comment", "INC-7")).ShouldBeDone().Out.Should().Be("acknowledged unowned\n");

        (await Sample.RunAsync(way, "problems")).ShouldBeDone().Out.Should().Contain(", 1 of them acknowledged").And.Contain($" ago by {actor}: INC-7\n");
        (await Sample.RunAsync(way, "problems", "--open")).ShouldBeDone().Out.Should().Be("1 problem (1 unowned), 1 of them acknowledged\n" + Elsewhere);
        ProblemList json = (await Sample.RunAsync(way, "problems", "--json")).ShouldBeDone().Read(RecoveryReportJson.Default.ProblemList);
        json.Problems.Single().Acknowledged!.Note.Should().Be(new OperatorNote(actor, "INC-7"));

        await Sample.SetOwnerAsync(saga, Sample.CoordinatorId);
        (await Sample.RunAsync(way, "problems")).ShouldBeDone().Out.Should().Be("no problems\n" + Elsewhere);
    }

    [Theory]
    [InlineData(Way.Service)]
    [InlineData(Way.Database)]
    public async Task A_problem_that_does_not_exist_is_exit_code_3(string way) =>
        (await Sample.RunAsync(way, "problems", "acknowledge", "stuck:x", "--comment", "INC-7")).ShouldRefuse(ExitCode.NotFound, "There is no problem 'stuck:x'");
}
