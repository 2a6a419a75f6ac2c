using Npgsql;
using SagaRecovery.Fencing;
using SagaRecovery.Postgres;
using SagaRecovery.Status;
using SagaRecovery.Storage;
using SagaRecovery.Tests.Support;

namespace SagaRecovery.Tests.Postgres;

/// <summary>The settings of a careful administrator neither stop nor mislead recovery; an unusable setting is refused by its name.</summary>
public sealed class AdministratorSettingsTests(PostgresCluster cluster) : PostgresTest(cluster)
{
    private static readonly OperatorNote s_note = new("ann", "a test");

    [Theory]
    [InlineData("lock_timeout = '200ms'")]
    [InlineData("statement_timeout = '300ms'")]
    [InlineData("transaction_timeout = '300ms'")]
    public async Task A_join_waits_for_a_stalled_writer_and_ends_it_under_any_timeout(string setting)
    {
        await using SagaDatabase db = await WithAsync(setting);
        Membership old = await Db.JoinAsync();
        await using NpgsqlConnection stopped = await Db.DataSource.OpenConnectionAsync();
        await using NpgsqlTransaction halfway = await stopped.BeginTransactionAsync();
        await using (var take = new NpgsqlCommand(Db.LockOn(old.Coordinator, shared: true), stopped, halfway))
        {
            await take.ExecuteNonQueryAsync();
        }

        Membership present = await db.NewStore(stalled: TimeSpan.FromMilliseconds(600)).JoinAsync(old.Coordinator, CancellationToken.None);

        present.Incarnation.Value.Should().Be(old.Incarnation.Value + 1);
    }

    [Fact]
    public async Task Connections_that_died_in_the_pool_cost_no_request()
    {
        await using SagaDatabase db = await WithAsync("idle_session_timeout = '100ms'");
        Membership us = await db.JoinAsync();
        SagaId saga = await db.CreateSagaAsync(us);
        Func<Task>[] requests =
        [
            () => db.CreateSagaAsync(us),
            () => db.ListAsync(us),
            () => db.LoadAsync(us, saga),
            () => db.Controls.ReadControlsAsync(us, CancellationToken.None),
            () => db.Operations.FindAsync(saga, CancellationToken.None),
            () => db.Operations.ListAsync(new SagaFilter(), CancellationToken.None),
            () => db.Operations.HoldAsync(saga, s_note, CancellationToken.None),
            () => db.Cluster.ReadViewAsync(CancellationToken.None),
            () => db.Operations.AbandonAsync(saga, new OperatorActionCondition { EvenIfOwnerAnswers = true }, s_note, CancellationToken.None),
        ];
        foreach (Func<Task> request in requests)
        {
            await Eventually.HoldsAsync(() => RestAsync(db), "several connections rested in the pool");
            await Eventually.HoldsAsync(
                () => Db.QueryAsync<bool>("select count(*) = 0 from pg_stat_activity where application_name = 'rests'"), "all of them had been ended");

            await request();
        }

        (await Db.StateOfAsync(saga)).Should().Be("abandoned");
    }

