using System.Collections.Concurrent;
using Microsoft.Extensions.Options;
using Npgsql;
using SagaRecovery.Bookkeeping;
using SagaRecovery.Fencing;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Postgres;

/// <summary>Sagas in Postgres, as recovery sees them.</summary>
internal sealed class PostgresSagaStore(
    PostgresDatabase database, PostgresSchema schema, PostgresJoin join, IOptions<SagaRecoveryOptions> options)
    : ISagaStore
{
    /// <summary>A few megabytes: what a batch of unusually long logs needed is not kept.</summary>
    private const int MostEventRowsKept = 100_000;

    private readonly int _pageSize = options.Value.ListPageSize;
    private readonly DefinitionCache _definitions = new();
    private readonly ConcurrentBag<List<LoadedPage.EventRow>> _eventRows = []; // as many as loads have been under way at once: used again

    public async Task<Membership> JoinAsync(CoordinatorId coordinator, CancellationToken cancellationToken)
    {
        await schema.EnsureAsync(cancellationToken).ConfigureAwait(false);
        return await join.RunAsync(coordinator, cancellationToken).ConfigureAwait(false);
    }

    public Task<Membership> RejoinAsync(Membership lost, CancellationToken cancellationToken) => join.RunAgainAsync(lost, cancellationToken);

    public async Task ListCandidatesAsync(Membership member, CandidateListing listing, CancellationToken cancellationToken)
    {
        // Each page has a snapshot of its own, later than the one before. That is enough: a saga in progress throughout has one id
        // and stands in its page whenever that is read.
        var names = new NameCache();
        List<Candidate> page = [];
        Guid after = Guid.Empty;
        do
        {
            await ConnectionRetry.RunAsync(
                database.OpenAsync, connection => ListPageAsync(connection, member, page, names, after, cancellationToken), cancellationToken).ConfigureAwait(false);
            page.ForEach(listing.Add);
            after = page.Count == 0 ? after : page[^1].SagaId.Value;
        }
        while (page.Count == _pageSize);
    }

    public Task<IReadOnlyList<LoadedSaga>> LoadAsync(
        Membership member, IReadOnlyList<Candidate> candidates, CancellationToken cancellationToken) => ConnectionRetry.RunAsync(
        database.OpenAsync, connection => LoadAsync(connection, member, candidates, cancellationToken), cancellationToken);

    public async Task<IReadOnlyList<SagaId>> FindLostAsync(Membership member, IReadOnlyCollection<SagaId> sagas, CancellationToken cancellationToken)
    {
        HashSet<SagaId> lost = [.. sagas];
        foreach (SagaId[] chunk in sagas.Chunk(_pageSize).DefaultIfEmpty([])) // asked for none, it still says whether this process's join counts
        {
            lost.ExceptWith(await database.ReadAsync(
                batch => batch.Add(database.Statements.FindStored).With(member.Coordinator.Value).With(chunk.Select(saga => saga.Value).ToArray()),
                async rows =>
                {
                    PostgresFence.EnsureCounts(database, member, await rows.FirstAsync(JoinRow.Of).ConfigureAwait(false));
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

    private async Task<IReadOnlyList<LoadedSaga>> LoadAsync(
        NpgsqlConnection connection, Membership member, IReadOnlyList<Candidate> candidates, CancellationToken cancellationToken)
    {
        var page = new LoadedPage(candidates, _definitions, row => PostgresFence.EnsureCounts(database, member, row));
        Guid[] ids = [.. candidates.Select(candidate => candidate.SagaId.Value)];
        var batch = new NpgsqlBatch(connection); // decides nothing behind a lock: any isolation level will do
        await using (batch.ConfigureAwait(false))
        {
            batch.Add(database.Statements.Present).With(member.Coordinator.Value);
            batch.Add(database.Statements.LoadSagas).With(member.Coordinator.Value).With(ids);
            batch.Add(database.Statements.LoadEvents).With(member.Coordinator.Value).With(ids);
            NpgsqlDataReader reader = await database.ExecuteAsync(batch, cancellationToken).ConfigureAwait(false);
            await using (reader.ConfigureAwait(false))
            {
                await PostgresFence.ReadPresentAsync(database, reader, member, cancellationToken).ConfigureAwait(false);
                await ReadPageAsync(page, reader, cancellationToken).ConfigureAwait(false);
            }
        }

        if (page.UnknownDefinitions is { Length: > 0 } unknown)
        {
            page.Add(await PostgresDatabase.ReadAsync(
                connection,
                batch => batch.Add(database.Statements.LoadDefinitions).With(unknown),
                rows => rows.ListAsync(LoadedPage.ReadDefinition),
                cancellationToken).ConfigureAwait(false));
        }

        return page.Answer();
    }

    private async Task ReadPageAsync(LoadedPage page, NpgsqlDataReader reader, CancellationToken cancellationToken)
    {
        List<LoadedPage.EventRow> events = _eventRows.TryTake(out List<LoadedPage.EventRow>? used) ? used : [];
        await page.ReadAsync(reader, events, cancellationToken).ConfigureAwait(false);
        if (events.Capacity <= MostEventRowsKept)
        {
            events.Clear();
            _eventRows.Add(events);
        }
    }

    /// <returns>True, so that it can be run again: <paramref name="page"/> holds the whole page then.</returns>
    private async Task<bool> ListPageAsync(
        NpgsqlConnection connection, Membership member, List<Candidate> page, NameCache names, Guid after, CancellationToken cancellationToken)
    {
        page.Clear();
        var batch = new NpgsqlBatch(connection); // decides nothing behind a lock: any isolation level will do
        await using (batch.ConfigureAwait(false))
        {
            batch.Add(database.Statements.Present).With(member.Coordinator.Value);
            batch.Add(database.Statements.ListPage).With(member.Coordinator.Value).With(after).With(_pageSize);
            NpgsqlDataReader reader = await database.ExecuteAsync(batch, cancellationToken).ConfigureAwait(false);
            await using (reader.ConfigureAwait(false))
            {
                await PostgresFence.ReadPresentAsync(database, reader, member, cancellationToken).ConfigureAwait(false);
                PostgresFence.EnsureCounts(
                    database, member, await JoinRow.ReadAsync(reader, JoinRow.Of, cancellationToken).ConfigureAwait(false));
                while (await reader.ReadAsync(cancellationToken).ConfigureAwait(false))
                {
                    page.Add(new Candidate(new SagaId(reader.GetGuid(0)), names.Get(reader.GetString(1)), new AdoptGeneration(reader.GetInt64(2))));
                }

                return true;
            }
        }
    }

    /// <summary>Listings hold many sagas of few names: one string for each, fit to be shown in a line of a log.</summary>
    private sealed class NameCache
    {
        private readonly Dictionary<string, string> _names = new(StringComparer.Ordinal);
        private (string Name, string Shown) _last = ("", "");

        public string Get(string name)
        {
            if (name != _last.Name)
            {
                _last = (name, Find(name)); // neighbours often have the same: then nothing is hashed
            }

            return _last.Shown;
        }

        private string Find(string name)
        {
            if (!_names.TryGetValue(name, out string? shown))
            {
                _names.Add(name, shown = PlainText.OneLine(name));
            }

            return shown;
        }
    }
}
