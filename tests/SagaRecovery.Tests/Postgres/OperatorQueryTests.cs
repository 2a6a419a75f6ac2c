using Microsoft.Extensions.Options;
using Npgsql;
using SagaRecovery.Postgres;

namespace SagaRecovery.Tests.Postgres;

/// <summary>The connections of the queries of operators.</summary>
public sealed class OperatorQueryTests(PostgresCluster cluster) : PostgresTest(cluster)
{
    [Fact]
    public async Task Three_queries_run_at_once_on_any_pool()
    {
        var pool = new CountingPool(new DataSourcePool(Db.DataSource));
        var registered = new PostgresDatabase(Db.DataSource, Options.Create(new PostgresStoreOptions()), queries: pool);
        var release = new TaskCompletionSource();
        int begun = 0;
        Task<bool>[] first = [.. Enumerable.Range(0, 3).Select(_ => registered.QueryForOperatorAsync(WaitAsync, CancellationToken.None))];
        await Eventually.HoldsAsync(() => Volatile.Read(ref begun) == 3, "three had begun");

        Task<bool> fourth = registered.QueryForOperatorAsync(WaitAsync, CancellationToken.None);
        Task<bool> log = registered.QueryAsync(_ => Task.FromResult(true), CancellationToken.None);

        pool.Opened.Should().Be(3, "the fourth waits");
        (await log).Should().BeTrue("the log does not wait for operators");
        release.SetResult();
        await Task.WhenAll([.. first, fourth]);
        begun.Should().Be(4);

        async Task<bool> WaitAsync(NpgsqlConnection connection)
        {
            Interlocked.Increment(ref begun);
            await release.Task;
            return true;
        }
    }

    [Fact]
    public async Task A_query_that_waits_for_its_turn_can_be_cancelled_and_gives_it_to_the_next()
    {
        var registered = new PostgresDatabase(Db.DataSource, Options.Create(new PostgresStoreOptions()));
        var release = new TaskCompletionSource();
        Task<bool>[] first = [.. Enumerable.Range(0, 3).Select(_ => registered.QueryForOperatorAsync(WaitAsync, CancellationToken.None))];
        using var cancellation = new CancellationTokenSource();
        Task<bool> fourth = registered.QueryForOperatorAsync(WaitAsync, cancellation.Token);

        await cancellation.CancelAsync();

        await ((Func<Task>)(() => fourth)).Should().ThrowAsync<OperationCanceledException>();
        release.SetResult();
        await Task.WhenAll(first);
        (await registered.QueryForOperatorAsync(_ => Task.FromResult(true), CancellationToken.None)).Should().BeTrue();

        async Task<bool> WaitAsync(NpgsqlConnection connection)
        {
            await release.Task;
            return true;
        }
    }

    private sealed class CountingPool(IConnectionPool inner) : IConnectionPool
    {
        private int _opened;

        public int Opened => _opened;

        public ValueTask<NpgsqlConnection> OpenAsync(CancellationToken cancellationToken)
        {
            Interlocked.Increment(ref _opened);
            return inner.OpenAsync(cancellationToken);
        }

        public Task ClearAsync() => inner.ClearAsync();
    }
}
