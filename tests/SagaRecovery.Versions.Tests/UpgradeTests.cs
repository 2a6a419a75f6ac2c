using SagaRecovery.Postgres;
using SagaRecovery.Versions.Tests.Support;

namespace SagaRecovery.Versions.Tests;

/// <summary>Processes of the previous package and of the present one, on one database, under load, while its tables change their version.</summary>
public sealed class UpgradeTests(PostgresCluster cluster) : IClassFixture<PostgresCluster>, IAsyncLifetime
{
    private const int PreviousVersion = 7;
    private const int Load = 4;
    private const int Many = 20;

    private readonly Guid _old = Guid.NewGuid();
    private readonly Guid _new = Guid.NewGuid();
    private VersionDatabase _database = null!;

    public async ValueTask InitializeAsync() => _database = await VersionDatabase.CreateAsync(cluster);

    public ValueTask DisposeAsync() => _database.DisposeAsync();

    [Fact]
    public async Task Old_processes_work_on_while_a_new_one_upgrades_the_tables_and_a_new_one_resumes_their_sagas()
    {
        await using Worker old = Worker.Previous(_database.ConnectionString, _old, Load, createSchema: true);
        await old.EndsMoreAsync(Many);
        (await _database.VersionAsync()).Should().Be(PreviousVersion);

        await using Worker beside = Worker.Present(_database.ConnectionString, _new, Load, createSchema: true);
        await _database.IsAtAsync(PostgresSchema.Version);
        await beside.EndsMoreAsync(Many);
        await old.EndsMoreAsync(Many);
        old.ShouldHaveRunAll();
        await KillWithSagasUnderWayAsync(old);

        await using Worker successor = Worker.Present(_database.ConnectionString, _old, load: 0);
        beside.Refusals.Should().BeEmpty();
        await beside.TerminateAsync();
        await using Worker again = Worker.Present(_database.ConnectionString, _new, load: 0);
        await _database.IsDoneAsync();

        (await _database.QueryAsync<int>("select count(*) from step_run where process = @Id", new { successor.Id })).Should()
            .BePositive("the kill left sagas, which the successor resumed");
        await _database.ShouldHaveRunOnceAsync([.. old.Started, .. beside.Started]);
    }

    [Fact]
    public async Task Package_and_schema_are_rolled_back_and_upgraded_again_under_load()
    {
        await using Worker old = Worker.Previous(_database.ConnectionString, _old, Load, createSchema: true);
        await old.EndsMoreAsync(Many);
        await _database.ApplyAsync();
        await using Worker upgraded = Worker.Present(_database.ConnectionString, _new, Load);
        await upgraded.EndsMoreAsync(Many);

        // An old process that starts now refuses the tables, in the words of its version.
        var third = Guid.NewGuid();
        await using Worker late = Worker.Previous(_database.ConnectionString, third, Load);
        await late.WaitUntilAsync(
            () => late.Output.Any(line => line.Contains("they are at version 11, and this package requires 7", StringComparison.Ordinal)),
            "the old process had refused the new tables");
        late.Started.Should().BeEmpty();

        // The way back that docs/operations.md states: the new processes end, the old indexes come back, the rows of the versions go, and old ones start in their place.
        await upgraded.TerminateAsync();
        await _database.ExecuteAsync("""
            create unique index if not exists saga_in_progress on saga_recovery.saga (current_coordinator, id) where state in ('running', 'unwinding');
            create index if not exists saga_cancelled on saga_recovery.saga (current_coordinator, id) where cancel_time is not null and state = 'running';
            alter table saga_recovery.saga_operator_action drop constraint saga_operator_action_action_check, add constraint saga_operator_action_action_check
                check (action in ('pause', 'resume', 'hold', 'release', 'retry', 'abandon', 'inject-error', 'reassign', 'take-over', 'drain', 'revoke', 'retry-undo', 'skip-undo', 'cancel'));
            delete from saga_recovery.schema_version where version > 7;
            """);
        await using Worker replaced = Worker.Previous(_database.ConnectionString, _new, Load);
        await replaced.EndsMoreAsync(Many);
        await late.EndsMoreAsync(Many);
        await old.EndsMoreAsync(Many);

        await _database.ApplyAsync();
        await using Worker upgradedAgain = Worker.Present(_database.ConnectionString, Guid.NewGuid(), Load);
        await upgradedAgain.EndsMoreAsync(Many);
        await old.EndsMoreAsync(1);
        old.ShouldHaveRunAll();
        late.ShouldHaveRunAll();
        replaced.ShouldHaveRunAll();

        Worker[] all = [old, late, replaced, upgradedAgain];
        await Task.WhenAll(all.Select(worker => worker.TerminateAsync()));
        await using Worker rest = Worker.Present(_database.ConnectionString, _old, load: 0);
        await using Worker restOfLate = Worker.Present(_database.ConnectionString, third, load: 0);
        await using Worker restOfReplaced = Worker.Present(_database.ConnectionString, _new, load: 0);
        Guid last = await _database.QueryAsync<Guid>("select id from saga_recovery.saga_coordinator where process_id = @Id", new { upgradedAgain.Id });
        await using Worker restOfUpgraded = Worker.Present(_database.ConnectionString, last, load: 0);
        await _database.IsDoneAsync();
        await _database.ShouldHaveRunOnceAsync(all.Append(upgraded).SelectMany(worker => worker.Started));
    }

