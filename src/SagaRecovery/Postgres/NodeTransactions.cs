using System.Data;
using System.Data.Common;
using Npgsql;
using SagaRecovery.Fencing;
using SagaRecovery.Storage;

namespace SagaRecovery.Postgres;

/// <summary>The transactions of transactional nodes, on connections of the host's pool: the work of a step, and the event that ends it.</summary>
/// <param name="database">The database.</param>
/// <param name="host">The data source of the host.</param>
/// <param name="hostIsDatabase">True if the database of the sagas is reached through the same data source, or a copy of it.</param>
/// <param name="time">The clock.</param>
internal sealed class NodeTransactions(PostgresDatabase database, NpgsqlDataSource host, bool hostIsDatabase, TimeProvider time)
{
    private const string IdleInTransactionTimeout = "25P03";
    private const string TransactionTimeout = "25P04";

    private static readonly TimeSpan s_busyPoll = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan s_longestCommand = TimeSpan.FromMinutes(1);

    private readonly DataSourcePool _pool = new(host);
    private volatile bool _isSamePlace = hostIsDatabase;

    private CallerStatements Sql => database.Callers;

    /// <inheritdoc cref="ISagaTransactions.AppendAsync"/>
    public async Task<SavedNodeEvent?> AppendAsync(
        Ownership ownership, NodeStep step, Func<DbTransaction, Task<SavedNodeEvent>> work, CancellationToken cancellationToken)
    {
        (NpgsqlConnection connection, StepState before) = step.IsFirstAttempt && _isSamePlace
            ? (await OpenAsync(cancellationToken).ConfigureAwait(false), new StepState(IsOwned: true, End: null))
            : await OpenAsync(ownership, step, cancellationToken).ConfigureAwait(false);
        try
        {
            if (!before.IsOwned || before.End is not null)
            {
                return before.OwnEnd; // its work would meet what an earlier attempt has committed
            }

            NpgsqlTransaction transaction = await connection.BeginTransactionAsync(IsolationLevel.ReadCommitted, cancellationToken).ConfigureAwait(false);
            SavedNodeEvent end = await RunAsync(work, connection, transaction).ConfigureAwait(false);
            ThrowIfUnusable(connection, transaction);
            if (await TryCommitAsync(connection, ownership, step, end, cancellationToken).ConfigureAwait(false))
            {
                return end;
            }
        }
        finally
        {
            await CloseAsync(connection).ConfigureAwait(false);
        }

        (connection, StepState after) = await OpenAsync(ownership, step, cancellationToken).ConfigureAwait(false);
        await connection.DisposeAsync().ConfigureAwait(false);
        return !after.IsOwned || after.End is not null ? after.OwnEnd : throw new InvalidOperationException(
            "The code of a transactional node has changed the isolation level of its transaction. It must stay READ COMMITTED: at a stricter level the "
            + "check that this process still owns the saga would use an old snapshot.");
    }

    /// <summary>Opens a connection, which may have died in the pool.</summary>
    private async Task<NpgsqlConnection> OpenAsync(CancellationToken cancellationToken)
    {
        try
        {
            return await _pool.OpenAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            throw new UnansweredWriteException(e);
        }
    }

    /// <exception cref="UnansweredWriteException">The connection broke, and nothing of the work remains. The server has not ended it for its slowness.</exception>
    private async Task<SavedNodeEvent> RunAsync(
        Func<DbTransaction, Task<SavedNodeEvent>> work, NpgsqlConnection connection, NpgsqlTransaction transaction)
    {
        try
        {
            return await work(transaction).ConfigureAwait(false);
        }
        catch (Exception e) when (connection.FullState.HasFlag(ConnectionState.Broken) && !IsTooSlow(e))
        {
            await _pool.ClearAsync().ConfigureAwait(false); // other idle connections are probably dead too
            throw new UnansweredWriteException(e);
        }
    }

