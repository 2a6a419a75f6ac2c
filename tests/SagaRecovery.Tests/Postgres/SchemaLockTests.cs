using System.Globalization;
using Microsoft.Extensions.Logging;
using Npgsql;
using SagaRecovery.Fencing;
using SagaRecovery.Postgres;
using SagaRecovery.Tests.Support;

namespace SagaRecovery.Tests.Postgres;

/// <summary>An upgrade beside transactions that keep its tables locked.</summary>
public class SchemaLockTests(PostgresCluster cluster, Pooler? pooler = null) : PostgresTest(cluster, pooler)
{
    private const string Reporting = "reporting";

    private static readonly SchemaStep Next = new(
        PostgresSchema.Version + 1,
        PostgresSchema.Version,
        ["saga", "saga_node_event"],
        "alter table {schema}.saga add column if not exists note text;\nalter table {schema}.saga_node_event add column if not exists note text;");

    private readonly WatchedTimeProvider _time = new();
    private readonly LogLines _log = new();

    [Fact]
    public async Task Sagas_are_written_while_an_upgrade_waits_for_a_long_reader()
    {
        Membership member = await Db.JoinAsync();
        await using NpgsqlConnection reader = await BeginAsync("select from saga_recovery.saga");
        int written = 0;
        using var enough = new CancellationTokenSource();
        Task writing = WriteAsync();

        Task upgrade = UpgradeAsync();
        for (int attempt = 0; attempt < 4; attempt++)
        {
            await RefusedAsync();
            int before = written;
            await Eventually.HoldsAsync(() => written >= before + 5, "sagas were written beside the reader");
            _time.Advance(TimeSpan.FromSeconds(3));
        }

        upgrade.IsCompleted.Should().BeFalse();
        await reader.CloseAsync();
        await CompletedAsync(upgrade);
        (await Db.QueryAsync<int>("select max(version) from saga_recovery.schema_version")).Should().Be(Next.Version);
        int upgraded = written;
        await Eventually.HoldsAsync(() => written >= upgraded + 5, "sagas were written to the upgraded tables");
        await enough.CancelAsync();
        await writing;

        async Task WriteAsync()
        {
            while (!enough.IsCancellationRequested)
            {
                await Db.CreateSagaAsync(member);
                written++;
            }
        }
    }

    [Fact]
    public async Task An_upgrade_that_stays_locked_out_ends_with_the_names_of_the_holders_and_has_changed_nothing()
    {
        await Db.Schema.CreateAsync();
        await using NpgsqlConnection reader = await BeginAsync("select from saga_recovery.saga_node_event");

        Task upgrade = UpgradeAsync();
        await RefusedAsync();
        _time.Advance(Db.Database.Options.SchemaLockTimeout);

        string backend = await Db.QueryAsync<string>(
            "select pid::text from pg_stat_activity where query like '%from saga_recovery.saga_node_event' and state = 'idle in transaction'");
        (await FluentActions.Awaiting(() => upgrade).Should().ThrowAsync<TimeoutException>()).WithMessage(
            $"Nothing was changed by the upgrade of schema 'saga_recovery' to version 12: its tables stayed locked for 30s, "
            + $"by backend {backend} ({Reporting}, idle in transaction, since *");
        _log.Lines.Should().ContainSingle(line => line.EventId == 23).Which.Should().Match<(int, LogLevel Level, string Message)>(
            line => line.Level == LogLevel.Warning && line.Message.Contains($"backend {backend} ({Reporting}, idle in transaction"));
        (await Db.QueryAsync<int>("select max(version) from saga_recovery.schema_version")).Should().Be(PostgresSchema.Version);
        (await Db.QueryAsync<bool>("select exists (select from information_schema.columns where table_schema = 'saga_recovery' and column_name = 'note')")).Should().BeFalse();
    }

    [Fact]
    public async Task An_upgrade_beside_another_one_holds_nothing_while_it_waits_and_does_nothing_once_the_other_is_done()
    {
        await Db.Schema.CreateAsync();
        await using NpgsqlConnection other = await BeginAsync($"select pg_advisory_xact_lock(hashtext('{SchemaStep.LockName("saga_recovery")}'))");

        Task upgrade = UpgradeAsync();
        await RefusedAsync();
        (await Db.QueryAsync<int>("select count(*) from pg_stat_activity where state = 'idle in transaction' and datname = current_database()"))
            .Should().Be(1, "only the other upgrade is in a transaction");
        _log.Lines.Single(line => line.EventId == 23).Message.Should().Contain($"({Reporting}, idle in transaction");
        await ExecuteAsync(other, Next.Apply("saga_recovery"));
        await ExecuteAsync(other, "commit");

        await CompletedAsync(upgrade);
        (await Db.QueryAsync<int>("select count(*) from saga_recovery.schema_version where version = 9")).Should().Be(1);
    }

