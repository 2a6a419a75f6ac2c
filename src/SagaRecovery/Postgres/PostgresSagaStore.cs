using System.Collections.Concurrent;
using Microsoft.Extensions.Options;
using Npgsql;
using SagaRecovery.Bookkeeping;
using SagaRecovery.Fencing;
using SagaRecovery.Status;
using SagaRecovery.Storage;
using SagaRecovery.Timing;

namespace SagaRecovery.Postgres;

/// <summary>The store of sagas in Postgres, for recovery.</summary>
internal sealed class PostgresSagaStore(
    PostgresDatabase database, PostgresSchema schema, PostgresJoin join, SagaSearch search, ListingRanges ranges, LoopProgress progress, IOptions<SagaRecoveryOptions> options)
    : ISagaStore
{
    /// <summary>The largest buffer that is kept, a few megabytes. A larger one, after a batch of unusually long logs, is dropped.</summary>
    private const int MaxPooledEventRows = 100_000;

    /// <summary>The number of transactions after which a listing is stored again. Each may have been the start of sagas that have ended since.</summary>
    private const long TransactionsPerListing = 256;

    private readonly int _pageSize = options.Value.ListPageSize;
    private readonly DefinitionCache _definitions = new();
    private readonly DefinitionKeyCache _definitionKeys = new();
    private readonly ConcurrentBag<List<LoadedPage.EventRow>> _eventBuffers = []; // a pool: one buffer for each concurrent load

    public async Task<Membership> JoinAsync(CoordinatorId coordinator, CancellationToken cancellationToken)
    {
        await progress.RecordUntilEndAsync(schema.EnsureAsync(cancellationToken)).ConfigureAwait(false); // an upgrade of large tables takes minutes
        return await join.RunAsync(coordinator, cancellationToken).ConfigureAwait(false);
    }

    public Task<Membership> RejoinAsync(Membership lost, CancellationToken cancellationToken) => join.RunAgainAsync(lost, cancellationToken);

    public async Task ListCandidatesAsync(Membership member, CandidateListing listing, CancellationToken cancellationToken)
    {
        // Each page has a snapshot of its own, later than the previous one. That is enough: a saga that stays unfinished and with this coordinator
        // keeps its place, so it is in its page at any time.
        if (listing.IsDryRun)
        {
            foreach (Candidate candidate in await ListForDryRunAsync(member, cancellationToken).ConfigureAwait(false))
            {
                listing.Add(candidate);
            }

            return;
        }

        var names = new NameCache();
        var keys = new DefinitionKeyCache.Reader(_definitionKeys);
        List<Candidate> page = [];
        ListingPlace? place = null;
        do
        {
            ListingPlace? after = place;
            place = await ConnectionRetry.RunAsync(
                database.Pool,
                connection => ListPageAsync(connection, member, page, names, keys, after, statementTimeout: null, cancellationToken),
                cancellationToken).ConfigureAwait(false);
            page.ForEach(listing.Add);
            progress.Record();
        }
        while (place.Read == _pageSize);

        if (place.FirstUnseen - place.ListedFrom > Math.Max(TransactionsPerListing, listing.Count / 8))
        {
            await ranges.RememberAsync(member.Coordinator, cancellationToken).ConfigureAwait(false); // so that later listings skip what has ended
        }
    }

    public Task<IReadOnlyList<LoadedSaga>> LoadAsync(
        Membership member, IReadOnlyList<Candidate> candidates, CancellationToken cancellationToken) => ConnectionRetry.RunAsync(
        database.Pool, connection => LoadAsync(connection, member, candidates, cancellationToken), cancellationToken);

    public async Task<IReadOnlyList<SagaId>> FindLostAsync(Membership member, IReadOnlyCollection<SagaId> sagas, CancellationToken cancellationToken)
    {
        HashSet<SagaId> lost = [.. sagas];
        foreach (SagaId[] chunk in sagas.Chunk(_pageSize).DefaultIfEmpty([])) // an empty chunk still checks that this process's join is current
        {
            progress.Record();
            lost.ExceptWith(await database.ReadAsync(
                batch => batch.Add(database.Statements.FindStored).With(member.Coordinator.Value).With(chunk.Select(saga => saga.Value).ToArray()),
                async rows =>
                {
                    PostgresFence.EnsureMember(database, member, await rows.FirstAsync(JoinRow.Of).ConfigureAwait(false));
                    return await rows.ListAsync(row => new SagaId(row.GetGuid(0))).ConfigureAwait(false);
                },
                cancellationToken).ConfigureAwait(false));
        }

        return [.. lost];
    }

    public Task<bool> AbandonAsync(SagaId sagaId, Ownership ownership, Abandonment abandonment, CancellationToken cancellationToken) =>
        PostgresFence.WriteAsync(
            database,
            database.Statements.LockExclusively,
            ownership.Member,
            batch => batch.Add(database.Statements.Abandon, ownership.Member)
                .With(sagaId.Value).With(ownership.Generation.Value).With(abandonment.Reason).With(abandonment.Comment),
            reader => reader.ReadAsync(cancellationToken),
            cancellationToken);

    /// <summary>Lists for an operator: on a connection of operators, within their time limit, and without storing what was found.</summary>
    private Task<List<Candidate>> ListForDryRunAsync(Membership member, CancellationToken cancellationToken) => search.WithinLimitAsync(
        async (connection, token) =>
        {
            var names = new NameCache();
            var keys = new DefinitionKeyCache.Reader(_definitionKeys);
            List<Candidate> all = [];
            List<Candidate> page = [];
            ListingPlace? place = null;
            do
            {
                place = await ListPageAsync(connection, member, page, names, keys, place, search.TimeoutSetting, token).ConfigureAwait(false);
                all.AddRange(page);
            }
            while (place.Read == _pageSize);
            return all;
        },
        "It lists the unfinished sagas of this coordinator, and there are too many for this time.",
        cancellationToken);

    private async Task<IReadOnlyList<LoadedSaga>> LoadAsync(
        NpgsqlConnection connection, Membership member, IReadOnlyList<Candidate> candidates, CancellationToken cancellationToken)
    {
        var page = new LoadedPage(candidates, _definitions, row => PostgresFence.EnsureMember(database, member, row));
        Guid[] ids = [.. candidates.Select(candidate => candidate.SagaId.Value)];
        var batch = new NpgsqlBatch(connection); // reads only, without a lock: any isolation level is sufficient
        await using (batch.ConfigureAwait(false))
        {
            batch.Add(database.Statements.CurrentJoin).With(member.Coordinator.Value);
            batch.Add(database.Statements.LoadSagas).With(member.Coordinator.Value).With(ids);
            batch.Add(database.Statements.LoadEvents).With(member.Coordinator.Value).With(ids);
            NpgsqlDataReader reader = await database.ExecuteAsync(batch, cancellationToken).ConfigureAwait(false);
            await using (reader.ConfigureAwait(false))
            {
                await PostgresFence.ReadCurrentJoinAsync(database, reader, member, cancellationToken).ConfigureAwait(false);
                await ReadPageAsync(page, reader, cancellationToken).ConfigureAwait(false);
            }
        }

        if (page.MissingDefinitions is { Length: > 0 } missing)
        {
            page.Add(await PostgresDatabase.ReadAsync(
                connection,
                batch => batch.Add(database.Statements.LoadDefinitions).With(missing),
                rows => rows.ListAsync(LoadedPage.ReadDefinition),
                cancellationToken).ConfigureAwait(false));
        }

        return page.GetResults();
    }

    private async Task ReadPageAsync(LoadedPage page, NpgsqlDataReader reader, CancellationToken cancellationToken)
    {
        List<LoadedPage.EventRow> events = _eventBuffers.TryTake(out List<LoadedPage.EventRow>? pooled) ? pooled : [];
        await page.ReadAsync(reader, events, cancellationToken).ConfigureAwait(false);
        if (events.Capacity <= MaxPooledEventRows)
        {
            events.Clear();
            _eventBuffers.Add(events);
        }
    }

    /// <summary>Reads one page into a list. It clears the list first, so that it can run more than once. With a time-out, the server stops it by then.</summary>
    private async Task<ListingPlace> ListPageAsync(
        NpgsqlConnection connection,
        Membership member,
        List<Candidate> page,
        NameCache names,
        DefinitionKeyCache.Reader keys,
        ListingPlace? after,
        string? statementTimeout,
        CancellationToken cancellationToken)
    {
        page.Clear();
        var batch = new NpgsqlBatch(connection); // reads only, without a lock: any isolation level is sufficient
        await using (batch.ConfigureAwait(false))
        {
            if (statementTimeout is not null)
            {
                batch.Add(SearchStatements.LimitTime).With(statementTimeout);
            }

            batch.Add(database.Statements.CurrentJoin).With(member.Coordinator.Value);
            batch.Add(database.Statements.ListPage)
                .With(member.Coordinator.Value).With(after?.LastXid ?? 0).With(after?.LastId ?? Guid.Empty).With((long)_pageSize);
            NpgsqlDataReader reader = await database.ExecuteAsync(batch, cancellationToken).ConfigureAwait(false);
            await using (reader.ConfigureAwait(false))
            {
                if (statementTimeout is not null)
                {
                    await reader.NextResultAsync(cancellationToken).ConfigureAwait(false);
                }

                await PostgresFence.ReadCurrentJoinAsync(database, reader, member, cancellationToken).ConfigureAwait(false);
                PostgresFence.EnsureMember(
                    database, member, await JoinRow.ReadAsync(reader, JoinRow.Of, cancellationToken).ConfigureAwait(false));
                (long unseen, long listedFrom) = (reader.GetInt64(3), reader.GetInt64(4));
                (long firstUnseen, int read, Guid lastId, long lastXid) = (after?.FirstUnseen ?? unseen, 0, Guid.Empty, 0);
                while (await reader.ReadAsync(cancellationToken).ConfigureAwait(false))
                {
                    read++;
                    (lastId, lastXid) = (reader.GetGuid(0), reader.GetInt64(3));
                    if (lastXid < firstUnseen || lastXid >= unseen) // else it came, or left and came back, after the first page, which may contain it
                    {
                        page.Add(new Candidate(new SagaId(lastId), names.Get(reader.GetString(1)), new AdoptGeneration(reader.GetInt64(2)))
                        {
                            Definition = keys.Read(reader, ordinal: 5),
                        });
                    }
                }

                return new ListingPlace(firstUnseen, after?.ListedFrom ?? listedFrom, read, lastXid, lastId);
            }
        }
    }

    /// <summary>The state of a listing after a page.</summary>
    /// <param name="FirstUnseen">The first transaction that the snapshot of the first page did not show.</param>
    /// <param name="ListedFrom">The transaction from which on the first page listed everything.</param>
    /// <param name="Read">The number of sagas that the page had.</param>
    /// <param name="LastXid">The transaction of the last one.</param>
    /// <param name="LastId">The id of the last one.</param>
    private sealed record ListingPlace(long FirstUnseen, long ListedFrom, int Read, long LastXid, Guid LastId);

    /// <summary>A cache of saga names, since listings have many sagas and few names. The strings are safe for a line of a log.</summary>
    private sealed class NameCache
    {
        private readonly Dictionary<string, string> _names = new(StringComparer.Ordinal);
        private (string Name, string DisplayName) _last = ("", "");

        public string Get(string name)
        {
            if (name != _last.Name)
            {
                _last = (name, Find(name)); // the previous saga often has the same name, which then needs no hashing
            }

            return _last.DisplayName;
        }

        private string Find(string name)
        {
            if (!_names.TryGetValue(name, out string? displayName))
            {
                _names.Add(name, displayName = PlainText.OneLine(name));
            }

            return displayName;
        }
    }
}
