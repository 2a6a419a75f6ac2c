using Dapper;
using Npgsql;
using SagaRecovery.Fencing;
using SagaRecovery.Postgres;
using SagaRecovery.Retention;
using SagaRecovery.Storage;
using SagaRecovery.Tests.Support;

namespace SagaRecovery.Tests.Postgres;

/// <summary>The deletion of ended sagas in Postgres.</summary>
public sealed class RetentionTests(PostgresCluster cluster) : RetentionTest(cluster)
{
    [Fact]
    public async Task What_ended_longer_ago_than_it_is_kept_is_deleted_with_everything_about_it()
    {
        Membership us = await Db.JoinAsync();
        SagaId old = await EndedAsync(us, SagaState.Succeeded, TimeSpan.FromDays(31));
        SagaId young = await EndedAsync(us, SagaState.Succeeded, TimeSpan.FromDays(29));
        await Db.ExecuteAsync(
            """
            insert into saga_recovery.saga_hold (saga_id, actor, reason) values (@Id, 'ann', 'before it ended');
            insert into saga_recovery.saga_suspect (saga_id, group_size, deaths_alone, steps) values (@Id, 1, 1, 1);
            insert into saga_recovery.saga_tag (saga_id, name, value) values (@Id, 'vpc', '17');
            """,
            new { Id = old.Value });

        (await PurgeAsync()).Deleted.Should().Be(1);

        (await IdsAsync()).Should().Equal(young);
        (await Db.QueryAsync<long>(
            """
            select (select count(*) from saga_recovery.saga_node_event where saga_id = @Id) + (select count(*) from saga_recovery.saga_hold)
                + (select count(*) from saga_recovery.saga_suspect) + (select count(*) from saga_recovery.saga_tag)
            """,
            new { Id = old.Value })).Should().Be(0);
        (await Db.CountEventsAsync(young)).Should().Be(2);
    }

    [Theory]
    [InlineData(SagaState.Succeeded)]
    [InlineData(SagaState.Unwound)]
    [InlineData(SagaState.Stuck)]
    [InlineData(SagaState.Abandoned)]
    public async Task Each_state_expires_by_its_own_time_only(SagaState state)
    {
        Membership us = await Db.JoinAsync();
        foreach (SagaState one in SagaNames.States)
        {
            await EndedAsync(us, one, TimeSpan.FromDays(31));
        }

        await PurgeAsync((_, one) => one == state ? Month : null);

        (await StatesAsync()).Should().BeEquivalentTo(SagaNames.States.Except([state]).Select(SagaNames.Of));
    }

    [Fact]
    public async Task A_saga_in_progress_is_never_deleted_whatever_its_row_says_about_an_end()
    {
        Membership us = await Db.JoinAsync();
        SagaId saga = await EndedAsync(us, SagaState.Succeeded, TimeSpan.FromDays(31));
        RetentionPage page = await FindAsync(SagaState.Succeeded);
        await Db.ExecuteAsync("update saga_recovery.saga set state = 'unwinding'");

        foreach (SagaState state in new[] { SagaState.Running, SagaState.Unwinding, SagaState.Succeeded })
        {
            string stamp = await Db.QueryAsync<string>("select xmin::text from saga_recovery.saga");
            (await Db.Retention.DeleteAsync([page.Expired[0] with { State = state, Stamp = stamp }], CancellationToken.None)).Should().BeEmpty();
        }

        (await IdsAsync()).Should().Equal(saga);
    }

    [Fact]
    public async Task A_stuck_saga_that_an_operator_retries_after_it_was_found_stays()
    {
        Membership us = await Db.JoinAsync();
        SagaId saga = await EndedAsync(us, SagaState.Stuck, TimeSpan.FromDays(31));
        RetentionPage page = await FindAsync(SagaState.Stuck);
        page.Expired.Should().ContainSingle().Which.Id.Should().Be(saga);

        (await Db.Operations.RetryUndoAsync(saga, OperatorActionCondition.None, Note, CancellationToken.None)).Should().Be(OperatorActionResult.Done.Instance);

        (await Db.Retention.ReadAsync(page.Expired, CancellationToken.None)).Should().BeEmpty("it changed since it was found");
        (await Db.Retention.DeleteAsync(page.Expired, CancellationToken.None)).Should().BeEmpty();
        (await StatesAsync()).Should().Equal("unwinding");
        (await Db.QueryAsync<DateTime?>("select time_ended from saga_recovery.saga")).Should().BeNull("it has not ended");
        (await PurgeAsync()).Found.Should().Be(0);
    }

