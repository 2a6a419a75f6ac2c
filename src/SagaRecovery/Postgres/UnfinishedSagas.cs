namespace SagaRecovery.Postgres;

/// <summary>
/// The part of a statement that finds the unfinished sagas of one coordinator or of all. Its cost depends on the number of these sagas, and not on
/// how many have ended.
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

    /// <summary>The first transaction that the snapshot of a statement does not show. A row with a higher number came from another server.</summary>
    public const string FirstUnseen = "pg_snapshot_xmax(pg_current_snapshot())::text::bigint";

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

    /// <summary>
    /// The condition that a coordinator may list by the row <c>l</c> of its ranges. Constant within a statement, so that no statement uses the ranges and
    /// the whole index both.
    /// </summary>
    public const string IsFresh = $"l.time_made between statement_timestamp() - {LongestUse} and statement_timestamp()";

    /// <summary>
    /// The condition that any process may use the row <c>l</c> of the ranges of any coordinator: it is fresh, or the coordinator answers and so makes a fresh
    /// one itself. Of a coordinator that does not answer, a statement reads the whole part of the index, until <see cref="Stale"/> has led to new ranges.
    /// </summary>
    public const string IsCurrent = $"({IsFresh} or exists (select from {{schema}}.saga_coordinator a where a.id = l.coordinator_id and {Answers}))";

    private const string Answers = "a.time_left is null and a.time_seen > statement_timestamp() - interval '15 seconds'"; // CoordinatorDetails.AnswerTimeout

    /// <summary>
    /// Returns the from item <c>r (low, high)</c>: the ranges of a coordinator. They do not overlap. Without ranges that may be used, it is one that has
    /// all.
    /// </summary>
    /// <param name="coordinator">The expression for its id.</param>
    /// <param name="isUsable">The condition that the row <c>l</c> of the ranges may be used.</param>
    public static string RangesOf(string coordinator, string isUsable) => $$"""
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
    /// <param name="isWanted">The condition on the saga <c>s</c>, which implies that it is unfinished.</param>
    /// <param name="isUsable">As for <see cref="RangesOf"/>. By default that for any process.</param>
    public static string Of(string coordinator, string columns, string isWanted = IsUnfinished, string isUsable = IsCurrent) => $$"""
        (
            select s.* from {{RangesOf(coordinator, isUsable)}} cross join lateral (
                select {{columns}} from {schema}.saga s
                where s.current_coordinator = {{coordinator}} and {{isWanted}} and s.adopt_xid between r.low and r.high
                offset 0) s
        ) s
        """;

    /// <summary>Returns the from item <c>s</c>: the unfinished sagas of all owners, and those without one. The latter have no ranges.</summary>
    /// <param name="columns">The columns, of the table <c>s</c>.</param>
    /// <param name="isWanted">As for <see cref="Of"/>.</param>
    public static string OfAll(string columns, string isWanted = IsUnfinished) => $$"""
        (
            select s.* from (select c.id from {schema}.saga_coordinator c union all {{OwnersWithoutRow}}) o cross join lateral {{Of("o.id", columns, isWanted)}}
            union all
            (select {{columns}} from {schema}.saga s where s.current_coordinator is null and {{isWanted}} offset 0)
        ) s
        """;

    /// <summary>
    /// The query for the owners of unfinished sagas that have no row, since they never joined. They are looked for between the ids of those that have
    /// one, with one probe of the index for each.
    /// </summary>
    public static string OwnersWithoutRow { get; } = $$"""
        (
            with recursive between_rows as (
                select null::uuid as lower, (select id from {schema}.saga_coordinator order by id limit 1) as upper
                union all
                select id, lead(id) over (order by id) from {schema}.saga_coordinator
            ), without_row as (
                select b.lower, b.upper, ({{FirstOwnerBetween("b.lower", "b.upper")}}) as id from between_rows b
                union all
                select w.id, w.upper, ({{FirstOwnerBetween("w.id", "w.upper")}}) from without_row w where w.id is not null
            )
            select id from without_row where id is not null
        )
        """;

    /// <summary>
    /// Returns a query for one page of the unfinished sagas of a coordinator: those after a place, in the order of <c>adopt_xid</c> and id. The place is
    /// the only lower bound of each index scan: with a second one, the scan would begin at the wrong one (findings/row-comparison-and-lower-bound.sh).
    /// </summary>
    /// <remarks>
    /// The next page begins after the last row of this one, so the order is that of the statement, and not that of a plan. The ranges are sorted before
    /// they are read, so that a plan sorts range by range, and reads no range after the page is full.
    /// </remarks>
    /// <param name="columns">The columns, of the table <c>s</c>, with <c>id</c> and <c>adopt_xid</c> among them.</param>
    /// <param name="coordinator">The expression for the id of the coordinator.</param>
    /// <param name="xid">The expression for the <c>adopt_xid</c> of the place.</param>
    /// <param name="id">The expression for the id of the place.</param>
    /// <param name="limit">The expression for the number of sagas on a page.</param>
    /// <param name="isUsable">As for <see cref="RangesOf"/>.</param>
    /// <param name="isWanted">As for <see cref="Of"/>.</param>
    public static string PageAfter(string columns, string coordinator, string xid, string id, string limit, string isUsable, string isWanted = IsUnfinished) => $$"""
        select s.* from (select r.low, r.high from {{RangesOf(coordinator, isUsable)}} order by r.low) r cross join lateral (
            select {{columns}} from {schema}.saga s
            where s.current_coordinator = {{coordinator}} and {{isWanted}} and s.adopt_xid <= r.high
                and (s.adopt_xid, s.id) > (greatest(r.low - 1, {{xid}}), case when r.low > {{xid}} then 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid else {{id}} end)
            order by s.adopt_xid, s.id limit {{limit}}) s
        where r.high >= {{xid}}
        order by r.low, s.adopt_xid, s.id limit {{limit}}
        """;

    /// <summary>
    /// Finds coordinators that do not answer and have no fresh ranges, up to a small number. A process that looks for their sagas makes ranges for them,
    /// since they do not: otherwise each such look would read their whole part of the index.
    /// </summary>
    public static string Stale { get; } = $$"""
        select a.id from {schema}.saga_coordinator a
        where ({{Answers}}) is not true
            and not exists (select from {schema}.saga_listing l where l.coordinator_id = a.id and {{IsValid}} and {{IsFresh}} offset 0)
        limit 20
        """;

    /// <summary>
    /// Stores the ranges of coordinator <c>$1</c>. If they are made from fresh ones, they are as old as these: what those missed, they miss.
    /// </summary>
    public static string Remember { get; } = $$"""
        with base as (
            select min(l.time_made) as time_made from {schema}.saga_listing l where l.coordinator_id = $1 and {{IsValid}} and {{IsFresh}}
        ), unfinished as (
            select s.adopt_xid from {{Of("$1", "s.adopt_xid", isUsable: IsFresh)}}
        ), later as (
            select {{FirstUnseen}} as low
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
        select $1, array_agg(low order by low), array_agg(high order by low), pg_postmaster_start_time(), '{schema}.saga'::regclass,
            coalesce((select time_made from base), clock_timestamp())
        from range
        on conflict (coordinator_id) do update set
            lows = excluded.lows, highs = excluded.highs, server_start = excluded.server_start, table_id = excluded.table_id, time_made = excluded.time_made
        """;

    private static string FirstOwnerBetween(string lower, string upper) => $$"""
        select s.current_coordinator from {schema}.saga s
                where {{IsUnfinished}} and s.current_coordinator > coalesce({{lower}}, '00000000-0000-0000-0000-000000000000')
                    and s.current_coordinator < coalesce({{upper}}, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
                order by s.current_coordinator limit 1
        """;
}
