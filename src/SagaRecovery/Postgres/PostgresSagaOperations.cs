using Npgsql;
using SagaRecovery.Operations;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Postgres;

/// <summary>The queries and actions of operators on sagas in Postgres.</summary>
internal sealed class PostgresSagaOperations(PostgresDatabase database, PostgresSchema schema, SagaSearch search, OwnerLock ownerLock) : ISagaOperations
{
    private const string Changed = "it changed while the action ran";

    private readonly PostgresIdentification _identification = new(database, search);
    private readonly PostgresSagaActions _actions = new(database, ownerLock);

    private OperatorStatements Sql => database.Operators;

    public Task<SagaDetails?> FindAsync(SagaId sagaId, CancellationToken cancellationToken) => search.WithinLimitAsync(
        async (connection, token) =>
        {
            NamedParameters parameters = search.NewParameters().With("Id", sagaId.Value).With("Longest", SagaDetails.LongestText);
            if ((await SagaSearch.QueryAsync(connection, Sql.FindSaga, parameters, OperatorRows.Details, token).ConfigureAwait(false)).SingleOrDefault() is not { } saga)
            {
                return null;
            }

            List<EventRow> events = await SagaSearch.QueryAsync(
                connection, Sql.FindEvents, parameters, row => OperatorRows.Event(row, saga.Graph), token).ConfigureAwait(false);
            List<CoordinatorDetails> owner = await SagaSearch.QueryAsync(connection, Sql.FindOwner, parameters, OperatorRows.Coordinator, token).ConfigureAwait(false);
            return saga.With(events) with { Owner = owner.SingleOrDefault() };
        },
        "It reads the whole log of the saga, which is very long, or Postgres is slow.",
        cancellationToken);

    public Task<IReadOnlyList<SagaSummary>> ListAsync(SagaFilter filter, CancellationToken cancellationToken) => search.ListAsync(filter, cancellationToken);

    public Task<IReadOnlyList<SagaCount>> CountAsync(CancellationToken cancellationToken) => search.CountUnfinishedAsync(cancellationToken);

    public Task<SagaEstimate> EstimateAsync(CancellationToken cancellationToken) => search.EstimateAsync(cancellationToken);

    public Task<IReadOnlyList<IdMatch>> IdentifyAsync(string text, CancellationToken cancellationToken) => _identification.FindAsync(text, cancellationToken);

    public async Task<IReadOnlyList<CoordinatorDetails>> ListCoordinatorsAsync(CancellationToken cancellationToken) => await search.WithinLimitAsync(
        (connection, token) => SagaSearch.QueryAsync(connection, Sql.ListCoordinators, search.NewParameters(), OperatorRows.Coordinator, token),
        "It counts the unfinished sagas of each coordinator, and there are too many for this time. Forget the coordinators that never return.",
        cancellationToken).ConfigureAwait(false);

    public Task PauseAsync(CoordinatorId coordinator, OperatorNote note, CancellationToken cancellationToken) =>
        PerformAsync(Sql.Pause, ParametersOf(OperatorActionKind.Pause, note).With("Coordinator", coordinator.Value), cancellationToken);

    public Task ResumeAsync(CoordinatorId coordinator, OperatorNote note, CancellationToken cancellationToken) =>
        PerformAsync(Sql.Resume, ParametersOf(OperatorActionKind.Resume, note).With("Coordinator", coordinator.Value), cancellationToken);

    public Task<OperatorActionResult> HoldAsync(SagaId sagaId, OperatorNote note, CancellationToken cancellationToken) =>
        PerformAsync(new SagaAction(OperatorActionKind.Hold, note), sagaId, cancellationToken);

    public Task<OperatorActionResult> SuspendAsync(SagaId sagaId, OperatorNote note, CancellationToken cancellationToken) =>
        PerformAsync(new SagaAction(OperatorActionKind.Hold, note) { StopRun = true }, sagaId, cancellationToken);

    public async Task<OperatorActionResult> CancelAsync(SagaId sagaId, OperatorNote note, CancellationToken cancellationToken)
    {
        await schema.EnsureReadableOnceAsync(cancellationToken).ConfigureAwait(false); // a caller may be earlier than the first join
        return await PerformAsync(new SagaAction(OperatorActionKind.Cancel, note), sagaId, cancellationToken).ConfigureAwait(false);
    }

    public Task<OperatorActionResult> ReleaseAsync(SagaId sagaId, OperatorNote note, CancellationToken cancellationToken) =>
        PerformAsync(new SagaAction(OperatorActionKind.Release, note), sagaId, cancellationToken);

    public Task<IReadOnlyList<OperatorActionResult>> PerformAsync(SagaAction action, IReadOnlyList<SagaId> sagas, CancellationToken cancellationToken) =>
        _actions.PerformAsync(action, sagas, cancellationToken);