    [Fact]
    public async Task A_saga_that_another_transaction_is_changing_is_passed_over_without_a_wait_and_survives_the_change()
    {
        Membership us = await Db.JoinAsync();
        SagaId locked = await EndedAsync(us, SagaState.Stuck, TimeSpan.FromDays(31));
        SagaId free = await EndedAsync(us, SagaState.Stuck, TimeSpan.FromDays(31));
        await using NpgsqlConnection operatorAtWork = await Db.DataSource.OpenConnectionAsync();
        await operatorAtWork.ExecuteAsync("begin; update saga_recovery.saga set state = 'unwinding' where id = @Id", new { Id = locked.Value });

        (await PurgeAsync()).Deleted.Should().Be(1, "the other one is not waited for");
        await operatorAtWork.ExecuteAsync("commit");

        (await IdsAsync()).Should().Equal(locked);
        free.Should().NotBe(locked);
    }

    [Fact]
    public async Task A_row_that_was_changed_after_the_saga_was_found_keeps_it()
    {
        Membership us = await Db.JoinAsync();
        await EndedAsync(us, SagaState.Unwound, TimeSpan.FromDays(31));
        RetentionPage page = await FindAsync(SagaState.Unwound);

        await Db.ExecuteAsync("update saga_recovery.saga set error_code = 'declined'");

        (await Db.Retention.ReadAsync(page.Expired, CancellationToken.None)).Should().BeEmpty();
        (await Db.Retention.DeleteAsync(page.Expired, CancellationToken.None)).Should().BeEmpty("an export may have read the row before");
    }

    [Fact]
    public async Task The_age_is_that_of_the_row_when_it_is_deleted()
    {
        Membership us = await Db.JoinAsync();
        await EndedAsync(us, SagaState.Stuck, TimeSpan.FromDays(31));
        RetentionPage page = await FindAsync(SagaState.Stuck);
        await Db.ExecuteAsync("update saga_recovery.saga set time_ended = now()");
        string stamp = await Db.QueryAsync<string>("select xmin::text from saga_recovery.saga");

        (await Db.Retention.DeleteAsync([page.Expired[0] with { Stamp = stamp }], CancellationToken.None)).Should().BeEmpty();
    }

    [Fact]
    public async Task An_event_that_was_added_after_the_saga_was_found_keeps_it()
    {
        Membership us = await Db.JoinAsync();
        SagaId saga = await EndedAsync(us, SagaState.Unwound, TimeSpan.FromDays(31));
        RetentionPage page = await FindAsync(SagaState.Unwound);

        await Db.ExecuteAsync(
            "insert into saga_recovery.saga_node_event (saga_id, node_id, event_type, creator) values (@Id, 5, 'started', @Id)", new { Id = saga.Value });

        (await Db.Retention.DeleteAsync(page.Expired, CancellationToken.None)).Should().BeEmpty("the export has not seen it");
    }

    [Fact]
    public async Task A_row_of_an_older_package_expires_by_its_last_event()
    {
        Membership us = await Db.JoinAsync();
        SagaId old = await EndedAsync(us, SagaState.Succeeded, TimeSpan.FromDays(31));
        SagaId young = await EndedAsync(us, SagaState.Succeeded, TimeSpan.FromDays(31));
        await Db.ExecuteAsync("update saga_recovery.saga set time_ended = null");
        await Db.ExecuteAsync("update saga_recovery.saga_node_event set event_time = now() - interval '1 day' where saga_id = @Id", new { Id = young.Value });

        (await PurgeAsync()).Deleted.Should().Be(1);

        (await IdsAsync()).Should().Equal(young);
        old.Should().NotBe(young);
    }