    [Fact]
    public async Task A_script_waits_no_longer_for_its_locks_and_refuses_tables_of_another_version()
    {
        string script = PostgresSchema.Script(from: 7);
        await Db.UpgradeAsync([.. SchemaStep.All.Take(7)]);
        await using (NpgsqlConnection reader = await BeginAsync("select from saga_recovery.schema_version"))
        {
            (await FluentActions.Awaiting(() => RunAsync(script)).Should().ThrowAsync<PostgresException>()).Which.SqlState.Should().Be(PostgresErrorCodes.LockNotAvailable);
        }

        (await Db.QueryAsync<int>("select max(version) from saga_recovery.schema_version")).Should().Be(7);

        await RunAsync(script);

        (await Db.Schema.CheckAsync()).Should().BeEmpty();
        (await FluentActions.Awaiting(() => RunAsync(script)).Should().ThrowAsync<PostgresException>())
            .WithMessage("*not at version 7, which this step upgrades*");
    }

    [Fact]
    public async Task Indexes_are_built_beside_writers_and_wait_for_older_transactions_alone()
    {
        await Db.UpgradeAsync([.. SchemaStep.All.Take(9)]);
        await using NpgsqlConnection report = await BeginAsync("set transaction isolation level repeatable read; select from saga_recovery.saga");

        Task upgrade = Db.UpgradeAsync(SchemaStep.All);
        await Db.WaitForBlockedSessionAsync("create index concurrently");
        await Db.ExecuteAsync("""
            insert into saga_recovery.saga (id, name, creator, definition_hash, params)
            select gen_random_uuid(), 'x', gen_random_uuid(), '\x00', '{}'
            """);
        upgrade.IsCompleted.Should().BeFalse();
        await ExecuteAsync(report, "commit");
        await upgrade.WaitAsync(TimeSpan.FromMinutes(2));

        (await Db.Schema.CheckAsync()).Should().BeEmpty();
    }

    [Fact]
    public async Task An_index_that_an_earlier_attempt_left_invalid_is_built_again()
    {
        await Db.UpgradeAsync([.. SchemaStep.All.Take(9)]);
        await Db.ExecuteAsync("create index saga_by_definition on saga_recovery.saga (name)");
        await Db.ExecuteAsync("update pg_index set indisvalid = false where indexrelid = 'saga_recovery.saga_by_definition'::regclass");

        await Task.WhenAll(Enumerable.Range(0, 3).Select(_ => Db.UpgradeAsync(SchemaStep.All)));

        (await Db.Schema.CheckAsync()).Should().BeEmpty();
        (await Db.QueryAsync<int>("select count(*) from pg_index where not indisvalid")).Should().Be(0);
    }

    /// <summary>The process that began the build was killed, for one: its backend builds on.</summary>
    [Fact]
    public async Task An_index_that_another_session_builds_is_left_to_it()
    {
        await Db.UpgradeAsync([.. SchemaStep.All.Take(9)]);
        await using NpgsqlConnection report = await BeginAsync("set transaction isolation level repeatable read; select from saga_recovery.saga");
        Task build = RunAsync(SchemaStep.All[9].Split("saga_recovery").Single(statement => statement.Index == "saga_unfinished").Sql);
        await Db.WaitForBlockedSessionAsync("saga_unfinished");
        uint index = await Db.QueryAsync<uint>("select 'saga_recovery.saga_unfinished'::regclass::oid");

        Task refused = Db.UpgradeAsync(SchemaStep.All, _time, _log.CreateLogger("SagaRecovery"));
        await RefusedAsync();
        _time.Advance(Db.Database.Options.SchemaLockTimeout);

        (await FluentActions.Awaiting(() => refused).Should().ThrowAsync<TimeoutException>()).WithMessage(
            "*to version 10: its indexes have been built by another session for 30s: backend *, which builds saga_unfinished. That locks no table. *");
        await ExecuteAsync(report, "commit");
        await build.WaitAsync(TimeSpan.FromMinutes(2));
        await Db.UpgradeAsync(SchemaStep.All);
        (await Db.Schema.CheckAsync()).Should().BeEmpty();
        (await Db.QueryAsync<uint>("select 'saga_recovery.saga_unfinished'::regclass::oid")).Should().Be(index, "it is the one that was under construction");
    }

