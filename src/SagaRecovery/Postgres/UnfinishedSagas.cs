namespace SagaRecovery.Postgres;

/// <summary>
/// The part of a statement that finds the unfinished sagas of a coordinator, in the order of the index saga_unfinished. Its cost depends on the
/// number of these sagas, and not on how many have ended.
/// </summary>
/// <remarks>
/// <para>
/// An entry of the index stays when its saga ends, until a vacuum removes it, which another session with an old snapshot may delay. So the index is
/// not read as a whole. It is ordered by <c>adopt_xid</c>, the transaction in which the saga became an unfinished saga of its coordinator, and
/// <c>saga_listing</c> holds ranges of it outside of which the coordinator has no unfinished saga, now or later.
/// </para>
/// <para>
/// <see cref="Remember"/> makes the ranges from one snapshot: those of the sagas that it shows; the transactions that were in progress; and
/// all transactions after it. Every saga that is unfinished at a later time either was so in that snapshot, or became so by a transaction that the
/// snapshot does not show. So ranges never expire by what happens in the table, however old they are, and two processes may write them in any order.
/// They are void on another run of the server, and for another table, where numbers of transactions may come again.
/// See docs/decisions/0010-listings-that-skip-what-has-ended.md.
/// </para>
/// </remarks>
internal static class UnfinishedSagas
{
    /// <summary>The condition on the state of an unfinished saga. It is that of the index.</summary>
    public const string IsUnfinished = "s.state in ('running', 'unwinding')";

    /// <summary>
    /// The time for which a coordinator lists by its ranges. Then it reads its part of the index as a whole, and makes new ranges. This bounds the
    /// damage if a row was written with the triggers turned off, as <c>pg_restore --disable-triggers</c> does.
    /// </summary>
    public const string LongestUse = "interval '1 hour'";

    private const string Highest = "9223372036854775807";

    /// <summary>The largest number of transactions between two unfinished sagas that are in one range.</summary>
    private const string LargestGap = "32";

    /// <summary>The number of ranges that a listing probes. If there would be more, those that are nearest to one another become one.</summary>
    private const string MaxRanges = "1000";

    private const string IsValid = "l.server_start = pg_postmaster_start_time() and l.table_id = '{schema}.saga'::regclass";

    /// <summary>Returns the from item <c>r (low, high)</c>: the ranges of a coordinator, in order.</summary>
    /// <param name="coordinator">The expression for its id.</param>
    /// <param name="isUsable">A further condition on the row <c>l</c> of the ranges.</param>
    public static string RangesOf(string coordinator, string isUsable = "true") => $$"""
        (
            select r.low, r.high from {schema}.saga_listing l, unnest(l.lows, l.highs) as r (low, high)
            where l.coordinator_id = {{coordinator}} and {{IsValid}} and {{isUsable}}
            union all
            select 0, {{Highest}}
            where not exists (select from {schema}.saga_listing l where l.coordinator_id = {{coordinator}} and {{IsValid}} and {{isUsable}})
        ) r
        """;

    /// <summary>Returns the from item <c>s</c>: the unfinished sagas of a coordinator.</summary>
    /// <param name="coordinator">The expression for its id.</param>
    /// <param name="columns">The columns, of the table <c>s</c>.</param>
    /// <param name="isWanted">A further condition on the saga <c>s</c>.</param>
    public static string Of(string coordinator, string columns, string isWanted = "true") => $$"""
        (
            select s.* from {{RangesOf(coordinator)}} cross join lateral (
                select {{columns}} from {schema}.saga s
                where s.current_coordinator = {{coordinator}} and {{IsUnfinished}} and s.adopt_xid between r.low and r.high and {{isWanted}}
                offset 0) s
        ) s
        """;

    /// <summary>
    /// Returns the subquery for those unfinished sagas of a coordinator in the range <c>r</c> that are after a place, in the order of
    /// <c>adopt_xid</c> and id. The place is the only lower bound of the index scan: with a second one, the scan would begin at the wrong one
    /// (findings/row-comparison-and-lower-bound.sh).
    /// </summary>
    public static string After(string columns, string coordinator, string xid, string id, string limit) => $$"""
        select {{columns}} from {schema}.saga s
            where s.current_coordinator = {{coordinator}} and {{IsUnfinished}} and s.adopt_xid <= r.high
                and (s.adopt_xid, s.id) > (greatest(r.low - 1, {{xid}}), case when r.low > {{xid}} then 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid else {{id}} end)
            order by s.adopt_xid, s.id limit {{limit}}
        """;

    /// <summary>The condition that a coordinator may list by the row <c>l</c> of its ranges.</summary>
    public const string IsFresh = $"l.time_made between clock_timestamp() - {LongestUse} and clock_timestamp()";

    /// <summary>
    /// Stores the ranges of coordinator <c>$1</c>. If they are made from fresh ones, they are as old as these: what those missed, they miss.
    /// </summary>
    public static string Remember { get; } = $$"""
        with unfinished as (
            select s.adopt_xid from {{RangesOf("$1", IsFresh)}} cross join lateral (
                select s.adopt_xid from {schema}.saga s
                where s.current_coordinator = $1 and {{IsUnfinished}} and s.adopt_xid between r.low and r.high
                offset 0) s
        ), later as (
            select pg_snapshot_xmax(pg_current_snapshot())::text::bigint as low
        ), point as (
            select u.adopt_xid as xid from unfinished u, later where u.adopt_xid < later.low
            union
            select xid::text::bigint from pg_snapshot_xip(pg_current_snapshot()) as xid
        ), gap as (
            select xid, xid - lag(xid) over (order by xid) as size from point
        ), ranked as (
            select xid, size > {{LargestGap}} and row_number() over (order by size desc nulls last) < {{MaxRanges}} as is_wide from gap
        ), numbered as (
            select xid, count(*) filter (where is_wide) over (order by xid) as number from ranked
        ), range as (
            select min(xid) as low, max(xid) as high from numbered group by number
            union all
            select low, {{Highest}} from later
        )
        insert into {schema}.saga_listing as l (coordinator_id, lows, highs, server_start, table_id, time_made)
        select $1, array_agg(low order by low), array_agg(high order by low), pg_postmaster_start_time(), '{schema}.saga'::regclass, clock_timestamp()
        from range
        on conflict (coordinator_id) do update set
            lows = excluded.lows, highs = excluded.highs, server_start = excluded.server_start, table_id = excluded.table_id,
            time_made = case when {{IsValid}} and {{IsFresh}} then l.time_made else excluded.time_made end
        """;
}
