using System.Data;
using Npgsql;
using SagaRecovery.Fencing;
using SagaRecovery.Postgres;
using SagaRecovery.Retention;
using SagaRecovery.Storage;
using SagaRecovery.Tests.Support;

namespace SagaRecovery.Tests.Postgres;

/// <summary>What nothing names any more: definitions, operator actions and coordinators.</summary>
public sealed class UnusedTests(PostgresCluster cluster) : RetentionTest(cluster)
{
    private static readonly SavedDefinition s_other = SagaDatabase.DefinitionNamed("other-saga");

    [Fact]
    public async Task A_definition_is_deleted_once_no_saga_has_it_and_no_coordinator_publishes_it()
    {
        Membership us = await Db.JoinAsync();
        await EndedAsync(us, SagaState.Succeeded, TimeSpan.FromDays(31));
        await Db.Definitions.StoreAsync(us, s_other, [], CancellationToken.None); // published, too

        (await DeleteDefinitionsAsync()).Should().Be(0);
        await PurgeAsync();
        (await DeleteDefinitionsAsync()).Should().Be(1);

        (await Db.Retention.ListDefinitionsAsync(CancellationToken.None)).Should().ContainSingle().Which.Name.Should().Be("other-saga");
    }

    [Fact]
    public async Task A_start_after_the_deletion_stores_the_definition_again()
    {
        Membership us = await Db.JoinAsync();
        await EndedAsync(us, SagaState.Succeeded, TimeSpan.FromDays(31));
        await PurgeAsync();
        await DeleteDefinitionsAsync();

        SagaId saga = await Db.CreateSagaAsync(us);

        (await Db.LoadAsync(us, saga)).Should().ContainSingle().Which.Should().BeOfType<LoadedSaga.Present>();
    }

    /// <summary>Its saga is not visible yet, and the transaction may stay open for hours.</summary>
    [Theory]
    [InlineData(IsolationLevel.ReadCommitted)]
    [InlineData(IsolationLevel.RepeatableRead)]
    [InlineData(IsolationLevel.Serializable)]
    public async Task A_definition_stays_while_a_transaction_of_a_caller_has_started_a_saga_with_it(IsolationLevel level)
    {
        Membership us = await Db.JoinAsync();
        PostgresSagaTransactions transactions = Transactions();
        await using NpgsqlConnection caller = await Db.DataSource.OpenConnectionAsync();
        await using NpgsqlTransaction transaction = await caller.BeginTransactionAsync(level);
        var saga = new NewSaga(SagaId.NewAt(DateTimeOffset.UtcNow), SagaDatabase.Definition, "{}"u8.ToArray());
        (await transactions.CreateAsync(transaction, us, saga, CancellationToken.None)).Should().BeTrue();

        (await DeleteDefinitionsAsync()).Should().Be(0);
        await transaction.CommitAsync();
        (await DeleteDefinitionsAsync()).Should().Be(0, "now its saga is there");

        (await Db.LoadAsync(us, saga.Id)).Should().ContainSingle().Which.Should().BeOfType<LoadedSaga.Present>();
    }

    /// <summary>The snapshot of the caller still shows the definition.</summary>
    [Theory]
    [InlineData(IsolationLevel.ReadCommitted)]
    [InlineData(IsolationLevel.RepeatableRead)]
    [InlineData(IsolationLevel.Serializable)]
    public async Task A_definition_that_was_deleted_after_the_callers_snapshot_is_stored_again(IsolationLevel level)
    {
        Membership us = await Db.JoinAsync();
        PostgresSagaTransactions transactions = Transactions(SagaDatabase.Definition);
        await EndedAsync(us, SagaState.Succeeded, TimeSpan.FromDays(31));
        await using NpgsqlConnection caller = await Db.DataSource.OpenConnectionAsync();
        await using NpgsqlTransaction transaction = await caller.BeginTransactionAsync(level);
        await using (var look = new NpgsqlCommand("select count(*) from saga_recovery.saga_definition", caller, transaction))
        {
            (await look.ExecuteScalarAsync()).Should().Be(1L);
        }

        await PurgeAsync();
        (await DeleteDefinitionsAsync()).Should().Be(1);
        var saga = new NewSaga(SagaId.NewAt(DateTimeOffset.UtcNow), SagaDatabase.Definition, "{}"u8.ToArray());
        (await transactions.CreateAsync(transaction, us, saga, CancellationToken.None)).Should().BeTrue();
        await transaction.CommitAsync();

        (await Db.LoadAsync(us, saga.Id)).Should().ContainSingle().Which.Should().BeOfType<LoadedSaga.Present>("its definition is stored");
    }

