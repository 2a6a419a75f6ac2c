using SagaRecovery.Storage;

namespace SagaRecovery.Postgres;

/// <summary>
/// The statements that search and count sagas for operators. Each reads one index, newest first, and nothing that the filter excludes on it.
/// </summary>
/// <remarks>
/// A statement has only the conditions of its filter, so that the planner need not reckon with those that a filter lacks. The condition of the
/// chosen index stands as it is. Every other one is written as <c>(…) is true</c>, which no index matches: with outdated statistics the planner
/// would otherwise read an index with millions of entries that the filter does not mean.
/// </remarks>
internal sealed class SearchStatements(string schema)
{
    /// <summary>
    /// Limits the time of the other statements of the transaction, and leaves them index scans in the order of the index. <c>@Timeout</c>: the
    /// limit, as a setting.
    /// </summary>
    public static readonly string Prepare = PrepareWith("@Timeout");

    /// <summary>Limits the time of the other statements of the transaction, and leaves their plans as they are. <c>$1</c>: the limit, as a setting.</summary>
    public const string LimitTime = $"{Statements.NoLoadBalance} select set_config('statement_timeout', $1, true), {Statements.OnThePrimary}";

    /// <summary><see cref="Prepare"/> with another name of the parameter.</summary>
    public static string PrepareWith(string timeout) => $"""
        {Statements.NoLoadBalance} select set_config('statement_timeout', {timeout}, true), set_config('enable_seqscan', 'off', true),
            set_config('enable_bitmapscan', 'off', true), set_config('enable_sort', 'off', true), set_config('enable_incremental_sort', 'off', true),
            set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true), set_config('jit', 'off', true),
            {Statements.OnThePrimary}
        """;

    /// <summary>Counts the sagas in progress. Reads those rows; see <see cref="UnfinishedSagas"/>.</summary>
    public string CountUnfinished { get; } = Statements.In(schema, $$"""
        select left(s.name, 1000) as "Name", s.current_coordinator as "Owner", s.state as "State", count(*) as "Count"
        from {{UnfinishedSagas.OfAll("s.name, s.current_coordinator, s.state")}}
        group by s.name, s.current_coordinator, s.state order by s.name, s.current_coordinator, s.state
        """);

    /// <summary>
    /// Estimates the number of all sagas as the planner does: the density at the last vacuum or analyze, times the present size. A null stands
    /// for a table that was never vacuumed; the statistics of the server serve then.
    /// </summary>
    public string EstimateAll { get; } = Statements.In(schema, """
        select coalesce(
            (select (c.reltuples / nullif(c.relpages, 0) * (pg_relation_size(c.oid) / current_setting('block_size')::int))::bigint
             from pg_class c where c.oid = '{schema}.saga'::regclass and c.reltuples >= 0),
            pg_stat_get_live_tuples('{schema}.saga'::regclass))
        """);

    /// <summary>Counts the sagas that ended without success, each state up to <c>@Limit</c>. Reads the index saga_not_succeeded.</summary>
    public string CountNotSucceeded { get; } = Statements.In(schema, string.Join(
        " union all ",
        new[] { SagaState.Stuck, SagaState.Abandoned, SagaState.Unwound }.Select(state => $$"""
            select '{{SagaNames.Of(state)}}' as "State", count(*) as "Count"
            from (select from {schema}.saga s where s.state = '{{SagaNames.Of(state)}}' limit @Limit) as part
            """)));

    /// <summary>Lists the sagas of a filter by one of its indexes, newest first.</summary>
    public string List(SagaFilter filter, SearchIndex index) => Statements.In(schema, $$"""
        with found as materialized (
            {{Rows(filter, index, $"{RangeOf(filter, index)}{Others(filter, index)}", "@Limit")}}
        )
        select {{OperatorStatements.Summary}}, d.version as "Version", s.failed_node as "FailedNode", s.error_code as "ErrorCode"
        from found f
        join {schema}.saga s on s.id = f.id
        left join {schema}.saga_definition d on d.hash = s.definition_hash
        left join {schema}.saga_hold h on h.saga_id = s.id
        order by f.time_created desc, f.id desc
        """);

    /// <summary>Measures some indexes for a filter: the number of entries that a search would read on each, up to <c>@Enough</c>.</summary>
    public string Measure(SagaFilter filter, IReadOnlyList<SearchIndex> indexes) => Statements.In(schema, $"""
        select array[{string.Join(", ", indexes.Select(index => $"(select count(*) from ({Rows(filter, index, RangeOf(filter, index), "@Enough")}) as part)"))}]
        """);