    [Fact]
    public async Task A_walk_visits_what_is_kept_once_and_finds_everything_in_small_batches()
    {
        Membership us = await Db.JoinAsync();
        for (int i = 0; i < 12; i++)
        {
            await EndedAsync(us, i < 8 ? SagaState.Succeeded : SagaState.Running, TimeSpan.FromDays(31 + i)); // what is kept is the oldest
        }

        int pages = 0;
        var counting = new ScriptedRetention(Db.Retention) { BeforePage = () => pages++ };
        PurgeTally tally = await PurgeAsync(store: counting, batchSize: 2);

        tally.Deleted.Should().Be(8);
        (await StatesAsync()).Should().HaveCount(4).And.OnlyContain(state => state == "running");
        pages.Should().BeLessThanOrEqualTo(7, "6 full pages of two sagas, and an empty one; a walk that began anew for each batch would need more");
    }

    /// <summary>Also with a plan for any parameters, as a prepared statement gets, and on tables that the server takes for small.</summary>
    [Fact]
    public async Task A_walk_reads_its_index_from_the_oldest_saga_on()
    {
        await Db.JoinAsync();

        (await PlanOfAsync(Db.Database.Retention.FindOfDefinition)).Should().Contain("Index Scan Backward using saga_by_definition");
        (await PlanOfAsync(Db.Database.Retention.FindOfState)).Should().Contain("Index Scan Backward using saga_not_succeeded");

        async Task<string> PlanOfAsync(string statement)
        {
            await using NpgsqlConnection connection = await Db.DataSource.OpenConnectionAsync();
            await using NpgsqlTransaction transaction = await connection.BeginTransactionAsync();
            await connection.ExecuteAsync($"{RetentionStatements.UseOrderedIndexes}; set local plan_cache_mode = force_generic_plan");
            await connection.ExecuteAsync($"prepare walk (text, bytea[], interval[], timestamptz, uuid, int) as {statement}");
            IEnumerable<string> plan = await connection.QueryAsync<string>(
                "explain (costs off) execute walk ('succeeded', array[sha256('x')], array[interval '1 day'], 'epoch', '00000000-0000-0000-0000-000000000000', 10)");
            await connection.ExecuteAsync("deallocate walk");
            return string.Join('\n', plan);
        }
    }

    [Fact]
    public async Task Only_one_process_has_the_turn()
    {
        Membership us = await Db.JoinAsync();
        IAsyncDisposable? turn = await Db.Retention.TryBeginTurnAsync(CancellationToken.None);
        turn.Should().NotBeNull();
        (await Db.Retention.TryBeginTurnAsync(CancellationToken.None)).Should().BeNull();

        await EndedAsync(us, SagaState.Succeeded, TimeSpan.FromDays(31));
        (await PurgeAsync(expected: PurgeEnd.Elsewhere)).Deleted.Should().Be(0);

        await turn!.DisposeAsync();
        (await PurgeAsync()).Deleted.Should().Be(1);
    }

    [Fact]
    public async Task An_end_is_recorded_by_every_statement_that_ends_a_saga()
    {
        Membership us = await Db.JoinAsync();
        SagaId succeeded = await Db.CreateSagaAsync(us);
        await Db.AppendAsync(us, succeeded, SagaState.Succeeded, SagaDatabase.Event(0, NodeEventType.Started));
        SagaId abandoned = await Db.CreateSagaAsync(us);
        await Db.NewStore().AbandonAsync(abandoned, us.Of(AdoptGeneration.Initial), new Abandonment("corrupt", "test"), CancellationToken.None);
        SagaId byOperator = await Db.CreateSagaAsync(us);
        await Db.Operations.AbandonAsync(byOperator, new OperatorActionCondition { EvenIfOwnerAnswers = true }, Note, CancellationToken.None);
        SagaId restored = await Db.CreateSagaAsync(us);
        await Db.Log.RestoreAsync(us, new SagaLogEntry(restored, AdoptGeneration.Initial, [], SagaState.Unwound), CancellationToken.None);
        SagaId running = await Db.CreateSagaAsync(us);

        foreach (SagaId saga in new[] { succeeded, abandoned, byOperator, restored })
        {
            (await TimeEndedAsync(saga)).Should().BeCloseTo(DateTime.UtcNow, TimeSpan.FromMinutes(1));
        }

        (await TimeEndedAsync(running)).Should().BeNull();
        DateTime? before = await TimeEndedAsync(restored);
        await Db.Log.RestoreAsync(us, new SagaLogEntry(restored, AdoptGeneration.Initial, [], SagaState.Unwound), CancellationToken.None);
        (await TimeEndedAsync(restored)).Should().Be(before, "a repeat does not move the end");
    }

