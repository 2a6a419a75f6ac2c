using System.Globalization;
using SagaRecovery.Fencing;

namespace SagaRecovery.Tests.Support;

/// <summary>
/// A database with 300,000 sagas whose statistics mislead the planner: when they were made, it had a hundred sagas, all stuck at one node and with one
/// tag. One saga was started each second. Of a thousand, two are stuck, three unwound, one is running, and the rest succeeded.
/// </summary>
public sealed class LargeHistory(PostgresCluster cluster) : IAsyncLifetime
{
    /// <summary>The number of sagas, besides the first hundred. The variable SAGAS sets it for measurements.</summary>
    public static readonly int Count = int.Parse(Environment.GetEnvironmentVariable("SAGAS") ?? "300000", CultureInfo.InvariantCulture);

    private const int Chunk = 300_000;

    public static readonly DateTimeOffset Newest = new(2026, 11, 1, 0, 0, 0, TimeSpan.Zero);

    internal SagaDatabase Db { get; private set; } = null!;

    internal Membership Owner { get; private set; }

    public async ValueTask InitializeAsync()
    {
        Db = new SagaDatabase(await cluster.NewDatabaseAsync());
        Owner = await Db.JoinAsync();
        await Db.ExecuteAsync("""
            alter table saga_recovery.saga set (autovacuum_enabled = off);
            alter table saga_recovery.saga_tag set (autovacuum_enabled = off);
            insert into saga_recovery.saga_definition (hash, name, version, dag)
            select decode(md5(n::text) || md5('x' || n), 'hex'), 'kind-' || n / 2, n % 2 + 1, '{}' from generate_series(0, 9) n
            """);
        await InsertAsync(-99, 0, state: "'stuck'", node: "'allocate'", code: "'quota'", tagged: "true");
        await Db.ExecuteAsync("analyze saga_recovery.saga; analyze saga_recovery.saga_tag");
        for (int last = 0; last < Count; last += Chunk)
        {
            await InsertAsync(
                last + 1,
                Math.Min(last + Chunk, Count),
                state: "case when i % 1000 < 2 then 'stuck' when i % 1000 < 5 then 'unwound' when i % 1000 = 5 then 'running' else 'succeeded' end",
                node: "case when i % 1000 < 5 then case when i % 50000 = 0 then 'rare' else 'charge' end end",
                code: "case when i % 1000 < 5 then case when i % 60000 = 1 then 'odd' else 'declined' end end",
                tagged: "i % 3 = 0");
        }
    }

    public async ValueTask DisposeAsync() => await Db.DisposeAsync();

    /// <summary>Inserts sagas number <paramref name="from"/> to <paramref name="to"/>. A higher number is newer. Ids are in no order of time.</summary>
    private Task InsertAsync(int from, int to, string state, string node, string code, string tagged) => Db.ExecuteAsync(
        $"""
        with numbers as materialized (
            select i, md5('saga ' || i)::uuid as id, @Newest - make_interval(secs => {Count} - i) as at from generate_series(@From, @To) i
        ), sagas as (
            insert into saga_recovery.saga
                (id, name, creator, definition_hash, params, state, current_coordinator, adopt_generation, time_created, failed_node, error_code)
            select id, 'kind-' || (abs(i) % 10) / 2, @Owner, decode(md5((abs(i) % 10)::text) || md5('x' || abs(i) % 10), 'hex'), '1', {state}, @Owner, 1, at, {node}, {code}
            from numbers
        )
        insert into saga_recovery.saga_tag (saga_id, name, value, time_created)
        select id, t.name, t.value, at from numbers, lateral (values ('region', 'eu'), ('vpc', (i / 3 % 50000)::text)) as t (name, value) where {tagged}
        """,
        new { From = from, To = to, Newest, Owner = Owner.Coordinator.Value });
}