    private static bool IsTooSlow(Exception exception)
    {
        for (Exception? cause = exception; cause is not null; cause = cause.InnerException)
        {
            if (cause is TimeoutException or OperationCanceledException or PostgresException { SqlState: IdleInTransactionTimeout or TransactionTimeout })
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Opens a connection to the primary and reads the state of a step on it.</summary>
    /// <exception cref="CoordinatorFencedException">A newer process has joined.</exception>
    /// <exception cref="JoinLostException">The database has lost the join.</exception>
    /// <exception cref="UnansweredWriteException">There is no connection, or no answer on it.</exception>
    private async Task<(NpgsqlConnection Connection, StepState State)> OpenAsync(Ownership ownership, NodeStep step, CancellationToken cancellationToken)
    {
        StepState state = default;
        try
        {
            NpgsqlConnection connection = await ConnectionRetry.OpenAsync(
                _pool,
                async opened =>
                {
                    await EnsureSamePlaceAsync(opened, cancellationToken).ConfigureAwait(false);
                    state = await database.ReadPreparedAsync(opened, Build, ReadAsync, cancellationToken).ConfigureAwait(false);
                },
                cancellationToken).ConfigureAwait(false);
            return (connection, state);
        }
        catch (Exception e) when (e is not (OperationCanceledException or CoordinatorFencedException or JoinLostException))
        {
            throw new UnansweredWriteException(e);
        }

        void Build(NpgsqlBatch batch)
        {
            batch.Add(database.Statements.CurrentJoin).With(ownership.Member.Coordinator.Value);
            batch.Add(Sql.FindEnd)
                .With(ownership.Member.Coordinator.Value).With(step.SagaId.Value).With(ownership.Generation.Value).With(step.Node).With(EndsOf(step));
        }

        async Task<StepState> ReadAsync(PostgresRows rows)
        {
            List<JoinRow> joins = await rows.ListAsync(JoinRow.Of).ConfigureAwait(false);
            PostgresFence.EnsureMember(database, ownership.Member, joins.Count == 0 ? null : joins[0]);
            return (await rows.ListAsync(row => new StepState(row.GetBoolean(0), row.IsDBNull(1) ? null : PostgresSagaReader.ToEvent(row, column: 1)))
                .ConfigureAwait(false)).Single();
        }
    }

    /// <summary>Ensures, once in a process, that the connections of the host lead to the database of the sagas. Elsewhere, this process would look fenced.</summary>
    private async Task EnsureSamePlaceAsync(NpgsqlConnection opened, CancellationToken cancellationToken)
    {
        if (_isSamePlace)
        {
            return;
        }

        string there = await PostgresDatabase.ReadAsync(opened, Build, ReadAsync, cancellationToken).ConfigureAwait(false);
        string here = await database.ReadAsync(Build, ReadAsync, cancellationToken).ConfigureAwait(false);
        _isSamePlace = there == here ? true : throw new InvalidOperationException(
            $"The NpgsqlDataSource of the host leads to another database than the one under {nameof(PostgresStoreOptions.RecoveryDataSource)}, and a "
            + "transactional node needs the database of the sagas.");

        void Build(NpgsqlBatch batch) => batch.Add(Sql.Place);

        static async Task<string> ReadAsync(PostgresRows rows) => (await rows.ListAsync(row => row.GetString(0)).ConfigureAwait(false)).Single();
    }

    /// <exception cref="InvalidOperationException">The work has ended the transaction, or a command of it still runs.</exception>
    private static void ThrowIfUnusable(NpgsqlConnection connection, NpgsqlTransaction transaction)
    {
        if (IsBusy(connection))
        {
            throw new InvalidOperationException("The code of a transactional node has returned while a command of it still runs, or a reader is open.");
        }

        try
        {
            _ = transaction.IsolationLevel;
        }
        catch (Exception e) when (e is InvalidOperationException or ObjectDisposedException)
        {
            throw new InvalidOperationException("The code of a transactional node has committed or rolled back its transaction, which SagaRecovery commits. What it has committed itself stays.", e);
        }
    }

    /// <summary>Writes the event and commits, in one batch: a client that stalls in between holds no lock.</summary>
    /// <returns>False if the event was refused. The transaction is open then.</returns>
    private async Task<bool> TryCommitAsync(
        NpgsqlConnection connection, Ownership ownership, NodeStep step, SavedNodeEvent end, CancellationToken cancellationToken)
    {
        bool isLocked = false;
        bool isAppended = false;
        try
        {
            return await CommitWatch.RunAsync(
                connection, Build, batch => database.ExecuteAsync(batch, cancellationToken), ReadAsync, cancellationToken).ConfigureAwait(false);
        }
        catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.DivisionByZero && isLocked && !isAppended)
        {
            return false;
        }
#pragma warning disable MA0054 // with the cause inside, these mistakes would count as transient, and be retried
        catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.InFailedSqlTransaction)
        {
            throw new InvalidOperationException(
                "The code of a transactional node has returned after a statement failed, and PostgreSQL refuses the rest of such a transaction. To go on "
                + "after an error, set a savepoint before the statement and roll back to it.");
        }
        catch (PostgresException e) when (!isLocked && e.SqlState is PostgresErrorCodes.InsufficientPrivilege or PostgresErrorCodes.ReadOnlySqlTransaction)
        {
            throw new InvalidOperationException(
                $"The code of a transactional node has changed its transaction so that the event cannot be written, by another role or as read-only: {e.MessageText}");
        }
#pragma warning restore MA0054
        catch (PostgresException e) when (
            e.SqlState is IdleInTransactionTimeout or TransactionTimeout || (isLocked && e.IsForTheData()) || (isAppended && !IsOfTheServer(e)))
        {
            throw; // the work took too long, a deferred constraint, a conflict with another transaction, or an output that the database rejects
        }
        catch (NpgsqlException e)
        {
            throw new UnansweredWriteException(e);
        }

        void Build(NpgsqlBatch batch)
        {
            batch.Add(database.Statements.Lock).With(ownership.Member.Coordinator.Value);
            batch.Add(Sql.LockSaga).With(step.SagaId.Value);
            batch.Add(Sql.AppendEnd, ownership.Member)
                .With(step.SagaId.Value).With(ownership.Generation.Value)
                .With(end.NodeId).With(SagaNames.Of(end.Type)).WithJson(end.Data).With(EndsOf(step));
        }

        async Task<bool> ReadAsync(NpgsqlDataReader reader)
        {
            var rows = new PostgresRows(reader, cancellationToken);
            await rows.SkipAsync(1).ConfigureAwait(false);
            _ = await rows.FirstAsync(row => row.GetGuid(0)).ConfigureAwait(false);
            isLocked = true;
            await rows.SkipAsync(1).ConfigureAwait(false);
            return isAppended = await rows.FirstAsync(row => row.GetInt64(0)).ConfigureAwait(false) is not null;
        }
    }

