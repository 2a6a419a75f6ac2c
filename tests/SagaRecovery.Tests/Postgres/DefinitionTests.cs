using Dapper;
using Npgsql;
using SagaRecovery.Fencing;
using SagaRecovery.Postgres;
using SagaRecovery.Storage;
using SagaRecovery.Tests.Support;

namespace SagaRecovery.Tests.Postgres;

/// <summary>The definitions in the database, with the sagas that have them and the processes that publish them.</summary>
public sealed class DefinitionTests(PostgresCluster cluster) : ClusterTest(cluster)
{
    private static readonly SavedDefinition Former = SagaDatabase.DefinitionNamed("order", "a");
    private static readonly SavedDefinition Changed = SagaDatabase.DefinitionNamed("order", "b");
    private static readonly SavedDefinition Other = SagaDatabase.DefinitionNamed("other");

    [Fact]
    public async Task Unknown_definitions_are_those_of_own_unfinished_sagas_that_are_not_registered()
    {
        Membership us = await Db.JoinAsync();
        Membership them = await Db.JoinAsync();
        await CreateSagasAsync(us, 2, Former);
        await CreateSagasAsync(us, 3, Changed);
        await CreateSagasAsync(us, 1, Other);
        await CreateSagasAsync(them, 5, SagaDatabase.DefinitionNamed("theirs"));
        SagaId ended = await Db.CreateSagaAsync(us, SagaDatabase.DefinitionNamed("ended"));
        await Db.AppendAsync(us, ended, SagaState.Succeeded);
        RunnableDefinition anyOther = new(DefinitionHash.Of("none"u8), "other", 1) { AnyDag = true };

        UnknownDefinitions all = await FindUnknownAsync(us, anyOther);
        UnknownDefinitions one = await FindUnknownAsync(us, anyOther, Runnable(Changed));
        UnknownDefinitions otherVersion = await FindUnknownAsync(us, anyOther with { Version = 2 }, Runnable(Changed), Runnable(Former));
        UnknownDefinitions first = await Db.Definitions.FindUnknownAsync(us.Coordinator, [anyOther], limit: 1, CancellationToken.None);

        all.Definitions.Select(unknown => (unknown.Definition.Hash, unknown.Unfinished)).Should().Equal((Changed.Hash, 3), (Former.Hash, 2));
        all.Definitions[0].Definition.Dag.ToArray().Should().Equal(Changed.Dag.ToArray());
        (all.Count, all.Unfinished).Should().Be((2, 5));
        one.Definitions.Should().ContainSingle().Which.Definition.Hash.Should().Be(Former.Hash);
        otherVersion.Definitions.Should().ContainSingle().Which.Definition.Name.Should().Be("other");
        (first.Definitions.Count, first.Count, first.Unfinished).Should().Be((1, 2, 5));
    }

    [Fact]
    public async Task A_definition_that_the_database_has_lost_is_unknown_by_the_name_of_its_sagas()
    {
        Membership us = await Db.JoinAsync();
        await Db.CreateSagaAsync(us, Former);
        await Db.ExecuteAsync("delete from saga_recovery.saga_definition");

        UnknownDefinitions unknown = await FindUnknownAsync(us);
        DefinitionList list = await Db.Definitions.ListAsync(CancellationToken.None);

        unknown.Definitions.Should().ContainSingle().Which.Definition.Should().Match<SavedDefinition>(
            lost => lost.Hash == Former.Hash && lost.Name == "order" && lost.Version == 0 && lost.Dag.IsEmpty);
        list.Definitions.Should().ContainSingle().Which.Should().Match<DefinitionDetails>(
            lost => lost.Hash == Former.Hash && lost.Name == "order" && lost.Version == 0 && lost.Unfinished == 1);
    }