    /// <returns>False if a connection from an earlier round died when the test took it: its own queries are not repeated.</returns>
    private static async Task<bool> RestAsync(SagaDatabase db)
    {
        try
        {
            await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => db.QueryAsync<int>("select pg_backend_pid()")));
            return true;
        }
        catch (NpgsqlException)
        {
            return false;
        }
    }

    [Fact]
    public async Task A_read_only_default_is_refused_by_its_name()
    {
        await using SagaDatabase db = await WithAsync("default_transaction_read_only = on");

        (await ((Func<Task>)(() => db.JoinAsync())).Should().ThrowAsync<InvalidOperationException>())
            .WithMessage("*'default_transaction_read_only'*turn it off for the role*");
    }

    [Fact]
    public async Task A_default_that_becomes_read_only_fails_every_pass_by_its_name()
    {
        Membership us = await Db.JoinAsync();
        await using SagaDatabase db = await WithAsync("default_transaction_read_only = on");

        foreach (Func<Task> read in new Func<Task>[]
        {
            () => db.ListAsync(us),
            () => db.LoadAsync(us),
            () => db.Controls.ReadControlsAsync(us, CancellationToken.None),
        })
        {
            (await read.Should().ThrowAsync<InvalidOperationException>()).WithMessage("*'default_transaction_read_only'*turn it off for the role*");
        }
    }

    /// <summary>A session keeps the default of its role. The pool must not keep the session.</summary>
    [Fact]
    public async Task A_default_that_is_no_longer_read_only_is_noticed_at_once()
    {
        Membership us = await Db.JoinAsync();
        await using SagaDatabase db = await WithAsync("default_transaction_read_only = on");
        Func<Task>[] requests = [() => db.ListAsync(us), () => db.CreateSagaAsync(us), () => db.JoinAsync()];
        foreach (Func<Task> request in requests)
        {
            (await request.Should().ThrowAsync<Exception>()).Which.Message.Should().Contain("read-only");
        }

        await SagaDatabase.AlterAsync($"{Db.Direct};Options=-c default_transaction_read_only=off", "default_transaction_read_only = off");

        foreach (Func<Task> request in requests)
        {
            await request();
        }
    }

    [Theory]
    [InlineData("plan_cache_mode = force_generic_plan")]
    [InlineData("plan_cache_mode = force_custom_plan")]
    [InlineData("idle_in_transaction_session_timeout = '200ms'")]
    [InlineData("default_transaction_deferrable = on")]
    public async Task Everything_works_under(string setting)
    {
        await using SagaDatabase db = await WithAsync(setting);
        Membership us = await db.JoinAsync();
        SagaId saga = await db.CreateSagaAsync(us);

        (await db.AppendAsync(us, saga, events: SagaDatabase.Event(0, NodeEventType.Started))).Should().BeTrue();
        (await db.ListAsync(us)).Should().ContainSingle();
        ((LoadedSaga.Present)(await db.LoadAsync(us, saga))[0]).Saga.Events.Should().ContainSingle();
    }

    [Fact]
    public async Task The_tables_are_recognised_where_all_identifiers_are_quoted()
    {
        await using SagaDatabase db = await WithAsync("quote_all_identifiers = on");

        (await db.Schema.CheckAsync()).Should().BeEmpty();
    }

    [Theory]
    [InlineData("off", "on")]
    [InlineData("local", "on")]
    [InlineData("remote_write", "on")]
    [InlineData("on", "on")]
    [InlineData("remote_apply", "remote_apply")]
    public async Task A_fenced_write_is_durable_under_any_default(string setting, string used)
    {
        Membership us = await Db.JoinAsync();
        SagaId saga = await Db.CreateSagaAsync(us);
        await Db.ExecuteAsync(
            """
            create table durability (setting text);
            create function note() returns trigger language plpgsql as 'begin insert into durability values (current_setting(''synchronous_commit'')); return new; end';
            create trigger note before insert on saga_recovery.saga_node_event for each row execute function note();
            """);
        await using SagaDatabase db = await WithAsync($"synchronous_commit = {setting}");

        await db.AppendAsync(us, saga, events: SagaDatabase.Event(0, NodeEventType.Started));

        (await Db.QueryAsync<string>("select setting from durability")).Should().Be(used);
    }

    [Fact]
    public async Task A_warning_that_is_not_about_the_commit_is_none_of_its_business()
    {
        Membership us = await Db.JoinAsync();
        SagaId saga = await Db.CreateSagaAsync(us);
        await Db.ExecuteAsync(
            """
            create function warn() returns trigger language plpgsql as 'begin raise warning ''somebody writes''; return new; end';
            create trigger warn before insert on saga_recovery.saga_node_event for each row execute function warn();
            """);

        (await Db.AppendAsync(us, saga, events: SagaDatabase.Event(0, NodeEventType.Started))).Should().BeTrue();
    }

    [Fact]
    public async Task Plans_that_are_shown_as_warnings_are_none_of_its_business()
    {
        await Db.JoinAsync();
        await using SagaDatabase db = await WithAsync("session_preload_libraries = 'auto_explain'", "auto_explain.log_min_duration = 0", "auto_explain.log_level = warning");
        Membership us = await db.JoinAsync();
        SagaId saga = await db.CreateSagaAsync(us);

        (await db.AppendAsync(us, saga, events: SagaDatabase.Event(0, NodeEventType.Started))).Should().BeTrue();
    }

    [Fact]
    public async Task Operator_actions_are_numbered_after_those_that_were_copied_here()
    {
        Membership us = await Db.JoinAsync();
        await Db.ExecuteAsync("insert into saga_recovery.saga_operator_action (id, action, actor, reason) values (41, 'pause', 'bob', 'at the old server')");
        SagaId[] sagas = [await Db.CreateSagaAsync(us), await Db.CreateSagaAsync(us), await Db.CreateSagaAsync(us)];

        OperatorActionResult[] held = await Task.WhenAll(sagas.Select(saga => Db.Operations.HoldAsync(saga, s_note, CancellationToken.None)));

        held.Should().AllBeEquivalentTo(OperatorActionResult.Done.Instance);
        (await Db.QueryAsync<string>("select string_agg(id::text, ',' order by id) from saga_recovery.saga_operator_action")).Should().Be("41,42,43,44");
    }

    /// <summary>A process that starts after an administrator has set defaults of this database.</summary>
    private async Task<SagaDatabase> WithAsync(params string[] settings)
    {
        await Db.Schema.CreateAsync();
        foreach (string setting in settings)
        {
            try
            {
                await SagaDatabase.AlterAsync(Db.Direct, setting);
            }
            catch (PostgresException unknown) when (unknown.SqlState == PostgresErrorCodes.UndefinedObject)
            {
                // a setting of a later version: the test proves nothing here
            }
        }

        return new SagaDatabase($"{Db.Direct};Application Name=rests", new PostgresStoreOptions { CreateSchema = false });
    }
}
