using Npgsql;
using SagaRecovery.Fencing;
using SagaRecovery.Postgres;
using SagaRecovery.Tests.Support;

namespace SagaRecovery.Tests.Postgres;

/// <summary>Listings that skip what has ended: decision 10.</summary>
public class ListingRangesTests(PostgresCluster cluster, Pooler? pooler = null) : PostgresTest(cluster, pooler)
{
    [Fact]
    public async Task A_listing_reads_next_to_nothing_of_sagas_that_ended_beside_an_old_snapshot()
    {
        Membership us = await Db.JoinAsync();
        SagaId unfinished = await Db.CreateSagaAsync(us);
        await using NpgsqlConnection report = await BeginAsync("begin isolation level repeatable read; select from saga_recovery.saga_hold");
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
        await using NpgsqlConnection report = await BeginAsync("begin isolation level repeatable read; select from saga_recovery.saga_hold");
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
        await using NpgsqlConnection caller = await BeginAsync("begin");
        var open = new SagaId(Guid.NewGuid());
        await ExecuteAsync(caller, $"""
            insert into saga_recovery.saga (id, name, creator, definition_hash, params, current_coordinator)
            select '{open}', name, creator, definition_hash, params, current_coordinator from saga_recovery.saga where id = '{template}'
            """);
        await RunAndEndAsync(us, transactions: 40, sagasEach: 1);
        await Db.CreateSagaAsync(us); // a later transaction

        await RememberAsync(us);
        await ExecuteAsync(caller, "commit");

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

    /// <summary>Counts the pages that a statement reads.</summary>
    private async Task<long> PagesAsync(string statement)
    {
        await using NpgsqlConnection connection = await BeginAsync("set enable_seqscan = off");
        await using var explain = new NpgsqlCommand($"explain (analyze, buffers, timing off, format json) {statement}", connection);
        string plan = (string)(await explain.ExecuteScalarAsync())!;
        using var json = System.Text.Json.JsonDocument.Parse(plan);
        System.Text.Json.JsonElement root = json.RootElement[0].GetProperty("Plan");
        return root.GetProperty("Shared Hit Blocks").GetInt64() + root.GetProperty("Shared Read Blocks").GetInt64();
    }

    private async Task<NpgsqlConnection> BeginAsync(string sql)
    {
        var connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(Db.Direct) { Pooling = false }.ConnectionString);
        await connection.OpenAsync();
        await ExecuteAsync(connection, sql);
        return connection;
    }

    private static async Task ExecuteAsync(NpgsqlConnection connection, string sql)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
    }
}
