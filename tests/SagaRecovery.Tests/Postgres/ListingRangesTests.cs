using System.Text.Json;
using Dapper;
using Microsoft.Extensions.Logging;
using Npgsql;
using SagaRecovery.Fencing;
using SagaRecovery.Postgres;
using SagaRecovery.Storage;
using SagaRecovery.Tests.Support;

namespace SagaRecovery.Tests.Postgres;

/// <summary>Listings that skip what has ended: decision 10.</summary>
public class ListingRangesTests(PostgresCluster cluster, Pooler? pooler = null) : ClusterTest(cluster, pooler)
{
    [Fact]
    public async Task A_listing_reads_next_to_nothing_of_sagas_that_ended_beside_an_old_snapshot()
    {
        Membership us = await Db.JoinAsync();
        SagaId unfinished = await Db.CreateSagaAsync(us);
        await using NpgsqlConnection report = await BeginAsync("set transaction isolation level repeatable read; select from saga_recovery.saga_hold");
        await RunAndEndAsync(us, transactions: 300, sagasEach: 30);
        long whole = await PagesOfListingAsync(us);

        (await Db.ListAsync(us)).Should().ContainSingle(candidate => candidate.SagaId == unfinished); // makes the ranges

        long byRanges = await PagesOfListingAsync(us);
        byRanges.Should().BeLessThan(30, "{0} pages were read without ranges", whole);
        whole.Should().BeGreaterThan(byRanges * 10);
        (await Db.ListAsync(us)).Should().ContainSingle(candidate => candidate.SagaId == unfinished);
    }

    [Fact]
    public async Task The_owners_of_unfinished_sagas_are_found_without_a_look_at_those_that_have_ended()
    {
        Membership us = await Db.JoinAsync();
        await using NpgsqlConnection report = await BeginAsync("set transaction isolation level repeatable read; select from saga_recovery.saga_hold");
        await RunAndEndAsync(us, transactions: 300, sagasEach: 30);
        await Db.ListAsync(us);

        (await PagesAsync(Db.Database.Cluster.Owners)).Should().BeLessThan(40);
        (await Db.Cluster.ReadViewAsync(CancellationToken.None)).Owners.Should().BeEmpty();
    }

    [Fact]
    public async Task A_start_that_was_open_when_the_ranges_were_made_is_listed_once_it_commits()
    {
        Membership us = await Db.JoinAsync();
        SagaId template = await Db.CreateSagaAsync(us);
        await RunAndEndAsync(us, transactions: 40, sagasEach: 1); // so that the range of the template ends before it
        await using NpgsqlConnection caller = await BeginAsync("select 1");
        var open = new SagaId(Guid.NewGuid());
        await caller.ExecuteAsync($"""
            insert into saga_recovery.saga (id, name, creator, definition_hash, params, current_coordinator)
            select '{open}', name, creator, definition_hash, params, current_coordinator from saga_recovery.saga where id = '{template}'
            """);
        await RunAndEndAsync(us, transactions: 40, sagasEach: 1);
        await Db.CreateSagaAsync(us); // a later transaction

        await RememberAsync(us);
        await caller.ExecuteAsync("commit");

        (await Db.ListAsync(us)).Should().HaveCount(3).And.Contain(candidate => candidate.SagaId == open);
    }

    [Fact]
    public async Task A_saga_that_comes_back_by_a_reassignment_or_from_stuck_is_listed()
    {
        Membership us = await Db.JoinAsync();
        Membership other = await Db.JoinAsync();
        SagaId away = await Db.CreateSagaAsync(us);
        SagaId stuck = await Db.CreateSagaAsync(us);
        await Db.ReassignAsync(away, other.Coordinator);
        await Db.ExecuteAsync("update saga_recovery.saga set state = 'stuck' where id = @Id", new { Id = stuck.Value });
        await RememberAsync(us);
        (await Db.ListAsync(us)).Should().BeEmpty();

        await Db.ReassignAsync(away, us.Coordinator);
        await Db.ExecuteAsync("update saga_recovery.saga set state = 'unwinding' where id = @Id", new { Id = stuck.Value });

        (await Db.ListAsync(us)).Select(candidate => candidate.SagaId).Should().BeEquivalentTo([away, stuck]);
    }