    private static string Rows(SagaFilter filter, SearchIndex index, string conditions, string limit) => index.Kind switch
    {
        SearchIndexKind.Definition => $$"""
            select n.id, n.time_created
            from {schema}.saga_definition d cross join lateral (
                select s.id, s.time_created from {schema}.saga s
                where s.definition_hash = d.hash{{conditions}}
                order by s.time_created desc, s.id desc limit {{limit}}) n
            where true{{(filter.Name is null ? "" : " and d.name = @Name")}}{{(filter.Version is null ? "" : " and d.version = @Version")}}
            order by n.time_created desc, n.id desc limit {{limit}}
            """,
        SearchIndexKind.Tag => $$"""
            select t.saga_id as id, t.time_created from {schema}.saga_tag t
            where t.name = @TagName{{index.Tag}} and t.value = @TagValue{{index.Tag}}{{conditions}}
            order by t.time_created desc, t.saga_id desc limit {{limit}}
            """,
        SearchIndexKind.Held => $$"""
            select s.id, s.time_created from {schema}.saga_hold g join {schema}.saga s on s.id = g.saga_id
            where true{{conditions}}
            order by s.time_created desc, s.id desc limit {{limit}}
            """,
        SearchIndexKind.Unfinished => $$"""
            select s.id, s.time_created from {{UnfinishedOf(filter, $"{UnfinishedSagas.IsUnfinished}{conditions}")}}
            order by s.time_created desc, s.id desc limit {{limit}}
            """,
        _ => $$"""
            select s.id, s.time_created from {schema}.saga s
            where {{ConditionOf(filter, index)}}{{conditions}}
            order by s.time_created desc, s.id desc limit {{limit}}
            """,
    };

    private static string ConditionOf(SagaFilter filter, SearchIndex index) => index.Kind switch
    {
        SearchIndexKind.FailedNode => "s.failed_node = @FailedNode",
        SearchIndexKind.ErrorCode => "s.error_code = @ErrorCode",
        _ => $"s.state = '{SagaNames.Of(filter.State!.Value)}'", // a literal, which proves the predicate of the index
    };

    private static string UnfinishedOf(SagaFilter filter, string isWanted) => filter.Owner is null
        ? UnfinishedSagas.OfAll("s.id, s.time_created", isWanted)
        : UnfinishedSagas.Of("@Owner", "s.id, s.time_created", isWanted);

    /// <summary>The condition on time and place, which is a range of every index that is sorted by time.</summary>
    private static string RangeOf(SagaFilter filter, SearchIndex index)
    {
        (string time, string id) = index.Kind is SearchIndexKind.Tag ? ("t.time_created", "t.saga_id") : ("s.time_created", "s.id");
        return (filter.Since is null ? "" : $" and {time} >= @Since")
            + (filter.Until is null ? "" : $" and {time} < @Until")
            + (filter.Before is null ? "" : $" and ({time}, {id}) < (@BeforeTime, @BeforeId)");
    }

    /// <summary>The conditions that the index does not have.</summary>
    private static string Others(SagaFilter filter, SearchIndex index)
    {
        string conditions = string.Concat(Conditions(filter, index).Select(condition => $" and ({condition}) is true"));
        return index.Kind is SearchIndexKind.Tag ? $$""" and exists (select from {schema}.saga s where s.id = t.saga_id{{conditions}} offset 0)""" : conditions;
    }

    private static IEnumerable<string> Conditions(SagaFilter filter, SearchIndex index)
    {
        if (filter.State is { } state && index.Kind is not SearchIndexKind.NotSucceeded)
        {
            yield return $"s.state = '{SagaNames.Of(state)}'";
        }

        if (filter.UnfinishedOnly && index.Kind is not SearchIndexKind.Unfinished)
        {
            yield return UnfinishedSagas.IsUnfinished;
        }

        if (filter.Owner is not null && index.Kind is not SearchIndexKind.Unfinished)
        {
            yield return "s.current_coordinator = @Owner";
        }

        if (filter.Name is not null && index.Kind is not SearchIndexKind.Definition)
        {
            yield return "s.name = @Name";
        }

        if (filter.Version is not null && index.Kind is not SearchIndexKind.Definition)
        {
            yield return "exists (select from {schema}.saga_definition d where d.hash = s.definition_hash and d.version = @Version offset 0)";
        }

        if (filter.FailedNode is not null && index.Kind is not SearchIndexKind.FailedNode)
        {
            yield return "s.failed_node = @FailedNode";
        }

        if (filter.ErrorCode is not null && index.Kind is not SearchIndexKind.ErrorCode)
        {
            yield return "s.error_code = @ErrorCode";
        }

        if (filter.HeldOnly && index.Kind is not SearchIndexKind.Held)
        {
            yield return "exists (select from {schema}.saga_hold g where g.saga_id = s.id offset 0)";
        }

        for (int i = 0; i < filter.Tags.Count; i++)
        {
            if (index.Kind is not SearchIndexKind.Tag || index.Tag != i)
            {
                yield return $$"""exists (select from {schema}.saga_tag g where g.saga_id = s.id and g.name = @TagName{{i}} and (g.value = @TagValue{{i}}) is true offset 0)""";
            }
        }
    }
}