    [Fact]
    public async Task An_operator_action_goes_after_its_age_and_not_before_its_saga()
    {
        Membership us = await Db.JoinAsync();
        SagaId present = await EndedAsync(us, SagaState.Stuck, TimeSpan.FromDays(31));
        await Db.ExecuteAsync(
            """
            insert into saga_recovery.saga_operator_action (id, time_taken, action, saga_id, actor, reason) values
                (1, now() - interval '40 days', 'pause', null, 'ann', 'old'),
                (2, now() - interval '40 days', 'hold', @Id, 'ann', 'its saga is there'),
                (3, now() - interval '40 days', 'hold', gen_random_uuid(), 'ann', 'its saga is not'),
                (4, now() - interval '20 days', 'resume', null, 'ann', 'young'),
                (5, now() - interval '40 days', 'pause', null, 'ann', 'the last: its number is needed')
            """,
            new { Id = present.Value });

        (await DeleteAsync(options => options.KeepOperatorActions = Month)).Actions.Should().Be(2);

        (await Db.QueryAsync<long[]>("select array_agg(id order by id) from saga_recovery.saga_operator_action")).Should().Equal(2, 4, 5);
    }

    [Fact]
    public async Task More_operator_actions_than_one_batch_holds_are_all_deleted()
    {
        await Db.JoinAsync();
        await Db.ExecuteAsync(
            """
            insert into saga_recovery.saga_operator_action (id, time_taken, action, actor, reason)
            select n, now() - interval '40 days', 'pause', 'ann', '' from generate_series(1, 2501) as n
            """);

        (await DeleteAsync(options => options.KeepOperatorActions = Month)).Actions.Should().Be(2500);
    }

    [Fact]
    public async Task More_definitions_and_coordinators_than_one_batch_holds_are_all_deleted()
    {
        await Db.JoinAsync();
        await Db.ExecuteAsync(
            """
            update saga_recovery.saga_coordinator set time_seen = now() - interval '31 days';
            insert into saga_recovery.saga_coordinator (id, incarnation, host, process_id, time_seen, token, server_start, table_id)
            select gen_random_uuid(), 1, 'burnt', 7, now() - interval '31 days', gen_random_uuid(), now(), 0 from generate_series(1, 45);
            insert into saga_recovery.saga_definition (hash, name, version, dag) select sha256(n::text::bytea), 'old', n, '{}' from generate_series(1, 205) as n;
            """);

        (await DeleteAsync(options => (options.KeepSilentCoordinators, options.DeleteUnusedDefinitions) = (Month, true)))
            .Should().BeEquivalentTo(new { Coordinators = 46, Definitions = 205 });
    }

    /// <summary>Two processes would delete side by side otherwise, and one that deletes sagas for hours would not keep the pace.</summary>
    [Fact]
    public async Task What_nothing_names_is_deleted_by_the_process_that_has_the_turn_only()
    {
        await Db.JoinAsync();
        await Db.ExecuteAsync(
            """
            insert into saga_recovery.saga_operator_action (id, time_taken, action, actor, reason)
            select n, now() - interval '40 days', 'pause', 'ann', '' from generate_series(1, 2501) as n
            """);
        IAsyncDisposable? turn = await Db.Retention.TryBeginTurnAsync(CancellationToken.None);

        (await DeleteAsync(options => options.KeepOperatorActions = Month, isMine: false)).Actions.Should().Be(0);

        await turn!.DisposeAsync();
        int turns = 0;
        var counting = new ScriptedRetention(Db.Retention) { BeforeTurn = () => turns++ };
        (await DeleteAsync(options => options.KeepOperatorActions = Month, store: counting)).Actions.Should().Be(2500);
        turns.Should().Be(4, "each batch has a turn of its own, and the last one is empty");
    }