    [Fact]
    public async Task A_new_process_on_old_tables_tells_every_caller_to_upgrade_them_and_works_once_they_are_upgraded()
    {
        await using (Worker.Previous(_database.ConnectionString, _old, load: 0, createSchema: true))
        {
            await _database.IsAtAsync(PreviousVersion);
        }

        await using Worker worker = Worker.Present(_database.ConnectionString, _new, Load);
        await worker.WaitUntilAsync(() => worker.Refusals.Count() > Load, "each caller was refused");
        worker.Refusals.Should().OnlyContain(line => line.StartsWith(
            "refused SchemaMismatchException: The tables in schema 'saga_recovery' are not those that this package requires (version 11): they are at version 7. "
            + "Upgrade them: run 'saga-recovery schema apply'", StringComparison.Ordinal));
        worker.Output.Should().ContainSingle(line => line.StartsWith("crit: ", StringComparison.Ordinal));

        await _database.ApplyAsync();

        await worker.EndsMoreAsync(Many);
        worker.Results.Should().OnlyContain(result => result == "Succeeded");
    }

    [Fact]
    public async Task Within_the_range_processes_work_on_newer_tables_and_can_be_started_on_them_and_beyond_it_they_refuse()
    {
        await using Worker running = Worker.Present(_database.ConnectionString, _old, Load, createSchema: true);
        await running.EndsMoreAsync(Many);

        await _database.ApplyAsync(Additive(12, readableSince: PostgresSchema.Version));
        await running.EndsMoreAsync(Many);
        await using Worker started = Worker.Present(_database.ConnectionString, _new, Load);
        await started.EndsMoreAsync(Many);
        started.ShouldHaveRunAll();

        await _database.ApplyAsync(Additive(12, readableSince: PostgresSchema.Version), Additive(13, readableSince: 13));
        await using Worker beyond = Worker.Present(_database.ConnectionString, Guid.NewGuid(), Load);
        await beyond.WaitUntilAsync(() => beyond.Refusals.Count() > Load, "each caller was refused");
        beyond.Refusals.Should().OnlyContain(line => line.EndsWith(
            "they are at version 13, which packages of version 13 and later can use. Deploy a package that requires version 13 of the tables or a later one.",
            StringComparison.Ordinal));
        beyond.Started.Should().BeEmpty();

        await running.EndsMoreAsync(Many); // it had started before the tables left its range: only new processes are refused
        running.ShouldHaveRunAll();
        running.Output.Concat(started.Output).Should().NotContain(line => line.Contains("cached plan", StringComparison.Ordinal));
    }

    /// <summary>Kills the old process while it runs a saga whose last step has not begun.</summary>
    private async Task KillWithSagasUnderWayAsync(Worker old)
    {
        await Eventually.HoldsAsync(
            async () =>
            {
                await old.SignalAsync("STOP");
                bool isUnderWay = await _database.QueryAsync<bool>(
                    """
                    select exists (
                        select from saga_recovery.saga s where s.current_coordinator = @_old and s.state = 'running'
                            and not exists (select from saga_recovery.saga_node_event e where e.saga_id = s.id and e.node_id = 2))
                    """,
                    new { _old });
                await old.SignalAsync(isUnderWay ? "KILL" : "CONT");
                return isUnderWay;
            },
            "a saga was under way");
        await old.ExitCodeAsync();
    }

    /// <summary>A step of the future that gives the tables which every saga uses a column each.</summary>
    private static SchemaStep Additive(int version, int readableSince)
    {
        string[] tables = ["saga", "saga_node_event", "saga_coordinator", "saga_definition"];
        return new SchemaStep(
            version, readableSince, tables, string.Join('\n', tables.Select(table => $"alter table {{schema}}.{table} add column if not exists added_{version} text;")));
    }
}
