using System.Data;
using System.Text.Json;
using Microsoft.Extensions.Time.Testing;
using Npgsql;
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

        (await RunAsync(database, "check")).ShouldRefuse(ExitCode.Failed, "schema apply'").Out.Should().Be("there are none\n");
        (await ToolRun.OfAsync("sagas", "list", "--connection", database)).ShouldRefuse(ExitCode.Failed, "there are none. Create them: run 'saga-recovery schema apply'");
        (await RunAsync(database, "apply")).ShouldBeDone();
        (await RunAsync(database, "apply")).ShouldBeDone();
        (await RunAsync(database, "check")).ShouldBeDone().Out.Should().Be($"schema 'saga_recovery' matches version {PostgresSchema.Version}\n");
        (await ToolRun.OfAsync("sagas", "list", "--connection", database)).ShouldBeDone().Error.Should().Contain("No sagas match");
        (await ToolRun.OfAsync("status", "--connection", database)).ShouldBeDone().Out.Should().Contain("No coordinator has ever joined").And.Contain("No unfinished sagas");
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

    [Fact]
    public async Task Older_tables_are_upgraded_by_the_script_from_their_version()
    {
        string database = await postgres.NewDatabaseAsync();
        await using NpgsqlDataSource source = NpgsqlDataSource.Create(database);
        (await RunAsync(database, "apply")).ShouldBeDone();
        await ExecuteAsync(source, "alter table saga_recovery.schema_version drop column readable_since; delete from saga_recovery.schema_version where version > 7");

        (await RunAsync(database, "check")).ShouldRefuse(ExitCode.Failed, "schema apply'").Out.Should().Be("they are at version 7, and this package requires 11\n");
        (await ToolRun.OfAsync("sagas", "list", "--connection", database)).ShouldRefuse(ExitCode.Failed, "Upgrade them: run 'saga-recovery schema apply'");
        await using (NpgsqlConnection connection = await source.OpenConnectionAsync())
        {
            await SqlScript.RunAsync(connection, (await ToolRun.OfAsync("schema", "script", "--from", "7")).ShouldBeDone().Out);
        }

        (await RunAsync(database, "check")).ShouldBeDone();
        (await ToolRun.OfAsync("schema", "script", "--from", "12")).ShouldRefuse(ExitCode.Usage, "'12' is not a version of the tables from 0 to 11");
    }

    [Fact]
    public async Task Newer_tables_are_worked_on_within_their_range_only()
    {
        string database = await postgres.NewDatabaseAsync();
        await using NpgsqlDataSource source = NpgsqlDataSource.Create(database);
        (await RunAsync(database, "apply")).ShouldBeDone();

        await ExecuteAsync(source, "insert into saga_recovery.schema_version (version, readable_since) values (12, 8)");
        (await ToolRun.OfAsync("sagas", "list", "--connection", database)).ShouldBeDone();
        (await RunAsync(database, "check")).ShouldBeDone().Out.Should().Be("schema 'saga_recovery' is at version 12, which packages of version 11 can use\n");

        await ExecuteAsync(source, "insert into saga_recovery.schema_version (version, readable_since) values (13, 13)");
        (await ToolRun.OfAsync("sagas", "list", "--connection", database)).ShouldRefuse(ExitCode.Failed, "Deploy a package that requires version 13 of the tables");
    }

    [Fact]
    public async Task Tables_that_stay_locked_end_the_upgrade_before_its_time_limit_with_the_holder()
    {
        string database = await postgres.NewDatabaseAsync();
        await using NpgsqlDataSource source = NpgsqlDataSource.Create(database);
        (await RunAsync(database, "apply")).ShouldBeDone();
        await ExecuteAsync(source, "delete from saga_recovery.schema_version where version > 8");
        await using NpgsqlConnection reader = await source.OpenConnectionAsync();
        await using NpgsqlTransaction transaction = await reader.BeginTransactionAsync();
        await using var read = new NpgsqlCommand("select from saga_recovery.saga", reader);
        await read.ExecuteNonQueryAsync();

        (await RunAsync(database, "apply", "--timeout", "6s")).ShouldRefuse(ExitCode.Failed, $"backend {reader.ProcessID} (");
    }

    [Fact]
    public async Task The_build_of_an_index_may_take_longer_than_the_time_limit()
    {
        string database = await postgres.NewDatabaseAsync();
        await using NpgsqlDataSource source = NpgsqlDataSource.Create(database);
        (await RunAsync(database, "apply")).ShouldBeDone();
        await ExecuteAsync(source, "delete from saga_recovery.schema_version where version > 9; drop index saga_recovery.saga_unfinished");
        await using NpgsqlConnection report = await source.OpenConnectionAsync();
        await using NpgsqlTransaction transaction = await report.BeginTransactionAsync(IsolationLevel.RepeatableRead);
        await using var read = new NpgsqlCommand("select from saga_recovery.saga", report);
        await read.ExecuteNonQueryAsync();
        var time = new FakeTimeProvider();

        Task<ToolRun> apply = ToolRun.OfAsync(new ToolStage { Time = time }, "schema", "apply", "--connection", database);
        await Eventually.HoldsAsync(() => IsBuildWaitingAsync(source), "the build waited for the report");
        time.Advance(TimeSpan.FromHours(1));
        await transaction.CommitAsync();

        ToolRun run = await apply;
        run.ExitCode.Should().Be(ExitCode.Done, run.Error);
        run.Error.Should().Contain("saga-recovery: building index saga_unfinished of schema saga_recovery, without blocking writers");
        (await RunAsync(database, "check")).ShouldBeDone();
    }

    private static async Task<bool> IsBuildWaitingAsync(NpgsqlDataSource source)
    {
        await using NpgsqlCommand command = source.CreateCommand("""
            select exists (
                select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and position('create index concurrently' in query) > 0)
            """);
        return (bool)(await command.ExecuteScalarAsync())!;
    }

    private static async Task ExecuteAsync(NpgsqlDataSource source, string sql)
    {
        await using NpgsqlCommand command = source.CreateCommand(sql);
        await command.ExecuteNonQueryAsync();
    }

    private static Task<ToolRun> RunAsync(string database, params IReadOnlyList<string> args) => ToolRun.OfAsync(["schema", .. args, "--connection", database]);
}
