using System.Text.Json;
using Dapper;
using Npgsql;
using SagaRecovery.Postgres;
using SagaRecovery.Storage;
using SagaRecovery.Tests.Support;

namespace SagaRecovery.Tests.Postgres;

/// <summary>Searches in a large history, with statistics that mislead the planner.</summary>
[Collection(SharesPostgres.Name)]
public sealed class SearchPlanTests(LargeHistory history) : IClassFixture<LargeHistory>
{
    /// <summary>The pages that a search may read. The table has more than 10,000, and each of its indexes more than 1,000.</summary>
    private const int MaxPages = 1_500;

    /// <summary>A scan of a large table, in a plan as JSON. The table of definitions is small, and may be scanned.</summary>
    private const string ScanOfSagas = "\"Seq Scan\",\\s+(\"[A-Za-z ]+\": [^,]+,\\s+)*\"Relation Name\": \"saga(_tag)?\"";

    /// <summary>Filters, each with the index that serves it.</summary>
    internal static readonly Dictionary<string, (SagaFilter Filter, string Index)> Filters = new()
    {
        ["nothing"] = (new SagaFilter(), "saga_by_definition"),
        ["a time"] = (new SagaFilter { Since = At(1_200), Until = At(1_000) }, "saga_by_definition"),
        ["a definition"] = (new SagaFilter { Name = "kind-2" }, "saga_by_definition"),
        ["a version"] = (new SagaFilter { Name = "kind-2", Version = 2, Until = At(9_000) }, "saga_by_definition"),
        ["what succeeded"] = (new SagaFilter { State = SagaState.Succeeded }, "saga_by_definition"),
        ["what is stuck"] = (new SagaFilter { State = SagaState.Stuck }, "saga_not_succeeded"),
        ["what is stuck, of a definition"] = (new SagaFilter { State = SagaState.Stuck, Name = "kind-0", Limit = 20 }, "saga_not_succeeded"),
        ["what is running, of a definition"] = (new SagaFilter { State = SagaState.Running, Name = "kind-2" }, "saga_unfinished"),
        ["what is unfinished"] = (new SagaFilter { UnfinishedOnly = true }, "saga_unfinished"),
        ["a failed node"] = (new SagaFilter { FailedNode = "charge" }, "saga_by_failed_node"),
        ["a rare node and a frequent code"] = (new SagaFilter { FailedNode = "rare", ErrorCode = "declined" }, "saga_by_failed_node"),
        ["a frequent node and a rare code"] = (new SagaFilter { FailedNode = "charge", ErrorCode = "odd" }, "saga_by_error_code"),
        ["a tag"] = (new SagaFilter { Tags = [new SagaTag("vpc", "17")] }, "saga_tag_by_value"),
        ["a frequent and a rare tag"] = (new SagaFilter { Tags = [new SagaTag("region", "eu"), new SagaTag("vpc", "17")] }, "saga_tag_by_value"),
        ["a tag and a definition"] = (new SagaFilter { Tags = [new SagaTag("vpc", "17")], Name = "kind-0" }, "saga_tag_by_value"),
    };

    public static TheoryData<string> Names => [.. Filters.Keys];

    private SagaDatabase Db => history.Db;

    [Theory]
    [MemberData(nameof(Names))]
    public async Task A_search_reads_one_index_and_few_pages(string what)
    {
        (SagaFilter filter, string index) = Filters[what];
        SearchIndex best = await Db.Search.ChooseAsync(filter, CancellationToken.None);

        (string plan, long pages) = await ExplainAsync(Db.Database.Searches.List(filter, best), Db.Search.ParametersOf(filter));

        plan.Should().Contain($"\"Index Name\": \"{index}\"", what).And.NotContain("Bitmap", what);
        plan.Should().NotMatchRegex(ScanOfSagas, what);
        pages.Should().BeLessThan(MaxPages, $"{what}: {plan}");
    }

    [Fact]
    public async Task Pages_follow_each_other_without_gap_or_repeat_while_sagas_are_inserted()
    {
        SagaFilter filter = new() { Name = "kind-1", Since = At(2_000), Limit = 37 };
        List<SagaSummary> all = [];
        IReadOnlyList<SagaSummary> page;
        do
        {
            page = await Db.Operations.ListAsync(filter with { Before = all.Count == 0 ? null : SagaCursor.Of(all[^1]) }, CancellationToken.None);
            all.AddRange(page);
            await Db.CreateSagaAsync(history.Owner, SagaDatabase.DefinitionNamed("kind-1"));
        }
        while (page.Count == filter.Limit);

        long expected = await Db.QueryAsync<long>(
            "select count(*) from saga_recovery.saga where name = 'kind-1' and time_created between @Since and @Newest", new { filter.Since, LargeHistory.Newest });
        all.Select(saga => saga.Id).Should().OnlyHaveUniqueItems();
        all.Count(saga => saga.TimeCreated <= LargeHistory.Newest).Should().Be((int)expected).And.BeGreaterThan(300);
        all.Should().BeInDescendingOrder(saga => saga.TimeCreated);
    }

