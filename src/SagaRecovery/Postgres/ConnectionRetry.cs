using System.Net.Sockets;
using Npgsql;

namespace SagaRecovery.Postgres;

/// <summary>
/// Retries a batch after a transient failure: the pooled connection had died while idle, or the transaction conflicted with another.
/// Each attempt is a transaction of its own.
/// </summary>
/// <remarks>
/// A server that ends idle sessions (<c>idle_session_timeout</c>, a restart) leaves dead connections in the pool. The first failure clears
/// the pool of idle connections, so one further attempt is usually enough.
/// </remarks>
internal static class ConnectionRetry
{
    private const int MaxAttempts = 5;
    private const int MaxConflicts = 100; // each conflict ends with the commit of the other transaction, so retries make progress
    private const string IdleInTransactionTimeout = "25P03";

    /// <summary>Opens a connection and runs work that may be repeated even if it took effect.</summary>
    /// <param name="pool">The pool of the connection.</param>
    /// <param name="work">The work. It may run more than once.</param>
    /// <param name="cancellationToken">Cancels the work.</param>
    public static Task<T> RunAsync<T>(
        IConnectionPool pool, Func<NpgsqlConnection, Task<T>> work, CancellationToken cancellationToken) =>
        RunAsync(pool, work, IsTransient, cancellationToken);

    /// <summary>Opens a connection and runs work that may be repeated only if it had no effect.</summary>
    /// <inheritdoc cref="RunAsync{T}(IConnectionPool, Func{NpgsqlConnection, Task{T}}, CancellationToken)" path="/param" />
    public static Task<T> RunOnceAsync<T>(
        IConnectionPool pool, Func<NpgsqlConnection, Task<T>> work, CancellationToken cancellationToken) =>
        RunAsync(pool, work, exception => IsEndBeforeCommit(exception) || IsConflict(exception), cancellationToken);

    /// <summary>Opens a connection that has answered, to work on it for longer.</summary>
    /// <param name="pool">The pool of the connection.</param>
    /// <param name="probe">The first statement on it.</param>
    /// <param name="cancellationToken">Cancels the opening.</param>
    public static async Task<NpgsqlConnection> OpenAsync(
        IConnectionPool pool, Func<NpgsqlConnection, Task> probe, CancellationToken cancellationToken)
    {
        for (int attempt = 1; ; attempt++)
        {
            NpgsqlConnection connection = await pool.OpenAsync(cancellationToken).ConfigureAwait(false);
            try
            {
                await probe(connection).ConfigureAwait(false);
                return connection;
            }
            catch (Exception exception)
            {
                if (exception is not NpgsqlException failure || attempt == MaxAttempts || !IsDeadConnection(failure))
                {
                    await connection.DisposeAsync().ConfigureAwait(false);
                    throw;
                }

                await pool.ClearAsync().ConfigureAwait(false);
                await connection.DisposeAsync().ConfigureAwait(false);
            }
        }
    }

    private static async Task<T> RunAsync<T>(
        IConnectionPool pool,
        Func<NpgsqlConnection, Task<T>> work,
        Predicate<NpgsqlException> mayRepeat,
        CancellationToken cancellationToken)
    {
        for (int attempt = 1; ; attempt++)
        {
            NpgsqlConnection connection = await pool.OpenAsync(cancellationToken).ConfigureAwait(false);
            await using (connection.ConfigureAwait(false))
            {
                try
                {
                    return await work(connection).ConfigureAwait(false);
                }
                catch (NpgsqlException exception) when (attempt < (IsConflict(exception) ? MaxConflicts : MaxAttempts) && mayRepeat(exception))
                {
                    if (!IsConflict(exception))
                    {
                        await pool.ClearAsync().ConfigureAwait(false); // other idle connections are probably dead too
                    }
                }
                catch (Exception exception) when (exception is ReadOnlyDatabaseException or PostgresException { SqlState: PostgresErrorCodes.ReadOnlySqlTransaction })
                {
                    await pool.ClearAsync().ConfigureAwait(false); // a session keeps the default of its role for as long as it lives
                    throw;
                }
            }
        }
    }

    /// <summary>Returns true if the same batch may succeed on another connection.</summary>
    public static bool IsTransient(NpgsqlException exception) => IsDeadConnection(exception) || IsConflict(exception);

    /// <summary>Returns true if the server had ended the session before the batch reached it.</summary>
    private static bool IsIdleSessionEnd(NpgsqlException exception) => exception is PostgresException { SqlState: PostgresErrorCodes.IdleSessionTimeout };

    /// <summary>Returns true if the server had ended the session before a commit reached it: it waited for the client, in or outside of a transaction.</summary>
    private static bool IsEndBeforeCommit(NpgsqlException exception) =>
        IsIdleSessionEnd(exception) || exception is PostgresException { SqlState: IdleInTransactionTimeout };

    private static bool IsDeadConnection(NpgsqlException exception) =>
        IsIdleSessionEnd(exception)
        || exception is PostgresException { SqlState: PostgresErrorCodes.AdminShutdown or IdleInTransactionTimeout }
        || exception is not PostgresException and { InnerException: SocketException or IOException };

    /// <summary>Returns true for a rollback to be retried: a serialization failure, a deadlock, or a row with the same number.</summary>
    private static bool IsConflict(NpgsqlException exception) => exception is
        PostgresException { SqlState: PostgresErrorCodes.SerializationFailure or PostgresErrorCodes.DeadlockDetected }
        or PostgresException { SqlState: PostgresErrorCodes.UniqueViolation, TableName: "saga_operator_action" or "saga_in_flight" };
}
