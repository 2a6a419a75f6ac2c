using System.Data;
using System.Globalization;
using Npgsql;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Postgres;

/// <summary>
/// The searches and counts of operators. They run on connections of their own, within a time limit, so that neither a large history nor many
/// operators keep the log from being written. Thread-safe.
/// </summary>
internal sealed class SagaSearch(PostgresDatabase database, TimeProvider time)
{
    /// <summary>The number of entries from which on two indexes count as equally large.</summary>
    private const int Enough = 1_000;

    /// <summary>The time that a server has to stop a query whose time is over. One that takes longer does not respond.</summary>
    private static readonly TimeSpan StopTimeout = TimeSpan.FromSeconds(1);

    private int _leftBehind; // the queries without an answer that still have a connection for operators

    private SearchStatements Sql => database.Searches;

    private TimeSpan Limit => database.Options.QueryTimeout;

    /// <summary>The time limit of a statement, as a setting of the server.</summary>
    public string TimeoutSetting => ((long)Limit.TotalMilliseconds).ToString(CultureInfo.InvariantCulture);

    public async Task<IReadOnlyList<SagaSummary>> ListAsync(SagaFilter filter, CancellationToken cancellationToken)
    {
        NamedParameters parameters = ParametersOf(filter);
        return await WithinLimitAsync((connection, token) => ListAsync(connection, filter, parameters, token), WordingOf(filter), cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Lists the sagas of a filter on a connection that a query has already.</summary>
    public Task<List<SagaSummary>> ListAsync(NpgsqlConnection connection, SagaFilter filter, CancellationToken cancellationToken) =>
        ListAsync(connection, filter, ParametersOf(filter), cancellationToken);

    public async Task<IReadOnlyList<SagaCount>> CountUnfinishedAsync(CancellationToken cancellationToken) => await WithinLimitAsync(
        (connection, token) => QueryAsync(connection, Sql.CountUnfinished, NewParameters(), OperatorRows.Count, token),
        "It counts the unfinished sagas, and there are too many for this time.",
        cancellationToken).ConfigureAwait(false);

    public Task<SagaEstimate> EstimateAsync(CancellationToken cancellationToken) => WithinLimitAsync(
        async (connection, token) =>
        {
            NamedParameters parameters = NewParameters().With("Limit", SagaEstimate.CountLimit);
            long all = (await QueryAsync(connection, Sql.EstimateAll, parameters, row => row.GetInt64(0), token).ConfigureAwait(false)).Single();
            return new SagaEstimate(all, await QueryAsync(connection, Sql.CountNotSucceeded, parameters, OperatorRows.Ended, token).ConfigureAwait(false));
        },
        "It counts the sagas that did not succeed, and their index answers slowly: it may need a vacuum.",
        cancellationToken);

    /// <summary>Runs one query of operators in a transaction with the settings of <see cref="SearchStatements.Prepare"/>.</summary>
    public static Task<List<T>> QueryAsync<T>(
        NpgsqlConnection connection, string statement, NamedParameters parameters, Func<NpgsqlDataReader, T> read, CancellationToken cancellationToken) =>
        parameters.ReadAsync(
            connection,
            $"{SearchStatements.Prepare};\n{statement}",
            async rows =>
            {
                await rows.SkipAsync(1).ConfigureAwait(false);
                return await rows.ListAsync(read).ConfigureAwait(false);
            },
            cancellationToken);

    /// <summary>Returns the parameters of a statement without a filter.</summary>
    public NamedParameters NewParameters() => new NamedParameters().With("Timeout", TimeoutSetting);

    /// <summary>Runs a batch of queries in one transaction with the same settings. Its first result is that of the settings.</summary>
    public Task<T> ReadAsync<T>(Action<NpgsqlBatch> build, Func<PostgresRows, Task<T>> read, string advice, CancellationToken cancellationToken) => WithinLimitAsync(
        (connection, token) => PostgresDatabase.ReadAsync(
            connection,
            batch =>
            {
                batch.Add(SearchStatements.PrepareWith("$1")).With(TimeoutSetting);
                build(batch);
            },
            read,
            token),
        advice,
        cancellationToken);

    /// <summary>
    /// Runs queries on one connection, and turns the end of their time into an exception that operators understand. The limit holds for all of them
    /// together, and for the wait for the connection. The server has the same limit for each statement, and so ends one whose client is gone.
    /// </summary>
    /// <param name="query">The queries. They must not ask for a second connection: there are few, and each query could wait for the others.</param>
    /// <param name="advice">The sentence for operators that follows if the time ends.</param>
    /// <param name="cancellationToken">Cancels the queries, and ends the wait for them at once.</param>
    /// <exception cref="SearchTimeoutException">The time limit has passed, and the server stopped the queries.</exception>
    /// <exception cref="TimeoutException">The time limit has passed before there was a connection, or the server does not respond.</exception>
    /// <remarks>
    /// Neither an opening connection nor a cancelled command ends in time if the server is frozen. Such queries are left behind: they end by
    /// themselves, and keep one of the connections for operators until then.
    /// </remarks>
    public async Task<T> WithinLimitAsync<T>(Func<NpgsqlConnection, CancellationToken, Task<T>> query, string advice, CancellationToken cancellationToken)
    {
        var stop = new CancellationTokenSource(); // not disposed: it holds nothing, and queries that are left behind need it
        bool? answers = null; // null until there is a connection
        Task<T> result = database.QueryForOperatorAsync(RunAsync, stop.Token);
        await EndAsync(result, Limit, cancellationToken).ConfigureAwait(false);
        if (!result.IsCompleted)
        {
            _ = stop.CancelAsync(); // on another thread, which waits in Npgsql's callback for a server that is frozen
            await EndAsync(result, StopTimeout, cancellationToken).ConfigureAwait(false);
        }

        if (!result.IsCompleted)
        {
            LeaveBehind(result);
            cancellationToken.ThrowIfCancellationRequested();
            throw NoAnswer(cause: null);
        }

        try
        {
            return await result.ConfigureAwait(false);
        }
        catch (PostgresException stopped) when (stopped.SqlState == PostgresErrorCodes.QueryCanceled && !cancellationToken.IsCancellationRequested)
        {
            throw Stopped(stopped);
        }
        catch (OperationCanceledException stopped) when (!cancellationToken.IsCancellationRequested)
        {
            throw answers switch
            {
                true => Stopped(stopped),
                false => NoAnswer(stopped),
                null when Volatile.Read(ref _leftBehind) > 0 => NoAnswer(stopped),
                null when stopped is ConnectionsInUseException => new TimeoutException(
                    $"All {PostgresStoreOptions.MaxQueryConnections} connections for operators are in use; try again.", stopped),
                null => new TimeoutException(
                    $"The query had no connection within {PlainText.Duration(Limit)}: Postgres does not respond, or the connection pool has none free.", stopped),
            };
        }

        async Task<T> RunAsync(NpgsqlConnection connection)
        {
            answers = true;
            try
            {
                return await query(connection, stop.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                answers = connection.State == ConnectionState.Open; // Npgsql breaks the connection if a cancelled command has no answer
                throw;
            }
        }

        SearchTimeoutException Stopped(Exception cause) => new($"The query was stopped after {PlainText.Duration(Limit)}. {advice} If they are few, Postgres is slow or another session keeps a table locked.", cause);

        static TimeoutException NoAnswer(Exception? cause) => new("Postgres does not respond.", cause);
    }

    /// <summary>Waits until a query has ended, its time is over, or the caller cancels.</summary>
    private async Task EndAsync(Task query, TimeSpan limit, CancellationToken cancellationToken) =>
        await query.WaitAsync(limit, time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

    /// <summary>Counts a query that goes on without its caller, until it ends.</summary>
    private void LeaveBehind(Task query)
    {
        Interlocked.Increment(ref _leftBehind);
        _ = query.ContinueWith(
            ended =>
            {
                _ = ended.Exception; // the caller was told before
                Interlocked.Decrement(ref _leftBehind);
            },
            CancellationToken.None,
            TaskContinuationOptions.ExecuteSynchronously,
            TaskScheduler.Default);
    }

    /// <summary>Chooses the index with the fewest entries for a filter.</summary>
    internal Task<SearchIndex> ChooseAsync(SagaFilter filter, CancellationToken cancellationToken) => WithinLimitAsync(
        (connection, token) => ChooseAsync(connection, filter, ParametersOf(filter), token), WordingOf(filter), cancellationToken);

    private async Task<List<SagaSummary>> ListAsync(NpgsqlConnection connection, SagaFilter filter, NamedParameters parameters, CancellationToken cancellationToken)
    {
        SearchIndex best = await ChooseAsync(connection, filter, parameters, cancellationToken).ConfigureAwait(false);
        return await QueryAsync(connection, Sql.List(filter, best), parameters, OperatorRows.ListedSaga, cancellationToken).ConfigureAwait(false);
    }

    private async Task<SearchIndex> ChooseAsync(NpgsqlConnection connection, SagaFilter filter, NamedParameters parameters, CancellationToken cancellationToken)
    {
        IReadOnlyList<SearchIndex> indexes = SearchIndex.Of(filter);
        if (indexes.Count == 1)
        {
            return indexes[0];
        }

        parameters.With("Enough", Enough);
        long[] sizes = (await QueryAsync(connection, Sql.Measure(filter, indexes), parameters, row => row.GetFieldValue<long[]>(0), cancellationToken).ConfigureAwait(false)).Single();
        return indexes[Array.IndexOf(sizes, sizes.Min())];
    }

    /// <summary>Returns the parameters of <see cref="SearchStatements.List"/>.</summary>
    internal NamedParameters ParametersOf(SagaFilter filter)
    {
        NamedParameters parameters = NewParameters()
            .With("Limit", filter.Limit)
            .With("Owner", filter.Owner?.Value)
            .With("Name", filter.Name)
            .With("Version", filter.Version)
            .With("Since", filter.Since?.ToUniversalTime())
            .With("Until", filter.Until?.ToUniversalTime())
            .With("FailedNode", SagaFailure.Storable(filter.FailedNode))
            .With("ErrorCode", SagaFailure.Storable(filter.ErrorCode))
            .With("BeforeTime", filter.Before?.TimeCreated.ToUniversalTime())
            .With("BeforeId", filter.Before?.SagaId.Value);
        for (int i = 0; i < filter.Tags.Count; i++)
        {
            parameters.With($"TagName{i}", filter.Tags[i].Name).With($"TagValue{i}", filter.Tags[i].Value);
        }

        return parameters;
    }

    /// <summary>Words what would narrow a filter.</summary>
    private static string WordingOf(SagaFilter filter)
    {
        string[] missing =
        [
            .. filter.Since is null ? ["a time since which they were started"] : Array.Empty<string>(),
            .. filter.Name is null ? ["a definition"] : Array.Empty<string>(),
            .. filter.Tags.Count == 0 ? ["a tag"] : Array.Empty<string>(),
            .. filter.FailedNode is null && filter.ErrorCode is null ? ["a failed node or error code"] : Array.Empty<string>(),
        ];
        string advice = missing.Length == 0 ? "a shorter time" : string.Join(", ", missing);
        return $"It read many sagas, and too few of them match. Narrow it by {advice}.";
    }
}