    private static bool IsBusy(NpgsqlConnection connection) =>
        connection.FullState.HasFlag(ConnectionState.Executing) || connection.FullState.HasFlag(ConnectionState.Fetching);

    /// <summary>
    /// Closes a connection, which rolls an open transaction back. If a command of the work still runs, another task reads its answers: closing then might
    /// not end, so it is left for later, and no step waits for it.
    /// </summary>
    private async ValueTask CloseAsync(NpgsqlConnection connection)
    {
        if (IsBusy(connection))
        {
            _ = CloseLaterAsync(connection);
            return;
        }

        await connection.DisposeAsync().ConfigureAwait(false);
    }

    private async Task CloseLaterAsync(NpgsqlConnection connection)
    {
        for (TimeSpan waited = TimeSpan.Zero; IsBusy(connection) && waited < s_longestCommand; waited += s_busyPoll)
        {
            await Task.Delay(s_busyPoll, time).ConfigureAwait(false);
        }

        await connection.DisposeAsync().ConfigureAwait(false);
    }

    private static string[] EndsOf(NodeStep step) => [.. step.Ends.Select(SagaNames.Of)];

    /// <summary>Returns true for an error that the server reports about itself: whether it has committed is unknown.</summary>
    private static bool IsOfTheServer(PostgresException e) => e.SqlState is ['0', '8', ..] or ['5', '3', ..] or ['5', '7', 'P', ..] or ['5', '8', ..] or ['X', 'X', ..];

    /// <summary>The state of a step in the database.</summary>
    /// <param name="IsOwned">True if this coordinator owns the unfinished saga at its generation.</param>
    /// <param name="End">The event that has ended the step; null for none.</param>
    private readonly record struct StepState(bool IsOwned, SavedNodeEvent? End)
    {
        public SavedNodeEvent? OwnEnd => IsOwned ? End : null;
    }
}