    [Fact]
    public async Task Ranges_of_another_run_of_the_server_or_another_table_are_void()
    {
        Membership us = await Db.JoinAsync();
        SagaId saga = await Db.CreateSagaAsync(us);
        foreach (string moved in (string[])["server_start = 'epoch'", "table_id = 1"])
        {
            await RememberAsync(us);
            await Db.ExecuteAsync($"update saga_recovery.saga_listing set lows = '{{9000000}}', highs = '{{9000001}}', {moved}");

            (await Db.ListAsync(us)).Should().ContainSingle(candidate => candidate.SagaId == saga);
            (await Db.Cluster.ReadViewAsync(CancellationToken.None)).Owners.Should().Contain(us.Coordinator);
        }
    }

    [Fact]
    public async Task A_row_that_no_trigger_saw_is_found_within_an_hour()
    {
        Membership us = await Db.JoinAsync();
        await Db.CreateSagaAsync(us);
        SagaId restored = await Db.CreateSagaAsync(us);
        await Db.ExecuteAsync("update saga_recovery.saga set state = 'succeeded' where id = @Id", new { Id = restored.Value });
        await RememberAsync(us);
        await Db.ExecuteAsync("alter table saga_recovery.saga disable trigger user");
        await Db.ExecuteAsync("update saga_recovery.saga set state = 'running', adopt_xid = 3 where id = @Id", new { Id = restored.Value });
        (await Db.ListAsync(us)).Should().ContainSingle();

        await Db.ExecuteAsync("update saga_recovery.saga_listing set time_made = time_made - interval '61 minutes'");

        (await Db.ListAsync(us)).Should().HaveCount(2); // and makes new ranges
        (await Db.ListAsync(us)).Should().HaveCount(2);
        (await Db.QueryAsync<bool>("select time_made > clock_timestamp() - interval '1 minute' from saga_recovery.saga_listing")).Should().BeTrue();
    }

    [Fact]
    public async Task Rows_with_numbers_of_another_server_are_listed_page_by_page_and_once()
    {
        Membership us = await Db.JoinAsync();
        await RunAsync(us, 25);
        await Db.ExecuteAsync("alter table saga_recovery.saga disable trigger user"); // as pg_restore, which makes the triggers after the data
        await Db.ExecuteAsync("update saga_recovery.saga set adopt_xid = 8000000000 + adopt_xid where id::text < '8'");
        await Db.ExecuteAsync("alter table saga_recovery.saga enable trigger user");
        await RunAsync(us, 5);
        foreach (int pageSize in (int[])[1, 7, 1000])
        {
            (await Db.ListAsync(us, pageSize)).Should().HaveCount(30).And.OnlyHaveUniqueItems(candidate => candidate.SagaId);
            await RememberAsync(us);
        }
    }

    [Fact]
    public async Task Ranges_are_kept_within_a_thousand_and_miss_nothing()
    {
        Membership us = await Db.JoinAsync();
        for (int i = 0; i < 12; i++)
        {
            await RunAsync(us, 1);
            await RunAndEndAsync(us, transactions: 40, sagasEach: 1);
        }

        await RememberAsync(us);

        (await Db.QueryAsync<int>("select cardinality(lows) from saga_recovery.saga_listing")).Should().Be(13, "twelve unfinished sagas apart, and all that comes later");
        (await Db.ListAsync(us, 5)).Should().HaveCount(12);
    }

    [Fact]
    public async Task Searches_and_counts_read_next_to_nothing_of_sagas_that_ended_beside_an_old_snapshot()
    {
        Membership us = await Db.JoinAsync();
        SagaId unfinished = await Db.CreateSagaAsync(us);
        SagaId unowned = await Db.CreateSagaAsync(us);
        SagaId ofStranger = await Db.CreateSagaAsync(us);
        await Db.ExecuteAsync("update saga_recovery.saga set current_coordinator = null where id = @Id", new { Id = unowned.Value });
        await Db.ReassignAsync(ofStranger, new CoordinatorId(Guid.NewGuid())); // which never joined
        await using NpgsqlConnection report = await BeginAsync("set transaction isolation level repeatable read; select from saga_recovery.saga_hold");
        await RunAndEndAsync(us, transactions: 300, sagasEach: 30);
        SagaFilter[] filters = [new() { UnfinishedOnly = true }, new() { State = SagaState.Running }, new() { UnfinishedOnly = true, Owner = us.Coordinator }];
        long[] whole = await AllAsync();

        await Db.ListAsync(us); // makes the ranges

        (await AllAsync()).Should().AllSatisfy(pages => pages.Should().BeLessThan(100), "without ranges they were {0}", string.Join(", ", whole));
        whole.Should().AllSatisfy(pages => pages.Should().BeGreaterThan(300));
        (await Db.Operations.CountAsync(CancellationToken.None)).Sum(count => count.Count).Should().Be(3);
        (await Db.Operations.ListAsync(filters[0], CancellationToken.None)).Select(saga => saga.Id).Should().Equal(ofStranger, unowned, unfinished);
        (await Db.Operations.ListAsync(filters[2], CancellationToken.None)).Select(saga => saga.Id).Should().Equal(unfinished);
        (await Db.Definitions.ListAsync(CancellationToken.None)).Definitions.Sum(one => one.Unfinished).Should().Be(3);

        async Task<long[]> AllAsync() =>
        [
            await PagesOfSearchAsync(Db.Database.Searches.CountUnfinished, Db.Search.NewParameters()),
            .. await Task.WhenAll(filters.Select(filter => PagesOfSearchAsync(Db.Database.Searches.List(filter, new SearchIndex(SearchIndexKind.Unfinished)), Db.Search.ParametersOf(filter)))),
            await PagesAsync(Db.Database.Definitions.Count.Replace("$1", "0", StringComparison.Ordinal)),
            await PagesAsync(FindConflictsWithAnyStored()),
        ];
    }