    [Fact]
    public async Task Another_shape_is_refused_while_an_unfinished_saga_of_any_owner_has_the_stored_one()
    {
        Membership us = await Db.JoinAsync();
        Membership them = await SilentAsync();
        SagaId saga = await Db.CreateSagaAsync(await RevivedAsync(them), Former);
        await SilenceAsync(them);

        IReadOnlyList<SavedDefinition> refusal = await StoreAsync(us, Changed);
        IReadOnlyList<SavedDefinition> foreseen = await FindConflictsAsync(us, Changed);
        IReadOnlyList<SavedDefinition> registered = await FindConflictsAsync(us, Changed, Former);
        long stored = await Db.QueryAsync<long>("select count(*) from saga_recovery.saga_definition");
        await Db.ExecuteAsync("update saga_recovery.saga set state = 'succeeded' where id = @Id", new { Id = saga.Value });

        SavedDefinition other = refusal.Should().ContainSingle().Subject;
        (other.Hash, other.Name, other.Version).Should().Be((Former.Hash, "order", 1));
        other.Dag.ToArray().Should().Equal(Former.Dag.ToArray());
        foreseen.Should().ContainSingle().Which.Hash.Should().Be(Former.Hash);
        registered.Should().BeEmpty();
        stored.Should().Be(1, "nothing is written by a refusal");
        (await StoreAsync(us, Changed)).Should().BeEmpty("the saga has ended, and no process publishes its shape");
        (await Db.QueryAsync<long>("select count(*) from saga_recovery.saga_definition")).Should().Be(2);
    }

    [Fact]
    public async Task A_registered_former_shape_and_another_version_do_not_refuse()
    {
        Membership us = await Db.JoinAsync();
        await Db.CreateSagaAsync(us, Former);

        (await StoreAsync(us, Changed, Former)).Should().BeEmpty();
        (await StoreAsync(us, SagaDatabase.DefinitionNamed("order", "c") with { Version = 2 })).Should().BeEmpty();
    }

    [Fact]
    public async Task A_stored_definition_is_accepted_although_another_shape_is_needed()
    {
        Membership us = await Db.JoinAsync();
        await Db.CreateSagaAsync(us, Former);
        await Db.CreateSagaAsync(us, Changed);

        (await StoreAsync(us, Changed)).Should().BeEmpty();
        (await FindConflictsAsync(us, Changed)).Should().BeEmpty();
    }

    [Fact]
    public async Task Another_shape_is_refused_while_another_coordinator_that_answers_publishes_the_stored_one()
    {
        Membership us = await Db.JoinAsync();
        Membership them = await Db.JoinAsync();
        await EndAsync(them, await Db.CreateSagaAsync(them, Former));
        await using ListeningCoordinator publishing = await Db.RunHeartbeatAsync(Runs(Former), coordinator: them.Coordinator);

        IReadOnlyList<SavedDefinition> refusal = await StoreAsync(us, Changed);
        await publishing.FallSilentAsync();
        IReadOnlyList<SavedDefinition> justSilent = await StoreAsync(us, Changed);
        await SilenceAsync(publishing.Member);

        refusal.Should().ContainSingle();
        justSilent.Should().ContainSingle("its last heartbeat is recent");
        (await StoreAsync(us, Changed)).Should().BeEmpty("it does not answer");
    }

    [Fact]
    public async Task Another_coordinator_that_runs_any_DAG_of_the_version_needs_its_stored_shapes()
    {
        Membership us = await Db.JoinAsync();
        await EndAsync(us, await Db.CreateSagaAsync(us, Former));
        RunnableDefinition anyDag = new(DefinitionHash.Of("none"u8), "order", 1) { AnyDag = true };
        await using ListeningCoordinator publishing = await Db.RunHeartbeatAsync(new CoordinatorProfile("1.0", [anyDag]));

        (await StoreAsync(us, Changed)).Should().ContainSingle();
    }

    [Fact]
    public async Task What_this_coordinator_published_before_its_restart_does_not_refuse()
    {
        Membership before = await Db.JoinAsync();
        await EndAsync(before, await Db.CreateSagaAsync(before, Former));
        await using (ListeningCoordinator publishing = await Db.RunHeartbeatAsync(Runs(Former), coordinator: before.Coordinator))
        {
            await publishing.FallSilentAsync();
        }

        Membership us = await Db.JoinAsync(before.Coordinator);

        (await StoreAsync(us, Changed)).Should().BeEmpty();
    }

