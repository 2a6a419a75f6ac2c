using System.Text.Json;
using SagaRecovery.Cli.Tests.Support;
using SagaRecovery.Postgres;

namespace SagaRecovery.Cli.Tests;

[Collection(OnPostgres.Name)]
public sealed class SchemaTests(PostgresCluster postgres)
{
    [Fact]
    public async Task Missing_tables_fail_the_check_until_they_are_applied()
    {
        string database = await postgres.NewDatabaseAsync();

        (await RunAsync(database, "check")).ShouldRefuse(ExitCode.Failed, "run 'schema apply'").Out.Should().Be("there are none\n");
        (await ToolRun.OfAsync("sagas", "list", "--connection", database)).ShouldRefuse(ExitCode.Failed, "run 'schema check'");
        (await RunAsync(database, "apply")).ShouldBeDone();
        (await RunAsync(database, "apply")).ShouldBeDone();
        (await RunAsync(database, "check")).ShouldBeDone().Out.Should().Be($"schema 'saga_recovery' matches version {PostgresSchema.Version}\n");
        (await ToolRun.OfAsync("sagas", "list", "--connection", database)).ShouldBeDone().Error.Should().Contain("No sagas match");
        (await ToolRun.OfAsync("status", "--connection", database)).ShouldBeDone().Out.Should().Contain("No coordinator has ever joined").And.Contain("No sagas");
    }

    [Fact]
    public async Task A_schema_of_another_name_is_another_schema()
    {
        string database = await postgres.NewDatabaseAsync();

        (await RunAsync(database, "apply", "--schema", "my_sagas", "--json")).ShouldBeDone();

        JsonElement findings = JsonDocument.Parse((await RunAsync(database, "check", "--json")).Should(ExitCode.Failed).Out).RootElement;
        findings.GetProperty("differences").EnumerateArray().Single().GetString().Should().Be("there are none");
        (await RunAsync(database, "check", "--schema", "my_sagas")).ShouldBeDone();
    }

    [Fact]
    public async Task Joins_are_revoked_with_one_command_after_a_confirmation()
    {
        string database = await postgres.NewDatabaseAsync();
        (await RunAsync(database, "apply")).ShouldBeDone();

        (await ToolRun.OfAsync("coordinators", "revoke-all", "--comment", "restored", "--connection", database)).ShouldRefuse(ExitCode.Usage, "pass --yes");
        (await ToolRun.OfAsync("coordinators", "revoke-all", "--comment", "restored", "--yes", "--connection", database)).ShouldBeDone().Out.Should()
            .Be("revoke-all: done, 0 coordinators. Each joins again when its process restarts.\n");
    }

    private static Task<ToolRun> RunAsync(string database, params IReadOnlyList<string> args) => ToolRun.OfAsync(["schema", .. args, "--connection", database]);
}
