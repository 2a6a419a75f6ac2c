using EmbeddedPostgres;
using Npgsql;
using SagaRecovery.Fencing;
using SagaRecovery.Postgres;
using SagaRecovery.Tests.Support;

namespace SagaRecovery.Tests.Postgres;

/// <summary>An upgrade beside an autovacuum that would take minutes, on a server of its own with other settings.</summary>
public sealed class AutovacuumTests : IAsyncLifetime
{
    private static readonly SchemaStep Next = new(
        PostgresSchema.Version + 1, PostgresSchema.Version, ["saga"], "alter table {schema}.saga add column if not exists note text;");

    private ThrowawayCluster _cluster = null!;
    private SagaDatabase _db = null!;

    public async ValueTask InitializeAsync()
    {
        _cluster = await ThrowawayCluster.StartAsync();
        _db = new SagaDatabase(await _cluster.NewDatabaseAsync());
        await _db.ExecuteAsync("alter system set autovacuum_naptime = '1s'");
        await _db.ExecuteAsync("select pg_reload_conf()");
    }

    public async ValueTask DisposeAsync()
    {
        await _db.DisposeAsync();
        NpgsqlConnection.ClearAllPools();
        await _cluster.DisposeAsync();
    }

    [Fact]
    public async Task An_autovacuum_ends_for_an_upgrade_by_a_role_that_may_shorten_the_deadlock_timeout_and_is_named_to_others()
    {
        Membership member = await _db.JoinAsync();
        await _db.CreateSagaAsync(member);
        await _db.ExecuteAsync("create role app login; grant all on schema saga_recovery to app; grant all on all tables in schema saga_recovery to app");
        await _db.ExecuteAsync("""
            insert into saga_recovery.saga (id, name, creator, definition_hash, params)
            select gen_random_uuid(), name, creator, definition_hash, params from saga_recovery.saga, generate_series(1, 20000)
            """);
        await _db.ExecuteAsync("""
            alter table saga_recovery.saga set (
                autovacuum_vacuum_threshold = 0, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_cost_delay = 100, autovacuum_vacuum_cost_limit = 1)
            """);
        await _db.ExecuteAsync("update saga_recovery.saga set name = name || '2'");
        _db.DataSource.Clear(); // a session reports its dead rows when it ends
        await IsVacuumedAsync();

        var settings = new NpgsqlConnectionStringBuilder(_db.Direct) { Options = "-c role=app" };
        await using (var app = new SagaDatabase(settings.ConnectionString, new PostgresStoreOptions { SchemaLockTimeout = TimeSpan.FromMilliseconds(300) }))
        {
            (await FluentActions.Awaiting(() => app.UpgradeAsync([.. SchemaStep.All, Next])).Should().ThrowAsync<TimeoutException>()).WithMessage("*by backend * (*");
        }

        await IsVacuumedAsync();

        await _db.UpgradeAsync([.. SchemaStep.All, Next]);

        (await _db.QueryAsync<int>("select max(version) from saga_recovery.schema_version")).Should().Be(Next.Version);
    }

    private Task IsVacuumedAsync() => Eventually.HoldsAsync(
        () => _db.QueryAsync<bool>(@"select exists (select from pg_stat_activity where query ~ '^autovacuum: VACUUM (ANALYZE )?saga_recovery.saga\M')"), "an autovacuum ran");
}