    /// <summary>The race of two processes of a deployment in which neither shape is stored, and no profile is published yet.</summary>
    [Fact]
    public async Task Of_two_processes_that_store_different_shapes_at_once_one_is_refused_although_neither_has_a_saga_or_a_profile()
    {
        for (int round = 0; round < 20; round++)
        {
            Membership us = await Db.JoinAsync();
            Membership them = await Db.JoinAsync();
            SavedDefinition ours = SagaDatabase.DefinitionNamed($"race {round}", "a");
            SavedDefinition theirs = SagaDatabase.DefinitionNamed($"race {round}", "b");

            IReadOnlyList<SavedDefinition>[] answers = await Task.WhenAll(Task.Run(() => StoreAsync(us, ours)), Task.Run(() => StoreAsync(them, theirs)));

            answers.Should().ContainSingle(answer => answer.Count == 0);
        }
    }

    [Fact]
    public async Task A_store_waits_for_one_of_the_same_version_that_is_not_committed()
    {
        Membership us = await Db.JoinAsync();
        await using NpgsqlConnection other = await BeginAsync(
            "select pg_advisory_xact_lock(hashtextextended('1 order', hashtextextended('saga_recovery.saga_definition', 0)))");

        Task<IReadOnlyList<SavedDefinition>> store = StoreAsync(us, Changed);
        await Db.WaitForBlockedSessionAsync("hashtextextended");
        (await StoreAsync(us, Other)).Should().BeEmpty("another name is not locked");
        await other.ExecuteAsync("commit");

        (await store).Should().BeEmpty();
    }

    [Fact]
    public async Task A_fenced_process_stores_nothing()
    {
        Membership us = await Db.JoinAsync();
        await Db.JoinAsync(us.Coordinator);

        await this.Invoking(_ => StoreAsync(us, Changed)).Should().ThrowAsync<CoordinatorFencedException>();
        (await Db.QueryAsync<long>("select count(*) from saga_recovery.saga_definition")).Should().Be(0);
    }

    [Fact]
    public async Task The_list_has_the_numbers_of_sagas_and_the_processes_that_can_run_each_definition()
    {
        Membership us = await Db.JoinAsync();
        await Db.CreateSagaAsync(us, Former);
        await EndAsync(us, await Db.CreateSagaAsync(us, Former));
        await EndAsync(us, await Db.CreateSagaAsync(us, Changed));
        SagaId stuck = await Db.CreateSagaAsync(us, Other);
        await Db.AppendAsync(us, stuck, SagaState.Stuck);
        SavedDefinition never = SagaDatabase.DefinitionNamed("never started");
        RunnableDefinition anyDag = new(DefinitionHash.Of("none"u8), "disks", 1) { AnyDag = true };
        await using ListeningCoordinator one = await Db.RunHeartbeatAsync(new CoordinatorProfile("1.0", [Runnable(Former), Runnable(never), anyDag]));
        await using ListeningCoordinator two = await Db.RunHeartbeatAsync(Runs(Former));
        await using ListeningCoordinator silent = await Db.RunHeartbeatAsync(Runs(Former, Changed, SagaDatabase.DefinitionNamed("of a dead process")));
        await silent.FallSilentAsync();
        await SilenceAsync(silent.Member);

        DefinitionList list = await Db.Definitions.ListAsync(CancellationToken.None);

        list.RunAny.Should().BeEmpty();
        list.Definitions.Should().BeEquivalentTo([
            new DefinitionDetails(null, "disks", 1, 0, 0, 0, [one.Id], DefinitionNeed.None),
            new DefinitionDetails(never.Hash, "never started", 1, 0, 0, 0, [one.Id], DefinitionNeed.None),
            new DefinitionDetails(Former.Hash, "order", 1, 1, 1, 0, [.. new[] { one.Id, two.Id }.OrderBy(id => id.Value)], DefinitionNeed.UnfinishedSagas),
            new DefinitionDetails(Changed.Hash, "order", 1, 0, 1, 0, [], DefinitionNeed.None),
            new DefinitionDetails(Other.Hash, "other", 1, 0, 1, 1, [], DefinitionNeed.StuckSagas),
        ]);
        list.Definitions.Select(definition => definition.Name).Should().BeInAscendingOrder(StringComparer.Ordinal);
    }