    [Fact]
    public async Task A_page_of_a_listing_has_its_first_sagas_in_any_order_of_the_ranges()
    {
        Membership us = await SilentAsync();
        await using ListeningCoordinator taker = await Db.RunHeartbeatAsync();
        await InsertInRangesAsync(us, ranges: 30, sagasEach: 3);
        await Db.ExecuteAsync("""
            update saga_recovery.saga_listing set lows = (select array_agg(low order by low desc) from unnest(lows) low), highs = (select array_agg(high order by high desc) from unnest(highs) high)
            """);

        (await Db.ListAsync(us, pageSize: 7)).Should().HaveCount(90).And.OnlyHaveUniqueItems(candidate => candidate.SagaId);
        (await ReassignedAsync(us.Coordinator, [taker.Member.Coordinator], batchSize: 7)).Moved.Should().Be(90);
    }

    [Theory]
    [InlineData("force_generic_plan")]
    [InlineData("force_custom_plan")]
    public async Task A_page_of_a_listing_reads_no_range_after_it_is_full(string plans)
    {
        Membership us = await Db.JoinAsync();
        await InsertInRangesAsync(us, ranges: 500, sagasEach: 10);
        foreach (string statistics in (string[])["", "analyze saga_recovery.saga; analyze saga_recovery.saga_listing;"])
        {
            await using NpgsqlConnection connection = await BeginAsync($"{statistics} {Db.Database.Statements.CurrentJoin.Replace("$1", $"'{us.Coordinator}'", StringComparison.Ordinal)}");
            await connection.ExecuteAsync($"set local plan_cache_mode = {plans}; prepare page (uuid, bigint, uuid, bigint) as {Db.Database.Statements.ListPage}");
            string plan = (await connection.ExecuteScalarAsync<string>(
                $"explain (analyze, timing off, format json) execute page ('{us.Coordinator}', 200, '{Guid.Empty}', 25)"))!;
            using var json = JsonDocument.Parse(plan);

            NodesOf(json.RootElement[0].GetProperty("Plan")).Where(node => node.TryGetProperty("Index Name", out JsonElement index) && index.GetString() == "saga_unfinished")
                .Sum(node => node.GetProperty("Actual Loops").GetDouble()).Should().BeLessThan(10, plan);
            await connection.ExecuteAsync("deallocate page");
        }
    }

    [Fact]
    public async Task Restored_sagas_of_an_owner_that_is_down_are_found_within_an_hour_counted_and_reassigned()
    {
        Membership down = await Db.JoinAsync();
        await using ListeningCoordinator taker = await Db.RunHeartbeatAsync();
        SagaId restored = await Db.CreateSagaAsync(down);
        await Db.ExecuteAsync("update saga_recovery.saga set state = 'succeeded' where id = @Id", new { Id = restored.Value });
        await RememberAsync(down);
        await RememberAsync(taker.Member);
        await SilenceAsync(down);
        await Db.ExecuteAsync("alter table saga_recovery.saga disable trigger user"); // as pg_restore --data-only --disable-triggers
        await Db.ExecuteAsync("update saga_recovery.saga set state = 'running', adopt_xid = 3 where id = @Id", new { Id = restored.Value });
        await Db.ExecuteAsync("alter table saga_recovery.saga enable trigger user");
        (await Db.Cluster.ReadViewAsync(CancellationToken.None)).Owners.Should().BeEmpty();

        await AgeRangesAsync();
        (await Db.Cluster.CountUnfinishedAsync(CancellationToken.None)).Should().ContainSingle(owned => owned.Owner == down.Coordinator && owned.Count == 1);
        (await AgeOfRangesAsync(down)).Should().BeLessThan(TimeSpan.FromMinutes(1), "others make the ranges of a coordinator that is down");
        (await Db.Cluster.ReadViewAsync(CancellationToken.None)).Owners.Should().Equal(down.Coordinator);

        await Db.ExecuteAsync("update saga_recovery.saga_listing set lows = '{9000000}', highs = '{9000001}' where coordinator_id = @Id", new { Id = down.Coordinator.Value });
        await AgeRangesAsync();
        (await Db.Retention.ForgetCoordinatorAsync(down.Coordinator, Note, CancellationToken.None)).Should().Be(ForgetResult.OwnsSagas);
        (await Db.Operations.ListCoordinatorsAsync(CancellationToken.None)).Single(one => one.Id == down.Coordinator).InProgress.Should().Be(1);
        (await ReassignedAsync(down.Coordinator, [taker.Member.Coordinator])).Moved.Should().Be(1);
    }

