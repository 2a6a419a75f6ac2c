using Dapper;
using Npgsql;
using SagaRecovery.Operations;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Postgres;

/// <summary>What operators see of the sagas in Postgres, and do to them.</summary>
internal sealed class PostgresSagaOperations(PostgresDatabase database, OwnerLock ownerLock) : ISagaOperations
{
    private const string Changed = "it changed while the lever was pulled";

    private OperatorStatements Sql => database.Operators;

    public Task<SagaDetails?> FindAsync(SagaId sagaId, CancellationToken cancellationToken) => database.QueryAsync(
        async connection =>
        {
            var about = new { Id = sagaId.Value, Longest = SagaDetails.LongestText };
            SagaDetailsRow? row = (await QueryAsync<SagaDetailsRow>(connection, Sql.FindSaga, about, cancellationToken).ConfigureAwait(false)).SingleOrDefault();
            if (row is null)
            {
                return null;
            }

            IEnumerable<EventRow> events = await QueryAsync<EventRow>(connection, Sql.FindEvents, about, cancellationToken).ConfigureAwait(false);
            IEnumerable<CoordinatorRow> owner = await QueryAsync<CoordinatorRow>(connection, Sql.FindOwner, about, cancellationToken).ConfigureAwait(false);
            return row.ToDetails(events, owner.SingleOrDefault());
        },
        cancellationToken);

    public async Task<IReadOnlyList<SagaSummary>> ListAsync(SagaFilter filter, CancellationToken cancellationToken)
    {
        var narrowed = new
        {
            State = filter.State is { } state ? SagaNames.Of(state) : null,
            Owner = filter.Owner?.Value,
            filter.Name,
            Before = filter.Before?.Value,
            filter.Limit,
        };
        return [.. (await QueryAsync<SagaSummaryRow>(Sql.ListSagas, narrowed, cancellationToken).ConfigureAwait(false)).Select(row => row.ToSummary())];
    }

    public async Task<IReadOnlyList<SagaCount>> CountAsync(CancellationToken cancellationToken) =>
        [.. (await QueryAsync<CountRow>(Sql.CountSagas, parameters: null, cancellationToken).ConfigureAwait(false)).Select(row => row.ToCount())];

    public async Task<IReadOnlyList<CoordinatorDetails>> ListCoordinatorsAsync(CancellationToken cancellationToken) =>
        [.. (await QueryAsync<CoordinatorRow>(Sql.ListCoordinators, parameters: null, cancellationToken).ConfigureAwait(false)).Select(row => row.ToDetails())];

    public Task PauseAsync(CoordinatorId coordinator, OperatorNote note, CancellationToken cancellationToken) =>
        PerformAsync(Sql.Pause, new { Coordinator = coordinator.Value, Kind = SagaNames.Of(OperatorActionKind.Pause), note.Actor, note.Reason }, cancellationToken);

    public Task ResumeAsync(CoordinatorId coordinator, OperatorNote note, CancellationToken cancellationToken) =>
        PerformAsync(Sql.Resume, new { Coordinator = coordinator.Value, Kind = SagaNames.Of(OperatorActionKind.Resume), note.Actor, note.Reason, Sender = database.Instance }, cancellationToken);

    public Task<OperatorActionResult> HoldAsync(SagaId sagaId, OperatorNote note, CancellationToken cancellationToken) =>
        PerformAsync(Sql.Hold, OperatorActionKind.Hold, sagaId, note, "it has ended, and is not recovered any more", cancellationToken);

    public Task<OperatorActionResult> ReleaseAsync(SagaId sagaId, OperatorNote note, CancellationToken cancellationToken) =>
        PerformAsync(Sql.Release, OperatorActionKind.Release, sagaId, note, "it is not held", cancellationToken);

    public Task<OperatorActionResult> RecordRetryAsync(SagaId sagaId, OperatorNote note, CancellationToken cancellationToken) =>
        PerformAsync(Sql.NoteRetry, OperatorActionKind.Retry, sagaId, note, "it has ended, and is not recovered any more", cancellationToken);

    public Task<OperatorActionResult> AbandonAsync(SagaId sagaId, OperatorActionCondition condition, OperatorNote note, CancellationToken cancellationToken) =>
        ChangeAsync(Sql.Abandon, OperatorActionKind.Abandon, sagaId, _ => 0, Changed, condition, note, cancellationToken);

    public Task<OperatorActionResult> InjectErrorAsync(
        SagaId sagaId, string node, OperatorActionCondition condition, OperatorNote note, CancellationToken cancellationToken) => ChangeAsync(
        Sql.InjectError,
        OperatorActionKind.InjectError,
        sagaId,
        saga => saga.Graph?.Find(node)?.Id,
        $"node '{node}' is not one whose action has started and not ended",
        condition,
        note,
        cancellationToken);