    [Fact]
    public async Task A_definition_of_unfinished_sagas_that_no_process_can_run_is_marked_unless_one_may_run_any()
    {
        Membership us = await Db.JoinAsync();
        await Db.CreateSagaAsync(us, Former);

        DefinitionList before = await Db.Definitions.ListAsync(CancellationToken.None);
        await using ListeningCoordinator any = await Db.RunHeartbeatAsync();
        DefinitionList after = await Db.Definitions.ListAsync(CancellationToken.None);

        before.Definitions.Should().ContainSingle().Which.Need.Should().Be(DefinitionNeed.NotRunnable);
        after.Definitions.Should().ContainSingle().Which.Should().Match<DefinitionDetails>(
            one => one.Need == DefinitionNeed.UnfinishedSagas && one.RunBy.Count == 0);
        after.RunAny.Should().Equal(any.Id);
    }

    [Fact]
    public async Task Each_shape_of_a_definition_of_any_DAG_is_run_by_those_that_publish_its_version()
    {
        Membership us = await Db.JoinAsync();
        await Db.CreateSagaAsync(us, Former);
        await Db.CreateSagaAsync(us, Changed);
        RunnableDefinition anyDag = new(DefinitionHash.Of("none"u8), "order", 1) { AnyDag = true };
        await using ListeningCoordinator one = await Db.RunHeartbeatAsync(new CoordinatorProfile("1.0", [anyDag, anyDag with { Hash = DefinitionHash.Of("two"u8), Version = 2 }]));

        DefinitionList list = await Db.Definitions.ListAsync(CancellationToken.None);

        list.Definitions.Select(definition => (definition.Version, definition.Hash is null, definition.RunBy.Count)).Should().Equal((1, false, 1), (1, false, 1), (2, true, 1));
    }

    [Theory]
    [InlineData("FindUnknown")]
    [InlineData("FindConflicts")]
    public async Task The_unfinished_sagas_are_found_by_the_partial_index(string statement)
    {
        Membership us = await Db.JoinAsync();
        await Db.CreateSagaAsync(us, Former);
        await Db.ExecuteAsync("""
            insert into saga_recovery.saga (id, name, creator, definition_hash, params, state, current_coordinator)
            select gen_random_uuid(), name, creator, definition_hash, params, 'succeeded', current_coordinator from saga_recovery.saga, generate_series(1, 20000)
            """);
        await Db.ExecuteAsync("analyze saga_recovery.saga");
        var sql = new DefinitionStatements("saga_recovery");
        string text = statement == "FindUnknown" ? sql.FindUnknown : sql.FindConflicts;
        string arguments = statement == "FindUnknown"
            ? $"'{us.Coordinator}'::uuid, '{{}}'::bytea[], '{{}}'::text[], '{{}}'::int[], 20"
            : $"'{us.Coordinator}'::uuid, interval '15 s', '{{}}'::bytea[], array['\\x{Changed.Hash}']::bytea[], array['order'], array[1]";
        string types = statement == "FindUnknown" ? "uuid, bytea[], text[], int[], int" : "uuid, interval, bytea[], bytea[], text[], int[]";

        IEnumerable<string> plan = await ExplainAsync(
            $"set enable_seqscan = off; prepare q ({types}) as {text}; explain (analyze, costs off, timing off, summary off) execute q ({arguments})");

        plan.Should().Contain(line => line.Contains("saga_unfinished", StringComparison.Ordinal));
        plan.Should().NotContain(line => line.Contains("Seq Scan on saga s", StringComparison.Ordinal));
    }

    private static RunnableDefinition Runnable(SavedDefinition definition) => new(definition.Hash, definition.Name, definition.Version);

    private Task<UnknownDefinitions> FindUnknownAsync(Membership member, params RunnableDefinition[] registered) =>
        Db.Definitions.FindUnknownAsync(member.Coordinator, registered, limit: 20, CancellationToken.None);

    private Task<IReadOnlyList<SavedDefinition>> StoreAsync(Membership member, SavedDefinition definition, params SavedDefinition[] formers) =>
        Db.Definitions.StoreAsync(member, definition, [definition.Hash, .. formers.Select(former => former.Hash)], CancellationToken.None);

    private Task<IReadOnlyList<SavedDefinition>> FindConflictsAsync(Membership member, SavedDefinition definition, params SavedDefinition[] formers) =>
        Db.Definitions.FindConflictsAsync(
            member.Coordinator, [Runnable(definition)], [definition.Hash, .. formers.Select(former => former.Hash)], CancellationToken.None);

    private async Task EndAsync(Membership member, SagaId saga) => (await Db.AppendAsync(member, saga, SagaState.Succeeded)).Should().BeTrue();
}