    /// <summary>The statements by which version 7 of the package retries an undo and ends a saga. They do not know the column.</summary>
    [Fact]
    public async Task A_stuck_saga_that_an_older_package_retries_and_ends_counts_from_its_new_end()
    {
        Membership us = await Db.JoinAsync();
        SagaId saga = await EndedAsync(us, SagaState.Stuck, TimeSpan.FromDays(60));

        await Db.ExecuteAsync(
            "update saga_recovery.saga set state = 'unwinding', adopt_generation = adopt_generation + 1, adopt_time = clock_timestamp() where id = @Id",
            new { Id = saga.Value });
        (await TimeEndedAsync(saga)).Should().BeNull("it has not ended");
        await Db.ExecuteAsync(
            """
            insert into saga_recovery.saga_node_event (saga_id, node_id, event_type, creator) values (@Id, 0, 'undo_finished', @Id);
            update saga_recovery.saga set state = 'unwound' where id = @Id;
            """,
            new { Id = saga.Value });

        (await FindAsync(SagaState.Unwound)).Expired.Should().BeEmpty("it ended a moment ago");
        (await PurgeAsync()).Deleted.Should().Be(0);
    }

    [Fact]
    public async Task A_new_owner_does_not_change_the_time_at_which_a_saga_ended()
    {
        Membership us = await Db.JoinAsync();
        SagaId saga = await EndedAsync(us, SagaState.Stuck, TimeSpan.FromDays(31));
        DateTime? before = await TimeEndedAsync(saga);

        await Db.ExecuteAsync("update saga_recovery.saga set current_coordinator = gen_random_uuid()");

        (await TimeEndedAsync(saga)).Should().Be(before);
    }

    [Fact]
    public async Task The_key_of_a_deleted_saga_is_free_again()
    {
        Membership us = await Db.JoinAsync();
        SagaId saga = await EndedAsync(us, SagaState.Succeeded, TimeSpan.FromDays(31));
        var again = new NewSaga(saga, SagaDatabase.Definition, "{}"u8.ToArray());
        (await Db.Log.CreateAsync(us, again, CancellationToken.None)).Should().BeFalse();

        await PurgeAsync();

        (await Db.Log.CreateAsync(us, again, CancellationToken.None)).Should().BeTrue();
        (await Db.CountEventsAsync(saga)).Should().Be(0, "nothing of the earlier saga is left");
    }

    [Fact]
    public async Task The_estimate_reads_statistics_and_names_the_oldest_saga()
    {
        Membership us = await Db.JoinAsync();
        (await Db.Retention.EstimateEndedAsync(CancellationToken.None)).Oldest.Should().BeNull();
        for (int i = 0; i < 20; i++)
        {
            await EndedAsync(us, i < 15 ? SagaState.Succeeded : SagaState.Running, TimeSpan.FromDays(31 + i));
        }

        await Db.ExecuteAsync("analyze saga_recovery.saga");
        EndedSagas ended = await Db.Retention.EstimateEndedAsync(CancellationToken.None);

        ended.About.Should().Be(15);
        ended.Oldest.Should().BeBefore(DateTimeOffset.UtcNow - TimeSpan.FromDays(50));
    }

    /// <summary>As if thousands of entries of deleted sagas lay in front of the oldest one.</summary>
    [Fact]
    public async Task An_estimate_that_does_not_find_the_oldest_saga_quickly_leaves_it_out()
    {
        Membership us = await Db.JoinAsync();
        await EndedAsync(us, SagaState.Succeeded, TimeSpan.FromDays(31));
        await Db.ExecuteAsync("analyze saga_recovery.saga");
        await using NpgsqlConnection slow = await Db.DataSource.OpenConnectionAsync();
        await slow.ExecuteAsync("begin; lock table saga_recovery.saga in access exclusive mode");

        EndedSagas ended = await Db.Retention.EstimateEndedAsync(CancellationToken.None).WaitAsync(TimeSpan.FromSeconds(20));

        ended.Should().Be(new EndedSagas(1, Oldest: null));
    }
}
