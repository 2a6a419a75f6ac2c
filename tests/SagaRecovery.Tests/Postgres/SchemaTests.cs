using Dapper;
using Microsoft.Extensions.Options;
using Npgsql;
using SagaRecovery.Fencing;
using SagaRecovery.Postgres;
using SagaRecovery.Status;
using SagaRecovery.Storage;
using SagaRecovery.Tests.Support;

namespace SagaRecovery.Tests.Postgres;

public sealed class SchemaTests(PostgresCluster cluster) : PostgresTest(cluster)
{
    private static readonly string[] s_orderOfStep =
    [
        "set local lock_timeout = '100ms'", "pg_advisory_xact_lock", "lock table ", "do $guard$", "alter table ", "insert into saga_recovery.schema_version", "commit;",
    ];

    [Fact]
    public async Task The_tables_that_the_script_creates_are_exactly_those_that_the_check_expects()
    {
        (await Db.Schema.CheckAsync()).Should().Equal("there are none");

        await Db.ExecuteAsync(PostgresSchema.Script());

        (await Db.Schema.CheckAsync()).Should().BeEmpty();
    }

    [Fact]
    public async Task Processes_that_create_the_tables_at_once_take_turns_and_doing_it_again_is_harmless()
    {
        await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Db.Schema.CreateAsync()));
        await Db.Schema.CreateAsync();

        (await Db.Schema.CheckAsync()).Should().BeEmpty();
        (await Db.QueryAsync<long>("select count(*) from saga_recovery.schema_version")).Should().Be(PostgresSchema.Version);
    }

    [Fact]
    public async Task The_check_names_every_difference_and_minds_no_additions()
    {
        await Db.Schema.CreateAsync();
        await Db.ExecuteAsync("drop index saga_recovery.saga_unfinished");
        await Db.ExecuteAsync("alter table saga_recovery.saga_coordinator drop column host");
        await Db.ExecuteAsync("alter table saga_recovery.saga alter column params type jsonb");
        await Db.ExecuteAsync("alter table saga_recovery.saga add column note text");

        IReadOnlyList<string> differences = await Db.Schema.CheckAsync();

        differences.Should().HaveCount(3);
        differences.Should().ContainMatch("*saga_unfinished*").And.ContainMatch("*saga_coordinator.host*").And.ContainMatch("*saga.params json*");
    }

    [Fact]
    public async Task Tables_are_not_created_unless_requested()
    {
        (await RefusalAsync()).Should().Match<SchemaMismatchException>(refusal => refusal.PresentVersion == 0 && refusal.RequiredVersion == PostgresSchema.Version)
            .And.Match<SchemaMismatchException>(refusal => refusal.Message ==
                "The tables in schema 'saga_recovery' are not those that this package requires (version 11): there are none. Create them: run 'saga-recovery schema apply' "
                + "or the script that PostgresSchema.Script returns, or set SagaRecovery:Postgres:CreateSchema to true.");
        (await Db.QueryAsync<bool>("select to_regnamespace('saga_recovery') is null")).Should().BeTrue();
    }

    [Fact]
    public async Task Older_tables_are_to_be_upgraded_and_not_to_be_created()
    {
        await Db.UpgradeAsync([.. SchemaStep.All.Take(7)]);

        (await RefusalAsync()).Message.Should().Contain("they are at version 7. Upgrade them: run 'saga-recovery schema apply'")
            .And.Contain("PostgresSchema.Script(\"saga_recovery\", from: 7)").And.NotContain("Create them");
        (await Db.Schema.CheckAsync()).Should().Equal("they are at version 7, and this package requires 11");
    }

    [Fact]
    public async Task Older_tables_that_stay_locked_are_a_refusal_that_names_the_holder()
    {
        await Db.UpgradeAsync([.. SchemaStep.All.Take(7)]);
        await using NpgsqlConnection reader = await Db.DataSource.OpenConnectionAsync();
        await using NpgsqlTransaction open = await reader.BeginTransactionAsync();
        await reader.ExecuteAsync("select from saga_recovery.schema_version");

        (await RefusalAsync(create: true)).Should().Match<SchemaMismatchException>(refusal => refusal.InnerException is TimeoutException && refusal.PresentVersion == 7)
            .And.Match<SchemaMismatchException>(refusal => refusal.Message.Contains($"by backend {reader.ProcessID} ("));
    }

    [Fact]
    public async Task A_role_that_may_not_upgrade_the_tables_is_a_refusal_with_the_words_of_the_database()
    {
        await Db.UpgradeAsync([.. SchemaStep.All.Take(7)]);
        string role = $"reader_{Guid.NewGuid():n}";
        await Db.ExecuteAsync($"create role {role} login; grant usage on schema saga_recovery to {role}; grant select on all tables in schema saga_recovery to {role}");
        var settings = new NpgsqlConnectionStringBuilder(Db.Direct) { Options = $"-c role={role}" };
        await using var restricted = new SagaDatabase(settings.ConnectionString);

        (await FluentActions.Awaiting(() => restricted.Schema.EnsureAsync(CancellationToken.None)).Should().ThrowAsync<SchemaMismatchException>())
            .WithMessage("*they are at version 7*The attempt to do so failed: 42501*");
    }

    [Theory]
    [InlineData("8", true)]
    [InlineData("3", true)]
    [InlineData("12", false)]
    [InlineData("null", false)]
    public async Task Newer_tables_are_used_if_they_are_readable_since_this_version_or_an_earlier_one(string readableSince, bool isUsed)
    {
        await Db.Schema.CreateAsync();
        await Db.ExecuteAsync($"insert into saga_recovery.schema_version (version, readable_since) values (12, {readableSince})");

        if (isUsed)
        {
            await Db.JoinAsync();
            (await Db.Schema.CheckAsync()).Should().BeEmpty();
        }
        else
        {
            (await RefusalAsync(create: true)).Message.Should().Match(readableSince == "12"
                ? "*they are at version 12, which packages of version 12 and later can use. Deploy a package that requires version 12 of the tables or a later one."
                : "*they are at version 12, and do not state which older packages can use them. A newer version of the package created them: deploy one *");
            (await Db.Schema.CheckAsync()).Should().ContainSingle().Which.Should().Contain("they are at version 12").And.Contain("this package requires 11");
        }
    }

    [Fact]
    public async Task Calls_before_the_first_join_read_no_tables_that_are_too_new()
    {
        await Db.Schema.CreateAsync();
        await Db.ExecuteAsync("insert into saga_recovery.schema_version (version, readable_since) values (12, 12)");
        var saga = new SagaId(Guid.NewGuid());
        var reader = new PostgresSagaReader(Db.Database, Db.Schema);

        await reader.Awaiting(it => it.ReadAsync(saga, CancellationToken.None)).Should().ThrowAsync<SchemaMismatchException>();
        await Db.Operations.Awaiting(it => it.CancelAsync(saga, new OperatorNote("ann", "no longer needed"), CancellationToken.None))
            .Should().ThrowAsync<SchemaMismatchException>();
        await Db.ExecuteAsync("delete from saga_recovery.schema_version where version = 12");
        (await reader.ReadAsync(saga, CancellationToken.None)).Should().BeNull();
    }

    [Fact]
    public async Task Of_newer_tables_columns_and_keys_are_compared_since_a_newer_version_may_accept_more_values_and_have_other_indexes()
    {
        await Db.Schema.CreateAsync();
        await Db.ExecuteAsync("insert into saga_recovery.schema_version (version, readable_since) values (12, 8)");
        await Db.ExecuteAsync("alter table saga_recovery.saga drop constraint saga_state_check, add constraint saga_state_check check (state <> '')");
        await Db.ExecuteAsync("drop index saga_recovery.saga_unfinished");
        await Db.JoinAsync();

        await Db.ExecuteAsync("alter table saga_recovery.saga_coordinator drop column host");

        (await RefusalAsync()).Differences.Should().Equal("missing or different: column saga_coordinator.host text not null");
    }

    [Fact]
    public async Task Tables_of_this_version_with_other_elements_are_refused_with_a_list_of_a_few()
    {
        await Db.Schema.CreateAsync();
        await Db.ExecuteAsync("drop table saga_recovery.saga_hold");

        (await RefusalAsync(create: true)).Message.Should().Contain("they are at version 11, with differences: missing or different: CREATE UNIQUE INDEX saga_hold_pkey")
            .And.MatchRegex("; and [0-9]+ more. Restore these elements").And.NotContain("Create them").And.NotContain("Upgrade them");
    }

    [Fact]
    public void A_script_sets_the_timeout_before_the_first_lock_and_takes_all_locks_before_the_first_change()
    {
        string script = PostgresSchema.Script(from: 1);

        foreach (string step in script.Split("begin isolation level read committed;").Skip(1).Where(step => step.Contains("lock table", StringComparison.Ordinal)))
        {
            int[] places = [.. s_orderOfStep.Select(part => step.IndexOf(part, StringComparison.Ordinal))];
            places.Should().NotContain(-1).And.BeInAscendingOrder();
        }
    }

    [Fact]
    public async Task Events_may_be_partitioned_by_the_script()
    {
        Membership us = await Db.JoinAsync();
        SagaId saga = await Db.CreateSagaAsync(us);
        await Db.AppendAsync(us, saga, newState: null, SagaDatabase.Event(0, NodeEventType.Started));

        await Db.ExecuteAsync(PostgresSchema.PartitionEventsScript(4));

        (await Db.Schema.CheckAsync()).Should().BeEmpty();
        await Db.AppendAsync(us, saga, SagaState.Succeeded, SagaDatabase.Event(0, NodeEventType.Succeeded, "1"));
        (await Db.CountEventsAsync(saga)).Should().Be(2);
        (await Db.QueryAsync<int>("select count(*) from pg_inherits where inhparent = 'saga_recovery.saga_node_event'::regclass")).Should().Be(4);
        await Db.ExecuteAsync("alter table saga_recovery.saga_node_event drop constraint saga_node_event_pkey");
        (await Db.Schema.CheckAsync()).Should().Contain(line => line.Contains("saga_node_event_pkey"));
    }

    [Fact]
    public void A_script_builds_indexes_outside_of_a_transaction()
    {
        string[] parts = PostgresSchema.Script(from: 1).Split("commit;\n");

        IEnumerable<string> concurrent = parts.Where(part => part.Contains(" concurrently ", StringComparison.Ordinal));

        concurrent.Should().NotBeEmpty().And.OnlyContain(
            part => part.IndexOf("begin isolation level", StringComparison.Ordinal) > part.LastIndexOf(" concurrently ", StringComparison.Ordinal));
        PostgresSchema.Script().Should().NotContain(" concurrently ", "tables that are created have no writers");
    }

    [Fact]
    public void A_script_of_no_step_or_of_an_unknown_version_is_told_apart()
    {
        PostgresSchema.Script(from: PostgresSchema.Version).Should().NotContain("begin");
        FluentActions.Invoking(() => PostgresSchema.Script(from: PostgresSchema.Version + 1)).Should().Throw<ArgumentOutOfRangeException>();
        FluentActions.Invoking(() => PostgresSchema.Script(from: -1)).Should().Throw<ArgumentOutOfRangeException>();
    }

    [Fact]
    public async Task Another_schema_name_serves_as_well()
    {
        await using SagaDatabase elsewhere = With(new PostgresStoreOptions { CreateSchema = true, Schema = "my_sagas" });

        Membership us = await elsewhere.JoinAsync();
        SagaId saga = await elsewhere.CreateSagaAsync(us);

        (await elsewhere.ListAsync(us)).Should().ContainSingle(candidate => candidate.SagaId == saga);
        (await elsewhere.Schema.CheckAsync()).Should().BeEmpty();
        (await Db.QueryAsync<bool>("select to_regnamespace('saga_recovery') is null")).Should().BeTrue();
    }

    [Fact]
    public async Task Every_kind_of_operator_action_can_be_recorded()
    {
        await Db.Schema.CreateAsync();

        foreach (OperatorActionKind kind in Enum.GetValues<OperatorActionKind>())
        {
            await Db.ExecuteAsync(
                "insert into saga_recovery.saga_operator_action (id, action, actor, reason) values (@Id, @Action, '', '')",
                new { Id = (long)kind, Action = SagaNames.Of(kind) });
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("public; drop table x")]
    [InlineData("Sagas")]
    [InlineData("1st")]
    public void A_schema_name_that_would_need_quoting_is_refused_by_name_of_the_setting(string schema)
    {
        ValidateOptionsResult result = new PostgresStoreOptionsValidator().Validate(null, new PostgresStoreOptions { Schema = schema });

        result.Failed.Should().BeTrue();
        result.FailureMessage.Should().Contain("SagaRecovery:Postgres:Schema");
    }

    private async Task<SchemaMismatchException> RefusalAsync(bool create = false)
    {
        await using SagaDatabase asIs = With(new PostgresStoreOptions { CreateSchema = create, SchemaLockTimeout = TimeSpan.FromMilliseconds(50) });
        return (await FluentActions.Awaiting(() => asIs.JoinAsync()).Should().ThrowAsync<SchemaMismatchException>()).Which;
    }

    private SagaDatabase With(PostgresStoreOptions options) => new(Db.DataSource.ConnectionString, options);
}
