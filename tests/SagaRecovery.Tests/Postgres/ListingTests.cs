using System.Text.Json;
using SagaRecovery.Bookkeeping;
using SagaRecovery.Fencing;
using SagaRecovery.Tests.Support;

namespace SagaRecovery.Tests.Postgres;

public class ListingTests(PostgresCluster cluster, Pooler? pooler = null) : PostgresTest(cluster, pooler)
{
    [Theory]
    [InlineData(1_999)]
    [InlineData(2_000)]
    [InlineData(2_001)]
    [InlineData(7)]
    public async Task Two_thousand_candidates_are_listed_in_order_and_complete_among_others_and_finished_ones(int pageSize)
    {
        Membership us = await Db.JoinAsync();
        Membership others = await Db.JoinAsync();
        await Db.CreateSagaAsync(us);
        await Db.ExecuteAsync(
            """
            insert into saga_recovery.saga (id, name, creator, definition_hash, params, state, current_coordinator, adopt_generation,
                                            abandon_time, abandon_reason, abandon_comment)
            select gen_random_uuid(), 'bulk', @Us, @Hash, '{}', state, owner, 1 + n % 3,
                   case state when 'abandoned' then now() end, case state when 'abandoned' then 'x' end, case state when 'abandoned' then 'y' end
            from generate_series(1, 1000) n,
                 (values ('running', @Us), ('unwinding', @Us), ('succeeded', @Us), ('unwound', @Us), ('stuck', @Us), ('abandoned', @Us),
                         ('running', @Others), ('unwinding', @Others), ('running', null::uuid)) as kinds (state, owner)
            """,
            new { Us = us.Coordinator.Value, Others = others.Coordinator.Value, Hash = SagaDatabase.Definition.Hash.ToBytes() });
        await Db.ExecuteAsync("delete from saga_recovery.saga where name = 'test-saga'");

        List<Candidate> listed = await Db.ListAsync(us, pageSize);

        listed.Should().HaveCount(2_000);
        listed.Select(candidate => candidate.SagaId).Should().OnlyHaveUniqueItems();
        Guid[] expected = await ExpectedOrderAsync(us);
        listed.Select(candidate => candidate.SagaId.Value).Should().Equal(expected);
        listed.Should().OnlyContain(candidate => candidate.Name == "bulk");
        listed.Should().OnlyContain(candidate => candidate.Definition == SagaDatabase.Definition.Hash.ToKey());
        listed.Should().OnlyContain(candidate => ReferenceEquals(candidate.Definition, listed[0].Definition), "all sagas of a definition share one object");
        listed.Select(candidate => candidate.Generation.Value).Distinct().Should().BeEquivalentTo([1L, 2L, 3L]);
    }

    [Fact]
    public async Task The_listing_uses_the_index_and_touches_no_finished_saga()
    {
        Membership us = await Db.JoinAsync();
        await Db.CreateSagaAsync(us);
        await Db.ExecuteAsync(
            """
            insert into saga_recovery.saga (id, name, creator, definition_hash, params, state, current_coordinator)
            select gen_random_uuid(), 'old', @Us, @Hash, '{}', 'succeeded', @Us from generate_series(1, 20000)
            """,
            new { Us = us.Coordinator.Value, Hash = SagaDatabase.Definition.Hash.ToBytes() });
        await Db.ExecuteAsync("analyze saga_recovery.saga");

        string plan = await Db.QueryAsync<string>(
            "explain (format json) " + Db.Database.Statements.ListPage
                .Replace("$1", $"'{us.Coordinator}'", StringComparison.Ordinal)
                .Replace("$2", "0", StringComparison.Ordinal)
                .Replace("$3", $"'{Guid.Empty}'::uuid", StringComparison.Ordinal)
                .Replace("$4", "5000", StringComparison.Ordinal));

        plan.Should().Contain("saga_unfinished").And.NotContain("Seq Scan");
        SortKeysOf(plan).Should().Equal(["Incremental Sort: r.low, s.adopt_xid, s.id", "Sort: r.low"], "the ranges are sorted, and then the sagas of each");
    }

    private static IEnumerable<string> SortKeysOf(string plan)
    {
        using var json = JsonDocument.Parse(plan);
        return [.. SortKeysOf(json.RootElement[0].GetProperty("Plan"))];
    }

    private static IEnumerable<string> SortKeysOf(JsonElement node)
    {
        IEnumerable<string> below = node.TryGetProperty("Plans", out JsonElement plans) ? plans.EnumerateArray().SelectMany(SortKeysOf) : [];
        return node.TryGetProperty("Sort Key", out JsonElement keys)
            ? below.Prepend($"{node.GetProperty("Node Type")}: {string.Join(", ", keys.EnumerateArray())}")
            : below;
    }

    [Fact]
    public async Task A_process_whose_incarnation_is_old_can_neither_list_nor_load()
    {
        Membership old = await Db.JoinAsync();
        SagaId saga = await Db.CreateSagaAsync(old);
        Membership present = await Db.JoinAsync(old.Coordinator);

        (await FluentActions.Awaiting(() => Db.ListAsync(old)).Should().ThrowAsync<CoordinatorFencedException>())
            .Which.By.Should().Be(present.Incarnation);
        await FluentActions.Awaiting(() => Db.LoadAsync(old, saga)).Should().ThrowAsync<CoordinatorFencedException>();
        (await Db.ListAsync(present)).Should().ContainSingle(candidate => candidate.SagaId == saga);
    }

    private async Task<Guid[]> ExpectedOrderAsync(Membership us)
    {
        string ids = await Db.QueryAsync<string>(
            "select string_agg(id::text, ',' order by adopt_xid, id) from saga_recovery.saga where current_coordinator = @Us and state in ('running', 'unwinding')",
            new { Us = us.Coordinator.Value });
        return [.. ids.Split(',').Select(Guid.Parse)];
    }
}