    [Fact]
    public async Task The_sagas_that_ended_of_a_coordinator_that_is_down_are_read_once_an_hour()
    {
        Membership us = await Db.JoinAsync();
        Membership down = await Db.JoinAsync();
        await using NpgsqlConnection report = await BeginAsync("set transaction isolation level repeatable read; select from saga_recovery.saga_hold");
        await RunAndEndAsync(down, transactions: 300, sagasEach: 30);
        await RunAndEndAsync(us, transactions: 300, sagasEach: 30);
        await RememberAsync(us);
        await RememberAsync(down);
        await SilenceAsync(down);
        await AgeRangesAsync();

        (await PagesAsync(Db.Database.Cluster.Owners)).Should().BeInRange(200, 5_000, "of the one that is down, and not of the one that answers");
        await Db.Cluster.ReadViewAsync(CancellationToken.None);
        (await PagesAsync(Db.Database.Cluster.Owners)).Should().BeLessThan(60);
        (await AgeOfRangesAsync(us)).Should().BeGreaterThan(TimeSpan.FromHours(1), "it makes its own");
    }

    [Fact]
    public async Task Ranges_that_cannot_be_stored_are_logged_once_and_again_after_a_success()
    {
        Membership us = await Db.JoinAsync();
        using var log = new LogLines();
        using var factory = new LoggerFactory([log]);
        var ranges = new ListingRanges(Db.Database, factory.CreateLogger<ListingRanges>());
        await Db.ExecuteAsync("alter table saga_recovery.saga_listing add constraint full_disk check (lows = '{}')");

        (await ranges.RememberAsync(us.Coordinator, CancellationToken.None)).Should().BeFalse();
        (await ranges.RememberAsync(us.Coordinator, CancellationToken.None)).Should().BeFalse();

        log.Lines.Should().ContainSingle(line => line.EventId == 90 && line.Level == LogLevel.Warning).Which.Message.Should().Contain("full_disk").And.Contain($"{us.Coordinator}");
        await Db.ExecuteAsync("alter table saga_recovery.saga_listing drop constraint full_disk");
        (await ranges.RememberAsync(us.Coordinator, CancellationToken.None)).Should().BeTrue();
        await Db.ExecuteAsync("alter table saga_recovery.saga_listing add constraint full_disk check (lows = '{}') not valid");
        (await ranges.RememberAsync(us.Coordinator, CancellationToken.None)).Should().BeFalse();
        log.Count(90).Should().Be(2);
    }

    /// <summary>Inserts unfinished sagas in groups, as of some of the first transactions of the server, and a range for each group.</summary>
    private async Task InsertInRangesAsync(Membership member, int ranges, int sagasEach)
    {
        SagaId template = await Db.CreateSagaAsync(member);
        await Db.ExecuteAsync(
            """
            alter table saga_recovery.saga disable trigger user;
            insert into saga_recovery.saga (id, name, creator, definition_hash, params, current_coordinator, adopt_xid)
            select gen_random_uuid(), name, creator, definition_hash, params, current_coordinator, 100 + i % @ranges from saga_recovery.saga, generate_series(1, @ranges * @sagasEach) i where id = @template;
            delete from saga_recovery.saga where id = @template;
            alter table saga_recovery.saga enable trigger user;
            insert into saga_recovery.saga_listing (coordinator_id, lows, highs, server_start, table_id, time_made)
            select @member, array_agg(100 + i order by i), array_agg(100 + i order by i), pg_postmaster_start_time(), 'saga_recovery.saga'::regclass, clock_timestamp()
            from generate_series(0, @ranges) i
            """,
            new { ranges, sagasEach, template = template.Value, member = member.Coordinator.Value });
    }