    [Fact]
    public async Task A_filter_finds_what_a_scan_would_find()
    {
        foreach ((string what, (SagaFilter given, _)) in Filters)
        {
            SagaFilter filter = given with { Limit = 1_000 };
            IReadOnlyList<SagaSummary> found = await Db.Operations.ListAsync(filter, CancellationToken.None);
            Guid[] scanned = await ScanAsync(filter);

            found.Select(saga => saga.Id.Value).Should().Equal(scanned, what);
            found.Should().NotBeEmpty(what);
        }
    }

    [Fact]
    public async Task A_combination_that_is_too_rare_is_stopped_and_says_what_would_narrow_it()
    {
        await using var impatient = new SagaDatabase(Db.Direct, new PostgresStoreOptions { QueryTimeout = TimeSpan.FromMilliseconds(30) });
        await impatient.QueryAsync<int>("select 1"); // the limit includes the wait for a connection
        SagaFilter rare = new() { Owner = new CoordinatorId(Guid.NewGuid()) };

        Func<Task> search = () => impatient.Operations.ListAsync(rare, CancellationToken.None);

        (await search.Should().ThrowAsync<SearchTimeoutException>()).Which.Message.Should().Be(
            "The query was stopped after 30ms. It read many sagas, and too few of them match. "
            + "Narrow it by a time since which they were started, a definition, a tag, a failed node or error code. If they are few, Postgres is slow or another session keeps a table locked.");
        (await impatient.QueryAsync<string>("show statement_timeout")).Should().Be("0"); // the limit ends with the search
    }

    [Fact]
    public async Task Counts_read_the_unfinished_and_estimate_the_rest()
    {
        IReadOnlyList<SagaCount> unfinished = await Db.Operations.CountAsync(CancellationToken.None);
        SagaEstimate estimate = await Db.Operations.EstimateAsync(CancellationToken.None);

        unfinished.Where(count => count.Name == "kind-2").Sum(count => count.Count).Should().Be(LargeHistory.Count / 1_000); // number 5 of a thousand
        estimate.All.Should().BeInRange(LargeHistory.Count / 2, LargeHistory.Count * 3 / 2);
        estimate.NotSucceeded.Should().Equal(
            new EndedCount(SagaState.Stuck, (LargeHistory.Count / 500) + 100, OrMore: false),
            new EndedCount(SagaState.Abandoned, 0, OrMore: false),
            new EndedCount(SagaState.Unwound, LargeHistory.Count * 3 / 1_000, OrMore: false));
    }

    [Fact]
    public async Task Counts_scan_no_history()
    {
        NamedParameters parameters = Db.Search.NewParameters().With("Limit", SagaEstimate.CountLimit);
        foreach (string statement in (string[])[Db.Database.Searches.CountUnfinished, Db.Database.Searches.EstimateAll, Db.Database.Searches.CountNotSucceeded])
        {
            (string plan, long pages) = await ExplainAsync(statement, parameters);

            plan.Should().NotMatchRegex(ScanOfSagas);
            pages.Should().BeLessThan(3 * MaxPages, plan);
        }
    }

    private static DateTimeOffset At(int secondsBeforeNewest) => LargeHistory.Newest - TimeSpan.FromSeconds(secondsBeforeNewest);

    /// <summary>Finds the sagas of a filter the slow way.</summary>
    private async Task<Guid[]> ScanAsync(SagaFilter filter)
    {
        await using NpgsqlConnection connection = await Db.DataSource.OpenConnectionAsync();
        IEnumerable<Guid> ids = await connection.QueryAsync<Guid>(
            """
            select s.id from saga_recovery.saga s left join saga_recovery.saga_definition d on d.hash = s.definition_hash
            where (@State::text is null or s.state = @State) and (not @Unfinished or s.state in ('running', 'unwinding'))
                and (@Name::text is null or s.name = @Name) and (@Version::int is null or d.version = @Version)
                and (@Since::timestamptz is null or s.time_created >= @Since) and (@Until::timestamptz is null or s.time_created < @Until)
                and (@Node::text is null or s.failed_node = @Node) and (@Code::text is null or s.error_code = @Code)
                and (select count(*) from saga_recovery.saga_tag t where t.saga_id = s.id and t.name || '=' || t.value = any (@Tags)) = cardinality(@Tags)
            order by s.time_created desc, s.id desc limit @Limit
            """,
            new
            {
                State = filter.State is { } state ? SagaNames.Of(state) : null,
                Unfinished = filter.UnfinishedOnly,
                filter.Name,
                filter.Version,
                filter.Since,
                filter.Until,
                Node = filter.FailedNode,
                Code = filter.ErrorCode,
                Tags = filter.Tags.Select(tag => tag.ToString()).ToArray(),
                filter.Limit,
            });
        return [.. ids];
    }

    private async Task<(string Plan, long Pages)> ExplainAsync(string statement, NamedParameters parameters)
    {
        await using NpgsqlConnection connection = await Db.DataSource.OpenConnectionAsync();
        string plan = (await SagaSearch.QueryAsync(
            connection, $"explain (analyze, buffers, timing off, format json) {statement}", parameters, row => row.GetString(0), CancellationToken.None)).Single();
        using var parsed = JsonDocument.Parse(plan);
        JsonElement root = parsed.RootElement[0].GetProperty("Plan");
        return (plan, root.GetProperty("Shared Hit Blocks").GetInt64() + root.GetProperty("Shared Read Blocks").GetInt64());
    }
}