    [Fact]
    public async Task A_coordinator_goes_after_its_silence_unless_it_owns_unfinished_sagas()
    {
        Membership silent = await Db.JoinAsync();
        Membership owner = await Db.JoinAsync();
        Membership young = await Db.JoinAsync();
        await Db.CreateSagaAsync(owner);
        await EndedAsync(silent, SagaState.Succeeded, TimeSpan.FromDays(1));
        await Db.Operations.PauseAsync(silent.Coordinator, Note, CancellationToken.None);
        await Db.Definitions.StoreAsync(silent, s_other, [], CancellationToken.None);
        await Db.ExecuteAsync(
            "update saga_recovery.saga_coordinator set time_seen = now() - interval '31 days' where id <> @Id; insert into saga_recovery.saga_assignment (coordinator_id) values (@Silent)",
            new { Id = young.Coordinator.Value, Silent = silent.Coordinator.Value });

        (await DeleteAsync(options => options.KeepSilentCoordinators = Month)).Coordinators.Should().Be(1);

        (await Db.Operations.ListCoordinatorsAsync(CancellationToken.None)).Select(one => one.Id).Should().BeEquivalentTo([owner.Coordinator, young.Coordinator]);
        (await Db.QueryAsync<long>(
            """
            select (select count(*) from saga_recovery.saga_recovery_pause) + (select count(*) from saga_recovery.saga_assignment)
                + (select count(*) from saga_recovery.saga_coordinator_definition)
            """)).Should().Be(0);
    }

    [Fact]
    public async Task Forgetting_refuses_a_coordinator_that_answers_or_owns_sagas_and_records_the_action()
    {
        Membership us = await Db.JoinAsync();
        Membership owner = await Db.JoinAsync();
        await Db.CreateSagaAsync(owner);
        await Db.ExecuteAsync("update saga_recovery.saga_coordinator set time_seen = now() - interval '1 minute' where id = @Id", new { Id = owner.Coordinator.Value });

        (await ForgetAsync(us.Coordinator)).Should().Be(ForgetResult.Answers);
        (await ForgetAsync(owner.Coordinator)).Should().Be(ForgetResult.OwnsSagas);
        (await ForgetAsync(new CoordinatorId(Guid.NewGuid()))).Should().Be(ForgetResult.NoSuchCoordinator);
        await Db.ExecuteAsync("update saga_recovery.saga_coordinator set time_left = now() where id = @Id", new { Id = us.Coordinator.Value });
        (await ForgetAsync(us.Coordinator)).Should().Be(ForgetResult.Done, "it was shut down");

        (await Db.QueryAsync<string>("select action || ' ' || actor || ' ' || reason from saga_recovery.saga_operator_action")).Should().Be("forget ann OPS-12");
    }

    [Fact]
    public async Task A_coordinator_with_a_write_in_flight_is_not_waited_for()
    {
        Membership us = await Db.JoinAsync();
        await Db.ExecuteAsync("update saga_recovery.saga_coordinator set time_seen = now() - interval '31 days'");
        await using NpgsqlConnection writer = await Db.DataSource.OpenConnectionAsync();
        await using NpgsqlTransaction write = await writer.BeginTransactionAsync();
        await using (var take = new NpgsqlCommand(Db.LockOn(us.Coordinator, shared: true), writer, write))
        {
            await take.ExecuteNonQueryAsync();
        }

        (await DeleteAsync(options => options.KeepSilentCoordinators = Month)).Coordinators.Should().Be(0);
        await write.RollbackAsync();
        (await DeleteAsync(options => options.KeepSilentCoordinators = Month)).Coordinators.Should().Be(1);
    }

    private Task<ForgetResult> ForgetAsync(CoordinatorId coordinator) => Db.Retention.ForgetCoordinatorAsync(coordinator, Note, CancellationToken.None);

    private async Task<long> DeleteDefinitionsAsync() => (await DeleteAsync(options => options.DeleteUnusedDefinitions = true)).Definitions;

    private async Task<PurgeTally> DeleteAsync(Action<RetentionOptions> configure, bool isMine = true, ISagaRetention? store = null)
    {
        var options = new RetentionOptions();
        configure(options);
        var tally = new PurgeTally();
        var turns = new PurgeTurns(store ?? Db.Retention, new PurgePace(200, TimeSpan.Zero), TimeProvider.System);
        (await new LeftoverPurge(store ?? Db.Retention, options, turns).TryRunAsync(tally, CancellationToken.None)).Should().Be(isMine);
        return tally;
    }

    /// <param name="known">The definitions that the process knows to be stored, and so does not store again unasked.</param>
    private PostgresSagaTransactions Transactions(params SavedDefinition[] known)
    {
        var definitions = new StoredDefinitions(Db.Database);
        definitions.Add(known);
        return new PostgresSagaTransactions(
            Db.Database, definitions, Db.NewStore(), new NodeTransactions(Db.Database, Db.DataSource, hostIsDatabase: true, TimeProvider.System));
    }
}
