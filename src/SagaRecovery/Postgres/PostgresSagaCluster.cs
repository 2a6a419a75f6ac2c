using Npgsql;
using SagaRecovery.Bookkeeping;
using SagaRecovery.Fencing;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Postgres;

/// <summary>The view of the coordinators on a Postgres database, and the reassignment of sagas between them.</summary>
internal sealed partial class PostgresSagaCluster(
    PostgresDatabase database, SagaSearch search, OwnerLock ownerLock, ListingRanges ranges, TimeProvider time) : ISagaCluster
{
    private const int TakeOverBatchSize = 500;

    private static readonly TimeSpan MinPollInterval = TimeSpan.FromMilliseconds(5);
    private static readonly TimeSpan MaxPollInterval = TimeSpan.FromMilliseconds(250);

    private ClusterStatements Sql => database.Cluster;

    public async Task<ClusterView> ReadViewAsync(CancellationToken cancellationToken)
    {
        (ClusterView view, List<CoordinatorId> stale) = await ReadViewAndStaleAsync(cancellationToken).ConfigureAwait(false);
        await ranges.RenewAsync(stale, cancellationToken).ConfigureAwait(false);
        return view;
    }

    private Task<(ClusterView View, List<CoordinatorId> Stale)> ReadViewAndStaleAsync(CancellationToken cancellationToken) => database.ReadAsync(
        batch =>
        {
            batch.Add(database.Statements.WithoutCompilation);
            batch.Add(Sql.ListCoordinators);
            batch.Add(Sql.Owners);
            batch.Add(Sql.StaleListings);
        },
        async rows =>
        {
            await rows.SkipAsync(1).ConfigureAwait(false);
            DateTimeOffset now = DateTimeOffset.MinValue;
            List<CoordinatorObservation> coordinators = await rows.ListAsync(row =>
            {
                now = row.Time(4);
                return new CoordinatorObservation(
                    new CoordinatorId(row.GetGuid(0)), new Incarnation(row.GetInt64(1)), PostgresNames.ToCoordinatorState(row.GetString(2)), row.Time(3));
            }).ConfigureAwait(false);
            var view = new ClusterView(now, coordinators, await rows.ListAsync(ToId).ConfigureAwait(false));
            return (view, await rows.ListAsync(ToId).ConfigureAwait(false));
        },
        cancellationToken);

    public async Task<IReadOnlyList<OwnedSagas>> CountUnfinishedAsync(CancellationToken cancellationToken)
    {
        (List<OwnedSagas> owned, List<CoordinatorId> stale) = await CountUnfinishedAndStaleAsync(cancellationToken).ConfigureAwait(false);
        await ranges.RenewAsync(stale, cancellationToken).ConfigureAwait(false);
        return owned;
    }

    public async Task<IReadOnlyList<OwnedSagas>> QueryUnfinishedAsync(CancellationToken cancellationToken) => await search.ReadAsync(
        batch => batch.Add(Sql.CountUnfinished).With(CoordinatorDetails.AnswerTimeout),
        async rows =>
        {
            await rows.SkipAsync(1).ConfigureAwait(false);
            return await rows.ListAsync(ToOwned).ConfigureAwait(false);
        },
        "It counts the unfinished sagas, and there are too many for this time.",
        cancellationToken).ConfigureAwait(false);

    private Task<(List<OwnedSagas> Owned, List<CoordinatorId> Stale)> CountUnfinishedAndStaleAsync(CancellationToken cancellationToken) => database.ReadAsync(
        batch =>
        {
            batch.Add(database.Statements.WithoutCompilation);
            batch.Add(Sql.CountUnfinished).With(CoordinatorDetails.AnswerTimeout);
            batch.Add(Sql.StaleListings);
        },
        async rows =>
        {
            await rows.SkipAsync(1).ConfigureAwait(false);
            List<OwnedSagas> owned = await rows.ListAsync(ToOwned).ConfigureAwait(false);
            return (owned, await rows.ListAsync(ToId).ConfigureAwait(false));
        },
        cancellationToken);

    public Task<UnresolvedSagas?> CountUnresolvedAsync(CancellationToken cancellationToken) => database.ReadAsync(
        batch => batch.Add(Sql.CountUnresolved).With(UnresolvedSagas.MaxCount),
        async rows => (await rows.ListAsync(row => new UnresolvedSagas(
            row.Time(0), new UnownedSagas(row.GetInt64(1), row.TimeOrNull(2)), new UnownedSagas(row.GetInt64(3), row.TimeOrNull(4)))).ConfigureAwait(false)).FirstOrDefault(),
        cancellationToken);

    public async Task<ReassignOutcome> ReassignAsync(Reassignment reassignment, OperatorNote note, CancellationToken cancellationToken)
    {
        (CoordinatorId? from, IReadOnlyList<CoordinatorId> to) = reassignment;
        if (to.Count == 0 || (from is { } source && to.Contains(source)))
        {
            throw new ArgumentException(
                "A reassignment needs at least one taker, and the coordinator that owns the sagas must not be among them.", nameof(reassignment));
        }

        CoordinatorDetails? owner = from is null ? null : await FindAsync(from.Value, cancellationToken).ConfigureAwait(false);
        if (owner is { Answers: true } && !reassignment.EvenIfOwnerAnswers)
        {
            return new ReassignOutcome.OwnerAnswers(owner);
        }

        var move = new Move(from, to, reassignment.EvenIfOwnerAnswers, LastSeen: null, reassignment.BatchSize)
        {
            Owner = reassignment.Owner,
            EvenIfPaused = reassignment.EvenIfPaused,
        };
        (bool hasTaker, IReadOnlyList<CoordinatorId> paused) = await FindTakersAsync(move, cancellationToken).ConfigureAwait(false);
        if (!hasTaker)
        {
            return NoTaker(paused);
        }

        await database.ReadAsync(
            batch => batch.Add(Sql.RecordReassignment).WithNullable(from?.Value).With(note.Actor).With($"{note.Reason} (to {string.Join(", ", to)})"),
            _ => Task.FromResult(true),
            cancellationToken).ConfigureAwait(false);
        return await MoveAllAsync(move, paused, cancellationToken).ConfigureAwait(false);
    }

    public async Task<ReassignOutcome> TakeOverAsync(
        Membership by, CoordinatorObservation silent, IReadOnlyList<CoordinatorId> to, TimeSpan retryAfter, CancellationToken cancellationToken)
    {
        var move = new Move(silent.Id, [.. to.Where(taker => taker != silent.Id)], EvenIfOwnerAnswers: false, silent.LastSeen, TakeOverBatchSize);
        (bool hasTaker, IReadOnlyList<CoordinatorId> paused) = await FindTakersAsync(move, cancellationToken).ConfigureAwait(false);
        if (!hasTaker)
        {
            return NoTaker(paused);
        }

        bool claimed = await PostgresFence.WriteAsync(
            database,
            database.Statements.Lock,
            by,
            batch => batch.Add(Sql.ClaimTakeOver, by)
                .With(silent.Id.Value).With(silent.Incarnation.Value).With(silent.LastSeen).With(retryAfter)
                .With($"coordinator {by.Coordinator}").With($"silent since {PlainText.Time(silent.LastSeen)}"),
            reader => reader.ReadAsync(cancellationToken),
            cancellationToken).ConfigureAwait(false);
        return claimed ? await MoveAllAsync(move, paused, cancellationToken).ConfigureAwait(false) : ReassignOutcome.NotNeeded.Instance;
    }

    public async Task<IReadOnlyList<CaughtUp>> WaitUntilCaughtUpAsync(IReadOnlyCollection<Receipt> receipts, CancellationToken cancellationToken)
    {
        Guid[] takers = [.. receipts.Select(receipt => receipt.To.Value)];
        TimeSpan poll = MinPollInterval;
        while (true)
        {
            Dictionary<CoordinatorId, (long CaughtUp, int NotRunning)> marks = await database.ReadAsync(
                batch => batch.Add(Sql.ReadCaughtUp).With(takers),
                async rows => (await rows.ListAsync(row => (Id: new CoordinatorId(row.GetGuid(0)), Mark: (row.GetInt64(1), row.GetInt32(2))))
                    .ConfigureAwait(false))
                    .ToDictionary(row => row.Id, row => row.Mark),
                cancellationToken).ConfigureAwait(false);
            if (receipts.All(receipt => marks.TryGetValue(receipt.To, out (long CaughtUp, int NotRunning) mark) && mark.CaughtUp >= receipt.Mark))
            {
                return [.. receipts.Select(receipt => new CaughtUp(receipt.To, marks[receipt.To].NotRunning))];
            }

            await Task.Delay(poll, time, cancellationToken).ConfigureAwait(false);
            poll = poll * 2 < MaxPollInterval ? poll * 2 : MaxPollInterval;
        }
    }

    public Task BeginDrainAsync(Membership member, OperatorNote note, CancellationToken cancellationToken) => PostgresFence.WriteAsync(
        database,
        database.Statements.LockExclusively, // waits for reassignments to this coordinator in flight; later ones see that it is draining
        member,
        batch => batch.Add(Sql.BeginDrain, member).With(SagaNames.Of(OperatorActionKind.Drain)).With(note.Actor).With(note.Reason),
        _ => Task.FromResult(true),
        cancellationToken);

    private static CoordinatorId ToId(NpgsqlDataReader row) => new(row.GetGuid(0));

    private static OwnedSagas ToOwned(NpgsqlDataReader row) => new(
        row.IsDBNull(0) ? null : ToId(row),
        row.GetBoolean(1),
        row.GetBoolean(2),
        row.IsDBNull(3) ? null : row.GetInt64(3),
        row.TimeOrNull(4));

    private async Task<CoordinatorDetails?> FindAsync(CoordinatorId id, CancellationToken cancellationToken) => (await database.QueryAsync(
        connection => new NamedParameters().With<Guid[]>("Ids", [id.Value])
            .ListAsync(connection, database.Operators.FindCoordinators, OperatorRows.Coordinator, cancellationToken),
        cancellationToken).ConfigureAwait(false)).SingleOrDefault();

    /// <summary>Finds out whether any taker may receive sagas, and which receive none because their recovery is paused.</summary>
    private Task<(bool HasTaker, IReadOnlyList<CoordinatorId> Paused)> FindTakersAsync(Move move, CancellationToken cancellationToken) => database.ReadAsync(
        batch => batch.Add(Sql.Takers).With(move.Takers).With(CoordinatorDetails.AnswerTimeout),
        async rows =>
        {
            List<(CoordinatorId Id, bool IsPaused)> takers = await rows.ListAsync(row => (ToId(row), row.GetBoolean(1))).ConfigureAwait(false);
            IReadOnlyList<CoordinatorId> paused = move.EvenIfPaused ? [] : [.. takers.Where(taker => taker.IsPaused).Select(taker => taker.Id)];
            return (takers.Count > paused.Count, paused);
        },
        cancellationToken);

    private static ReassignOutcome.NoTaker NoTaker(IReadOnlyList<CoordinatorId> paused) =>
        paused.Count == 0 ? ReassignOutcome.NoTaker.Instance : new ReassignOutcome.NoTaker { Paused = paused };

    private async Task<ReassignOutcome> MoveAllAsync(Move move, IReadOnlyList<CoordinatorId> paused, CancellationToken cancellationToken)
    {
        Dictionary<CoordinatorId, Receipt> receipts = [];
        long seen = 0;
        var after = MovePlace.First;
        for (int turn = 0; ; turn++)
        {
            MovedBatch batch = await MoveBatchAsync(move, after, turn, cancellationToken).ConfigureAwait(false);
            foreach (Receipt receipt in batch.Receipts)
            {
                receipts[receipt.To] = receipt with { Count = receipt.Count + (receipts.GetValueOrDefault(receipt.To)?.Count ?? 0) };
            }

            seen += batch.Seen;
            if (batch.Seen < move.BatchSize)
            {
                if (move.From is { } from)
                {
                    await ranges.RememberAsync(from, cancellationToken).ConfigureAwait(false); // so that later looks at the source skip what was moved
                }

                return new ReassignOutcome.Done([.. receipts.Values], seen - receipts.Values.Sum(receipt => receipt.Count)) { Paused = paused };
            }

            after = batch.Last;
        }
    }

    private Task<MovedBatch> MoveBatchAsync(Move move, MovePlace after, int turn, CancellationToken cancellationToken) => ownerLock.RunAsync(
        $"reassigning the sagas of {move.From?.ToString() ?? "no coordinator"}",
        batch => AddMove(batch, move, move.From is null ? Sql.ReassignUnowned : Sql.Reassign, after, turn),
        async rows =>
        {
            await rows.SkipAsync(move.Locks).ConfigureAwait(false);
            (long seen, MovePlace last) = (0, after);
            List<Receipt?> receipts = await rows.ListAsync(row =>
            {
                seen = row.GetInt64(0);
                last = row.IsDBNull(1) ? after : new MovePlace(row.GetInt64(5), row.GetGuid(1), Math.Min(after.Before, row.GetInt64(6)));
                return row.IsDBNull(2) ? null : new Receipt(new CoordinatorId(row.GetGuid(2)), row.GetInt64(4), row.GetInt64(3));
            }).ConfigureAwait(false);
            return new MovedBatch(seen, last, [.. receipts.OfType<Receipt>()]);
        },
        cancellationToken);

    /// <summary>Adds the locks and the statement that moves one batch of sagas.</summary>
    private NpgsqlBatchCommand AddMove(NpgsqlBatch batch, Move move, string statement, MovePlace after, int turn)
    {
        AddLocks(batch, move);
        if (move.From is { } from)
        {
            batch.Add(Sql.MarkSuspects).With(from.Value).WithNullable(move.LastSeen).With(CoordinatorDetails.AnswerTimeout);
        }

        return batch.Add(statement)
            .WithNullable(move.From?.Value).With(move.EvenIfOwnerAnswers).WithNullable(move.LastSeen).With(CoordinatorDetails.AnswerTimeout)
            .With(move.Takers).With(after.AdoptXid).With(after.Id).With((long)move.BatchSize).With((long)turn)
            .WithNullable(move.Owner?.Token.Value).With(after.Before).With(move.EvenIfPaused);
    }

    /// <summary>
    /// Adds the locks on source and takers in the order of their ids, so that two batches cannot deadlock. The lock on the source waits for
    /// its writes in flight and blocks later ones, and also blocks a first join under that id. The locks on the takers block a concurrent
    /// take-over from them.
    /// </summary>
    private void AddLocks(NpgsqlBatch batch, Move move)
    {
        IEnumerable<Guid> all = move.From is { } source ? move.Takers.Append(source.Value) : move.Takers;
        foreach (Guid id in all.Order())
        {
            batch.Add(id == move.From?.Value ? database.Statements.LockExclusively : database.Statements.Lock).With(id);
        }

        if (move.From is { } from)
        {
            batch.Add(Sql.LockSource).With(from.Value);
        }
    }

    private sealed record Move(
        CoordinatorId? From, IReadOnlyList<CoordinatorId> To, bool EvenIfOwnerAnswers, DateTimeOffset? LastSeen, int BatchSize)
    {
        public Membership? Owner { get; init; }

        public bool EvenIfPaused { get; init; }

        public Guid[] Takers { get; } = [.. To.Select(taker => taker.Value).Distinct()];

        /// <summary>The number of statements of a batch that take locks.</summary>
        public int Locks => Takers.Length + (From is null ? 0 : 2);
    }

    /// <summary>The place after which a batch begins.</summary>
    /// <param name="AdoptXid">The transaction of the last saga of the previous batch.</param>
    /// <param name="Id">Its id.</param>
    /// <param name="Before">The first transaction that the first batch did not show.</param>
    private sealed record MovePlace(long AdoptXid, Guid Id, long Before)
    {
        public static MovePlace First { get; } = new(0, Guid.Empty, long.MaxValue);
    }

    /// <param name="Seen">The number of sagas that the batch visited.</param>
    /// <param name="Last">The place of the last of them.</param>
    /// <param name="Receipts">The number of sagas that each taker received.</param>
    private sealed record MovedBatch(long Seen, MovePlace Last, IReadOnlyList<Receipt> Receipts);
}