    public Task<OperatorActionResult> RecordRetryAsync(SagaId sagaId, OperatorNote note, CancellationToken cancellationToken) =>
        PerformAsync(Sql.RecordRetry, OperatorActionKind.Retry, sagaId, note, OperatorActionRules.Ended, cancellationToken);

    public Task<OperatorActionResult> AbandonAsync(SagaId sagaId, OperatorActionCondition condition, OperatorNote note, CancellationToken cancellationToken) =>
        PerformAsync(new SagaAction(OperatorActionKind.Abandon, note) { Condition = condition }, sagaId, cancellationToken);

    public Task<OperatorActionResult> InjectErrorAsync(
        SagaId sagaId, string node, OperatorActionCondition condition, OperatorNote note, CancellationToken cancellationToken)
    {
        string obstacle = $"node '{node}' does not exist, or its action has not started or has already ended";
        var change = new SagaChange(OperatorActionKind.InjectError, Sql.InjectError)
        {
            Node = node,
            ObstacleIn = saga => saga.Graph?.Find(node) is null ? obstacle : null,
            Obstacle = obstacle,
        };
        return ChangeAsync(change, sagaId, condition, note, cancellationToken);
    }

    public Task<OperatorActionResult> RetryUndoAsync(
        SagaId sagaId, OperatorActionCondition condition, OperatorNote note, CancellationToken cancellationToken)
    {
        var change = new SagaChange(OperatorActionKind.RetryUndo, Sql.RetryUndo)
        {
            Refusal = StuckSagaRules.Refusal,
            ReasonToRecord = (saga, given) => StuckSagaRules.ReasonToRecord(given, StuckSagaRules.FailedUndos(saga)),
        };
        return ChangeAsync(change, sagaId, condition, note, cancellationToken);
    }

    public Task<OperatorActionResult> SkipUndoAsync(
        SagaId sagaId, string node, OperatorActionCondition condition, OperatorNote note, CancellationToken cancellationToken)
    {
        var change = new SagaChange(OperatorActionKind.SkipUndo, Sql.SkipUndo)
        {
            Refusal = StuckSagaRules.RefusalToSkip,
            Node = node,
            ObstacleIn = saga => StuckSagaRules.MissingNode(saga, node),
            Obstacle = StuckSagaRules.NotToSkip(node),
            ReasonToRecord = (saga, given) =>
                StuckSagaRules.ReasonToRecord(given, StuckSagaRules.FailedUndos(saga).Where(undo => undo.Node == node)),
        };
        return ChangeAsync(change, sagaId, condition, note, cancellationToken);
    }

    public async Task<int> RevokeJoinsAsync(OperatorNote note, CancellationToken cancellationToken)
    {
        List<Guid> all = await database.QueryForOperatorAsync(
            connection => new NamedParameters().ListAsync(connection, Sql.ListIds, row => row.GetGuid(0), cancellationToken), cancellationToken).ConfigureAwait(false);
        return await ownerLock.RunAsync(
            "revoking all joins",
            batch =>
            {
                foreach (Guid id in all.Order())
                {
                    batch.Add(database.Statements.LockExclusively).With(id);
                }

                batch.Add(Sql.RevokeJoins).With(all.ToArray());
                batch.Add(Sql.RecordRevocation).With(SagaNames.Of(OperatorActionKind.Revoke)).With(note.Actor).With(note.Reason);
            },
            async rows =>
            {
                await rows.SkipAsync(all.Count).ConfigureAwait(false);
                return (await rows.ListAsync(row => row.GetGuid(0)).ConfigureAwait(false)).Count;
            },
            cancellationToken).ConfigureAwait(false);
    }

    private async Task<OperatorActionResult> PerformAsync(SagaAction action, SagaId sagaId, CancellationToken cancellationToken) =>
        (await _actions.PerformAsync(action, [sagaId], cancellationToken).ConfigureAwait(false)).Single();

