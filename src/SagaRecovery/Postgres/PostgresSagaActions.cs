using Npgsql;
using SagaRecovery.Operations;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Postgres;

/// <summary>The operator actions that run on one saga or many: cancel, hold, release and abandon. One is the case of a list with one saga.</summary>
internal sealed class PostgresSagaActions(PostgresDatabase database, OwnerLock ownerLock)
{
    private const string Changed = "it changed while the action ran";

    /// <summary>The number of attempts for sagas that change meanwhile.</summary>
    private const int MaxAttempts = 5;

    private SagaActionStatements Sql => database.Actions;

    /// <summary>Runs an action on sagas in one transaction. Sagas that change meanwhile get further ones.</summary>
    /// <returns>One result for each saga, in order.</returns>
    public async Task<IReadOnlyList<OperatorActionResult>> PerformAsync(SagaAction action, IReadOnlyList<SagaId> sagas, CancellationToken cancellationToken)
    {
        Dictionary<SagaId, OperatorActionResult> results = [];
        int attempts = action.Kind is OperatorActionKind.Abandon ? 1 : MaxAttempts; // what the operator saw counts for an abandonment
        HashSet<SagaId> undecided = [.. sagas];
        for (int attempt = 1; undecided.Count > 0; attempt++)
        {
            List<Target> targets = await FindAsync(undecided, cancellationToken).ConfigureAwait(false);
            foreach (SagaId unknown in undecided.Except(targets.Select(target => target.Saga.Id)).ToArray())
            {
                results[unknown] = OperatorActionResult.NoSuchSaga.Instance;
            }

            List<Target> allowed = [];
            foreach (Target target in targets)
            {
                if (RefusalOf(action, target) is { } refusal)
                {
                    results[target.Saga.Id] = refusal;
                }
                else if (attempt > attempts)
                {
                    results[target.Saga.Id] = new OperatorActionResult.Superseded(target.Saga, Changed);
                }
                else
                {
                    allowed.Add(target);
                }
            }

            HashSet<SagaId> done = allowed.Count == 0 ? [] : await WriteAsync(action, allowed, cancellationToken).ConfigureAwait(false);
            foreach (SagaId saga in done)
            {
                results[saga] = OperatorActionResult.Done.Instance;
            }

            undecided.ExceptWith(results.Keys);
        }

        return [.. sagas.Select(saga => results[saga])];
    }

    /// <summary>Returns the refusal of an action; null if it may be tried. The statements repeat the conditions.</summary>
    private static OperatorActionResult? RefusalOf(SagaAction action, Target target)
    {
        (SagaSummary present, SagaCancellation? cancellation, CoordinatorDetails? owner) = target;
        return action.Kind switch
        {
            OperatorActionKind.Abandon => OperatorActionRules.Refusal(present, owner, action.Condition),
            OperatorActionKind.Cancel => Superseded(OperatorActionRules.ReasonNotToCancel(present, cancellation), isAlreadyDone: cancellation is not null && present.State is (SagaState.Running or SagaState.Unwinding)),
            OperatorActionKind.Hold => Superseded(present.State is SagaState.Running or SagaState.Unwinding ? null : OperatorActionRules.Ended),
            OperatorActionKind.Release => Superseded(present.IsHeld ? null : "it is not held", isAlreadyDone: true),
            _ => throw new NotSupportedException($"The action '{SagaNames.Of(action.Kind)}' does not run on many sagas."),
        };

        OperatorActionResult.Superseded? Superseded(string? reason, bool isAlreadyDone = false) =>
            reason is null ? null : new(present, reason) { IsAlreadyDone = isAlreadyDone };
    }

    private string StatementOf(SagaAction action) => action.Kind switch
    {
        OperatorActionKind.Abandon => Sql.Abandon,
        OperatorActionKind.Cancel => Sql.Cancel,
        OperatorActionKind.Hold => action.StopRun ? Sql.Suspend : Sql.Hold,
        _ => Sql.Release,
    };