    public async Task<int> RevokeJoinsAsync(OperatorNote note, CancellationToken cancellationToken)
    {
        Guid[] all = [.. await QueryAsync<Guid>(Sql.ListIds, parameters: null, cancellationToken).ConfigureAwait(false)];
        return await ownerLock.RunAsync(
            "making all joins worthless",
            batch =>
            {
                foreach (Guid id in all.Order())
                {
                    batch.Add(database.Statements.LockExclusively).With(id);
                }

                batch.Add(Sql.RevokeJoins).With(all);
                batch.Add(Sql.NoteRevoked).With(SagaNames.Of(OperatorActionKind.Revoke)).With(note.Actor).With(note.Reason);
            },
            async rows =>
            {
                await rows.SkipAsync(all.Length).ConfigureAwait(false);
                return (await rows.ListAsync(row => row.GetGuid(0)).ConfigureAwait(false)).Count;
            },
            cancellationToken).ConfigureAwait(false);
    }

    private async Task<OperatorActionResult> PerformAsync(
        string statement, OperatorActionKind kind, SagaId sagaId, OperatorNote note, string whyNot, CancellationToken cancellationToken)
    {
        var parameters = new { Id = sagaId.Value, Kind = SagaNames.Of(kind), note.Actor, note.Reason, Sender = database.Instance };
        return await PerformAsync(statement, parameters, cancellationToken).ConfigureAwait(false)
            ? OperatorActionResult.Done.Instance
            : await NotPulledAsync(sagaId, whyNot, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Changes a saga behind the lock of its owner's row, as it was when it was looked at; see <see cref="OperatorStatements.LockOwner"/>.</summary>
    private async Task<OperatorActionResult> ChangeAsync(
        string statement,
        OperatorActionKind kind,
        SagaId sagaId,
        Func<SagaDetails, int?> findNode,
        string whyNot,
        OperatorActionCondition condition,
        OperatorNote note,
        CancellationToken cancellationToken)
    {
        if (await FindAsync(sagaId, cancellationToken).ConfigureAwait(false) is not { } saga)
        {
            return OperatorActionResult.NoSuchSaga.Instance;
        }

        if (OperatorActionRules.Refusal(saga, condition) is { } refusal)
        {
            return refusal;
        }

        if (findNode(saga) is not { } node)
        {
            return new OperatorActionResult.Superseded(saga.Summary, whyNot);
        }

        var parameters = new
        {
            Id = sagaId.Value,
            Owner = saga.Summary.Owner?.Value,
            Generation = saga.Summary.Generation.Value,
            Node = node,
            State = condition.State is { } seen ? SagaNames.Of(seen) : null,
            Force = condition.EvenIfOwnerAnswers,
            CoordinatorDetails.AnswerTimeout,
            Kind = SagaNames.Of(kind),
            note.Actor,
            note.Reason,
            Sender = database.Instance,
        };

        // Two statements of one transaction: the second has a snapshot of its own, and sees what it had to wait for.
        string statements = $"{Sql.LockOwner};\n{statement};\n{Statements.Commit}";
        if (await ownerLock.RunOnceAsync(
            $"{SagaNames.Of(kind)} of saga {sagaId}",
            connection => PerformAsync(connection, statements, parameters, cancellationToken),
            cancellationToken).ConfigureAwait(false))
        {
            return OperatorActionResult.Done.Instance;
        }

        return await FindAsync(sagaId, cancellationToken).ConfigureAwait(false) is not { } present ? OperatorActionResult.NoSuchSaga.Instance
            : OperatorActionRules.Refusal(present, condition)
                ?? new OperatorActionResult.Superseded(present.Summary, present.Summary == saga.Summary ? whyNot : Changed);
    }

    private async Task<OperatorActionResult> NotPulledAsync(SagaId sagaId, string why, CancellationToken cancellationToken) =>
        await FindAsync(sagaId, cancellationToken).ConfigureAwait(false) is { } present
            ? new OperatorActionResult.Superseded(present.Summary, why)
            : OperatorActionResult.NoSuchSaga.Instance;

    private Task<bool> PerformAsync(string statement, object parameters, CancellationToken cancellationToken) => ConnectionRetry.RunOnceAsync(
        database.OpenAsync, connection => PerformAsync(connection, statement, parameters, cancellationToken), cancellationToken);

    /// <returns>Whether the last of its results has a row.</returns>
    /// <exception cref="NpgsqlException">There was no answer, or one that a fail-over could undo.</exception>
    private static async Task<bool> PerformAsync(NpgsqlConnection connection, string statements, object parameters, CancellationToken cancellationToken)
    {
        using var commit = new CommitWatch(connection);
        SqlMapper.GridReader results = await connection.QueryMultipleAsync(
            new CommandDefinition(statements, parameters, cancellationToken: cancellationToken)).ConfigureAwait(false);
        bool any = false;
        await using (results.ConfigureAwait(false))
        {
            while (!results.IsConsumed)
            {
                any = (await results.ReadAsync().ConfigureAwait(false)).Any();
            }
        }

        commit.Ensure();
        return any;
    }

    private Task<IEnumerable<T>> QueryAsync<T>(string sql, object? parameters, CancellationToken cancellationToken) =>
        database.QueryAsync(connection => QueryAsync<T>(connection, sql, parameters, cancellationToken), cancellationToken);

    private static Task<IEnumerable<T>> QueryAsync<T>(NpgsqlConnection connection, string sql, object? parameters, CancellationToken cancellationToken) =>
        connection.QueryAsync<T>(new CommandDefinition(sql, parameters, cancellationToken: cancellationToken));
}