    private async Task<OperatorActionResult> PerformAsync(
        string statement, OperatorActionKind kind, SagaId sagaId, OperatorNote note, string reason, CancellationToken cancellationToken)
    {
        return await PerformAsync(statement, ParametersOf(kind, note).With("Id", sagaId.Value), cancellationToken).ConfigureAwait(false)
            ? OperatorActionResult.Done.Instance
            : await ExplainNoEffectAsync(sagaId, reason, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Changes a saga behind the lock on its owner, if it is unchanged since it was read; see <see cref="OperatorStatements.LockOwner"/>.</summary>
    private async Task<OperatorActionResult> ChangeAsync(
        SagaChange change, SagaId sagaId, OperatorActionCondition condition, OperatorNote note, CancellationToken cancellationToken)
    {
        if (await FindAsync(sagaId, cancellationToken).ConfigureAwait(false) is not { } saga)
        {
            return OperatorActionResult.NoSuchSaga.Instance;
        }

        if (change.Refusal(saga, condition) is { } refusal)
        {
            return refusal;
        }

        if (change.ObstacleIn(saga) is { } obstacle)
        {
            return new OperatorActionResult.Superseded(saga.Summary, obstacle);
        }

        NamedParameters parameters = ParametersOf(change.Kind, note with { Reason = change.ReasonToRecord(saga, note) })
            .With("Id", sagaId.Value)
            .With("Owner", saga.Summary.Owner?.Value)
            .With("Generation", saga.Summary.Generation.Value)
            .With("Node", change.Node is { } node ? saga.Graph?.Find(node)?.Id : null)
            .With("State", condition.State is { } seen ? SagaNames.Of(seen) : null)
            .With("Seen", SagaNames.Of(saga.Summary.State))
            .With("Force", condition.EvenIfOwnerAnswers)
            .With("AnswerTimeout", CoordinatorDetails.AnswerTimeout)
            .With("GivenReason", note.Reason);

        if (await PerformBehindLockAsync($"{SagaNames.Of(change.Kind)} of saga {sagaId}", change.Statement, parameters, cancellationToken).ConfigureAwait(false))
        {
            return OperatorActionResult.Done.Instance;
        }

        return await FindAsync(sagaId, cancellationToken).ConfigureAwait(false) is not { } present ? OperatorActionResult.NoSuchSaga.Instance
            : change.Refusal(present, condition)
                ?? new OperatorActionResult.Superseded(present.Summary, present.Summary == saga.Summary ? change.Obstacle : Changed);
    }

    /// <summary>Runs a statement behind the lock on the owner, which is one of its parameters.</summary>
    /// <returns>True if the statement had an effect.</returns>
    private Task<bool> PerformBehindLockAsync(string purpose, string statement, NamedParameters parameters, CancellationToken cancellationToken)
    {
        // Two statements: the second takes its snapshot after the lock, so it sees the writes that the lock waited for.
        string statements = $"{Sql.LockOwner};\n{statement};\n{Statements.Commit}";
        return ownerLock.RunOnceAsync(purpose, connection => PerformAsync(connection, statements, locks: 1, parameters, cancellationToken), cancellationToken);
    }

    private async Task<OperatorActionResult> ExplainNoEffectAsync(SagaId sagaId, string reason, CancellationToken cancellationToken) =>
        await FindAsync(sagaId, cancellationToken).ConfigureAwait(false) is { } present
            ? new OperatorActionResult.Superseded(present.Summary, reason)
            : OperatorActionResult.NoSuchSaga.Instance;

    private Task<bool> PerformAsync(string statement, NamedParameters parameters, CancellationToken cancellationToken) => ConnectionRetry.RunOnceAsync(
        database.Pool, connection => PerformAsync(connection, statement, locks: 0, parameters, cancellationToken), cancellationToken);

    /// <summary>Runs statements and checks their commit.</summary>
    /// <returns>True if the statement after the locks returned a row.</returns>
    /// <exception cref="NpgsqlException">No answer arrived, or a fail-over may undo the commit.</exception>
    private static async Task<bool> PerformAsync(
        NpgsqlConnection connection, string statements, int locks, NamedParameters parameters, CancellationToken cancellationToken)
    {
        using var commit = new CommitWatch(connection);
        List<bool> effects = await parameters.ReadAsync(
            connection,
            statements,
            async rows =>
            {
                await rows.SkipAsync(locks).ConfigureAwait(false);
                return await rows.ListAsync(_ => true).ConfigureAwait(false);
            },
            cancellationToken).ConfigureAwait(false);
        commit.EnsureReplicated();
        return effects.Count > 0;
    }

    /// <summary>Returns the parameters that every action has.</summary>
    private NamedParameters ParametersOf(OperatorActionKind kind, OperatorNote note) => new NamedParameters()
        .With("Kind", SagaNames.Of(kind)).With("Actor", note.Actor).With("Reason", note.Reason).With("Sender", database.Instance);

    /// <summary>An operator action that changes a saga.</summary>
    /// <param name="Kind">The kind of action.</param>
    /// <param name="Statement">The statement. It returns a row if it had an effect.</param>
    private sealed record SagaChange(OperatorActionKind Kind, string Statement)
    {
        /// <summary>The rules by which the state of the saga refuses the action.</summary>
        public Func<SagaDetails, OperatorActionCondition, OperatorActionResult?> Refusal { get; init; } = OperatorActionRules.Refusal;

        /// <summary>The name of the node that the action is about; null for none.</summary>
        public string? Node { get; init; }

        /// <summary>Finds what else keeps the action from applying to the saga, as a clause; null for nothing.</summary>
        public Func<SagaDetails, string?> ObstacleIn { get; init; } = _ => null;

        /// <summary>The clause for a statement that had no effect on a saga that has not changed.</summary>
        public string Obstacle { get; init; } = Changed;

        /// <summary>Words the recorded reason.</summary>
        public Func<SagaDetails, OperatorNote, string> ReasonToRecord { get; init; } = (_, note) => note.Reason;
    }
}