    private Task AgeRangesAsync() => Db.ExecuteAsync("update saga_recovery.saga_listing set time_made = time_made - interval '61 minutes'");

    private Task<TimeSpan> AgeOfRangesAsync(Membership member) => Db.QueryAsync<TimeSpan>(
        "select clock_timestamp() - time_made from saga_recovery.saga_listing where coordinator_id = @Id", new { Id = member.Coordinator.Value });

    /// <summary>The search for conflicts of a definition that is not stored, with its name and version those of all that are.</summary>
    private string FindConflictsWithAnyStored() => Db.Database.Definitions.FindConflicts
        .Replace("$1", $"'{Guid.Empty}'::uuid", StringComparison.Ordinal)
        .Replace("$2", "'15 s'", StringComparison.Ordinal)
        .Replace("$3", "array[]::bytea[]", StringComparison.Ordinal)
        .Replace("$4", @"array['\x00']::bytea[]", StringComparison.Ordinal)
        .Replace("$5", "array['test-saga']", StringComparison.Ordinal)
        .Replace("$6", "array[1]", StringComparison.Ordinal);

    private static IEnumerable<JsonElement> NodesOf(JsonElement node) =>
        node.TryGetProperty("Plans", out JsonElement plans) ? plans.EnumerateArray().SelectMany(NodesOf).Prepend(node) : [node];

    private Task<bool> RememberAsync(Membership member) => Db.Database.ReadAsync(
        batch => batch.Add(Db.Database.Statements.RememberListing).With(member.Coordinator.Value), _ => Task.FromResult(true), CancellationToken.None);

    private async Task RunAsync(Membership member, int sagas)
    {
        for (int i = 0; i < sagas; i++)
        {
            await Db.CreateSagaAsync(member);
        }
    }

    /// <summary>Starts and ends sagas, in their own transactions.</summary>
    private async Task RunAndEndAsync(Membership member, int transactions, int sagasEach)
    {
        await Db.ExecuteAsync($"insert into saga_recovery.saga_definition (hash, name, version, dag) values ('\\x{SagaDatabase.Definition.Hash}', 'test-saga', 1, '{{}}') on conflict do nothing");
        await Db.ExecuteAsync(
            $"""
            do $run$ begin
                for i in 1..{transactions} loop
                    insert into saga_recovery.saga (id, name, creator, definition_hash, params, state, current_coordinator)
                    select gen_random_uuid(), 'ended', '{member.Coordinator}', '\x{SagaDatabase.Definition.Hash}', json_build_object('i', i), 'running', '{member.Coordinator}'
                    from generate_series(1, {sagasEach});
                    commit;
                    update saga_recovery.saga set state = 'succeeded' where name = 'ended' and state = 'running' and current_coordinator = '{member.Coordinator}';
                    commit;
                end loop;
            end $run$
            """);
    }

    private Task<long> PagesOfListingAsync(Membership member) => PagesAsync(Db.Database.Statements.ListPage
        .Replace("$1", $"'{member.Coordinator}'", StringComparison.Ordinal)
        .Replace("$2", "0", StringComparison.Ordinal)
        .Replace("$3", $"'{Guid.Empty}'::uuid", StringComparison.Ordinal)
        .Replace("$4", "5000", StringComparison.Ordinal));

    /// <summary>Counts the pages that a search reads.</summary>
    private async Task<long> PagesOfSearchAsync(string statement, NamedParameters parameters)
    {
        await using NpgsqlConnection connection = await Db.DataSource.OpenConnectionAsync();
        return PagesOf((await SagaSearch.QueryAsync(
            connection, $"explain (analyze, buffers, timing off, format json) {statement}", parameters, row => row.GetString(0), CancellationToken.None)).Single());
    }

    /// <summary>Counts the pages that a statement reads.</summary>
    private async Task<long> PagesAsync(string statement)
    {
        await using NpgsqlConnection connection = await BeginAsync("set local enable_seqscan = off; set local jit = off");
        return PagesOf((await connection.ExecuteScalarAsync<string>($"explain (analyze, buffers, timing off, format json) {statement}"))!);
    }

    private static long PagesOf(string plan)
    {
        using var json = JsonDocument.Parse(plan);
        JsonElement root = json.RootElement[0].GetProperty("Plan");
        return root.GetProperty("Shared Hit Blocks").GetInt64() + root.GetProperty("Shared Read Blocks").GetInt64();
    }
}