    [Fact]
    public async Task An_upgrade_beside_one_that_builds_indexes_does_not_advise_to_end_it()
    {
        await Db.UpgradeAsync([.. SchemaStep.All.Take(9)]);
        await using NpgsqlConnection report = await BeginAsync("set transaction isolation level repeatable read; select from saga_recovery.saga");
        Task first = Db.UpgradeAsync(SchemaStep.All);
        await Db.WaitForBlockedSessionAsync("saga_unfinished");

        Task second = Db.UpgradeAsync(SchemaStep.All, _time, _log.CreateLogger("SagaRecovery"));
        await RefusedAsync();
        _time.Advance(Db.Database.Options.SchemaLockTimeout);

        (await FluentActions.Awaiting(() => second).Should().ThrowAsync<TimeoutException>()).Which.Message
            .Should().Contain("by another session for 30s: backend ").And.Contain("Repeat the upgrade when it has ended.").And.NotContain("End those");
        await ExecuteAsync(report, "commit");
        await first.WaitAsync(TimeSpan.FromMinutes(2));
    }

    [Fact]
    public async Task A_time_out_for_idle_transactions_does_not_end_the_turn_to_build()
    {
        await Db.UpgradeAsync([.. SchemaStep.All.Take(9)]);
        await SagaDatabase.AlterAsync(Db.Direct, "idle_in_transaction_session_timeout = '100ms'");
        await using NpgsqlConnection report = await BeginAsync(
            "set local idle_in_transaction_session_timeout = 0; set transaction isolation level repeatable read; select from saga_recovery.saga");
        Task upgrade = Db.UpgradeAsync(SchemaStep.All);
        await Db.WaitForBlockedSessionAsync("saga_unfinished");
        int turn = await TurnAsync();
        await Db.ExecuteAsync("select pg_sleep(0.5)"); // several times as long as the time-out
        (await TurnAsync()).Should().Be(turn);
        await ExecuteAsync(report, "commit");

        await upgrade.WaitAsync(TimeSpan.FromMinutes(2));

        (await Db.Schema.CheckAsync()).Should().BeEmpty();
    }

    [Fact]
    public async Task A_turn_that_is_ended_while_an_index_is_built_costs_nothing_that_was_built()
    {
        await Db.UpgradeAsync([.. SchemaStep.All.Take(9)]);
        await using NpgsqlConnection report = await BeginAsync("set transaction isolation level repeatable read; select from saga_recovery.saga");
        Task upgrade = Db.UpgradeAsync(SchemaStep.All);
        await Db.WaitForBlockedSessionAsync("saga_unfinished");
        uint index = await Db.QueryAsync<uint>("select 'saga_recovery.saga_unfinished'::regclass::oid");
        await Db.ExecuteAsync("select pg_terminate_backend(@Turn)", new { Turn = await TurnAsync() });
        await ExecuteAsync(report, "commit");

        await upgrade.WaitAsync(TimeSpan.FromMinutes(2));

        (await Db.Schema.CheckAsync()).Should().BeEmpty();
        (await Db.QueryAsync<uint>("select 'saga_recovery.saga_unfinished'::regclass::oid")).Should().Be(index);
    }

    /// <summary>The backend that has the turn to build indexes.</summary>
    private Task<int> TurnAsync() => Db.QueryAsync<int>("""
        select pid from pg_locks where locktype = 'advisory' and granted and database = (select oid from pg_database where datname = current_database())
        """);

    private Task UpgradeAsync() => Db.UpgradeAsync([.. SchemaStep.All, Next], _time, _log.CreateLogger("SagaRecovery"));

    /// <summary>Waits until an attempt was refused its locks. The next one waits for the clock.</summary>
    private Task RefusedAsync() => Eventually.HoldsAsync(() => _time.Pending.Count > 0, "an attempt was refused");

    private Task CompletedAsync(Task upgrade) => Eventually.HoldsAsync(
        () =>
        {
            _time.Advance(TimeSpan.FromMilliseconds(200));
            return upgrade.IsCompletedSuccessfully;
        },
        "the upgrade had ended");

    /// <summary>Opens a transaction that stays open.</summary>
    private async Task<NpgsqlConnection> BeginAsync(string sql)
    {
        var settings = new NpgsqlConnectionStringBuilder(Db.Direct) { ApplicationName = Reporting, Pooling = false };
        var connection = new NpgsqlConnection(settings.ConnectionString);
        await connection.OpenAsync();
        await ExecuteAsync(connection, string.Create(CultureInfo.InvariantCulture, $"begin; {sql}"));
        return connection;
    }

    /// <summary>Runs a script on a connection of its own, which then ends, as that of psql does.</summary>
    private async Task RunAsync(string script)
    {
        await using var connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(Db.Direct) { Pooling = false }.ConnectionString);
        await connection.OpenAsync();
        await SqlScript.RunAsync(connection, script);
    }

    private static async Task ExecuteAsync(NpgsqlConnection connection, string sql)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
    }
}