    public Task<List<Target>> FindAsync(IEnumerable<SagaId> sagas, CancellationToken cancellationToken) => database.QueryAsync(
        async connection =>
        {
            Guid[] ids = [.. sagas.Select(saga => saga.Value)];
            List<Target> targets = await new NamedParameters().With("Ids", ids).ListAsync(
                connection, Sql.Find, row => new Target(OperatorRows.Summary(row), OperatorRows.Cancellation(row), Owner: null), cancellationToken).ConfigureAwait(false);
            Guid[] owners = [.. targets.Select(target => target.Saga.Owner?.Value).OfType<Guid>().Distinct()];
            Dictionary<CoordinatorId, CoordinatorDetails> known = (await new NamedParameters().With("Ids", owners).ListAsync(
                connection, database.Operators.FindCoordinators, OperatorRows.Coordinator, cancellationToken).ConfigureAwait(false)).ToDictionary(owner => owner.Id);
            return targets.ConvertAll(target => target with { Owner = target.Saga.Owner is { } owner ? known.GetValueOrDefault(owner) : null });
        },
        cancellationToken);

    /// <summary>Writes the action for sagas, behind the locks on their owners if it changes what these may write.</summary>
    /// <returns>The sagas that it changed. The others have changed since they were read.</returns>
    private async Task<HashSet<SagaId>> WriteAsync(SagaAction action, List<Target> targets, CancellationToken cancellationToken)
    {
        Target[] sorted = [.. targets.OrderBy(target => target.Saga.Id)]; // two batches must not wait for each other
        Guid?[] owners = [.. sorted.Select(target => target.Saga.Owner?.Value)];
        NamedParameters parameters = new NamedParameters()
            .With<Guid[]>("Ids", [.. sorted.Select(target => target.Saga.Id.Value)])
            .With("Owners", owners)
            .With<long[]>("Generations", [.. sorted.Select(target => target.Saga.Generation.Value)])
            .With<Guid[]>("Locks", [.. owners.OfType<Guid>().Distinct().Order()])
            .With("State", action.Condition.State is { } seen ? SagaNames.Of(seen) : null)
            .With("Force", action.Condition.EvenIfOwnerAnswers)
            .With("AnswerTimeout", CoordinatorDetails.AnswerTimeout)
            .With("Kind", SagaNames.Of(action.Kind))
            .With("Actor", action.Note.Actor)
            .With("Reason", action.Note.Reason)
            .With("Sender", database.Instance);
        string statement = StatementOf(action);
        if (action.Kind is OperatorActionKind.Hold or OperatorActionKind.Release)
        {
            return await ConnectionRetry.RunOnceAsync(
                database.Pool, connection => WriteAsync(connection, statement, locks: 0, parameters, cancellationToken), cancellationToken).ConfigureAwait(false);
        }

        // Two statements: the second takes its snapshot after the locks, so it sees the writes that they waited for.
        string purpose = $"{SagaNames.Of(action.Kind)} of {(sorted.Length == 1 ? $"saga {sorted[0].Saga.Id}" : PlainText.Count(sorted.Length, "saga"))}";
        return await ownerLock.RunOnceAsync(
            purpose,
            connection => WriteAsync(connection, $"{Sql.LockOwners};\n{statement};\n{Statements.Commit}", locks: 1, parameters, cancellationToken),
            cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Runs statements and checks their commit.</summary>
    /// <param name="connection">The connection.</param>
    /// <param name="statements">The statements. The first that is no lock returns the sagas that it changed.</param>
    /// <param name="locks">The number of statements before it that take locks.</param>
    /// <param name="parameters">The parameters of all statements.</param>
    /// <param name="cancellationToken">Cancels the wait. Statements that were sent may still take effect.</param>
    /// <exception cref="NpgsqlException">No answer arrived, or a fail-over may undo the commit.</exception>
    private static async Task<HashSet<SagaId>> WriteAsync(
        NpgsqlConnection connection, string statements, int locks, NamedParameters parameters, CancellationToken cancellationToken)
    {
        using var commit = new CommitWatch(connection);
        List<SagaId> changed = await parameters.ReadAsync(
            connection,
            statements,
            async rows =>
            {
                await rows.SkipAsync(locks).ConfigureAwait(false);
                return await rows.ListAsync(row => new SagaId(row.GetGuid(0))).ConfigureAwait(false);
            },
            cancellationToken).ConfigureAwait(false);
        commit.EnsureReplicated();
        return [.. changed];
    }

    /// <summary>A saga as an action meets it.</summary>
    internal sealed record Target(SagaSummary Saga, SagaCancellation? Cancellation, CoordinatorDetails? Owner);
}
