using System.Diagnostics;
using Dapper;
using Npgsql;
using SagaRecovery.Storage;
using SagaRecovery.Tests.Support;

namespace SagaRecovery.Tests.Postgres;

/// <summary>
/// The times of searches, beside those of the list by id that they replace. Runs only when it is asked for:
/// <c>SAGAS=3000000 … -explicit only -class "*SearchFigures"</c>.
/// </summary>
[Collection(SharesPostgres.Name)]
public sealed class SearchFigures(LargeHistory history, ITestOutputHelper output) : IClassFixture<LargeHistory>
{
    private const int Turns = 9;

    private const string ListById = """
        select s.id, left(s.name, 1000), s.state, s.current_coordinator, s.adopt_generation, s.time_created, (h.saga_id is not null)
        from saga_recovery.saga s left join saga_recovery.saga_hold h on h.saga_id = s.id
        where (@State::text is null or s.state = @State) and (@Name::text is null or s.name = @Name)
        order by s.id desc limit 100
        """;

    private const string CountAll = "select left(name, 1000), current_coordinator, state, count(*) from saga_recovery.saga group by name, current_coordinator, state";

    private SagaDatabase Db => history.Db;

    [Fact(Explicit = true)]
    public async Task Searches_in_a_long_history()
    {
        output.WriteLine($"{await Db.QueryAsync<long>("select count(*) from saga_recovery.saga")} sagas, {await Db.QueryAsync<string>("select pg_size_pretty(pg_total_relation_size('saga_recovery.saga'))")} with indexes");
        foreach ((string what, (SagaFilter given, _)) in SearchPlanTests.Filters)
        {
            SagaFilter filter = given with { Limit = 100 };
            double search = await MedianAsync(() => Db.Operations.ListAsync(filter, CancellationToken.None));
            output.WriteLine($"search by {what}: {search:F1} ms");
        }

        foreach (SagaFilter filter in (SagaFilter[])[new SagaFilter(), new SagaFilter { State = SagaState.Stuck }, new SagaFilter { Name = "none" }])
        {
            double byId = await MedianAsync(() => QueryAsync(ListById, new { State = filter.State is { } state ? SagaNames.Of(state) : null, filter.Name }));
            output.WriteLine($"before, list by id of {filter.State?.ToString() ?? filter.Name ?? "all"}: {byId:F1} ms");
        }

        output.WriteLine($"counts: {await MedianAsync(() => Db.Operations.CountAsync(CancellationToken.None)):F1} ms, "
            + $"estimate: {await MedianAsync(() => Db.Operations.EstimateAsync(CancellationToken.None)):F1} ms, before: {await MedianAsync(() => QueryAsync(CountAll, null), turns: 3):F1} ms");
        output.WriteLine($"definitions: {await MedianAsync(() => Db.Definitions.ListAsync(CancellationToken.None)):F1} ms");
        output.WriteLine($"whatis of a tag value: {await MedianAsync(() => Db.Operations.IdentifyAsync("17", CancellationToken.None)):F1} ms");
    }

    [Fact(Explicit = true)]
    public async Task Starts_with_and_without_tags()
    {
        foreach (int tags in (int[])[0, 2, 0, 2, 0, 2])
        {
            SagaTag[] given = [.. Enumerable.Range(0, tags).Select(i => new SagaTag($"tag-{i}", Guid.NewGuid().ToString()))];
            NewSaga[] sagas = [.. Enumerable.Range(0, 20_000).Select(_ => new NewSaga(SagaId.NewAt(DateTimeOffset.UtcNow), SagaDatabase.Definition, "1"u8.ToArray()) { Tags = given })];
            long start = Stopwatch.GetTimestamp();
            await Parallel.ForEachAsync(sagas, new ParallelOptions { MaxDegreeOfParallelism = 256 }, async (saga, token) => await Db.Log.CreateAsync(history.Owner, saga, token));
            output.WriteLine($"{tags} tags: {sagas.Length / Stopwatch.GetElapsedTime(start).TotalSeconds:F0} starts/s");
        }
    }

    private async Task QueryAsync(string statement, object? parameters)
    {
        await using NpgsqlConnection connection = await Db.DataSource.OpenConnectionAsync();
        (await connection.QueryAsync(new CommandDefinition(statement, parameters, commandTimeout: 120))).AsList();
    }

    private static async Task<double> MedianAsync(Func<Task> query, int turns = Turns)
    {
        List<double> times = [];
        for (int i = 0; i < turns; i++)
        {
            long start = Stopwatch.GetTimestamp();
            await query();
            times.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
        }

        return times.Order().ElementAt(turns / 2);
    }
}
