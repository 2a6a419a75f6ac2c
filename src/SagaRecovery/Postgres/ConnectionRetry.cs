using System.Net.Sockets;
using Npgsql;

namespace SagaRecovery.Postgres;

/// <summary>
/// Runs a batch again where its failure says nothing about the batch: the pooled connection had died while it rested, or the transaction
/// met another. Each try is a transaction of its own.
/// </summary>
/// <remarks>
/// A server that ends idle sessions (<c>idle_session_timeout</c>, a restart) leaves dead connections in the pool. The first that is met
/// empties the pool of the idle ones, so one further try is enough as a rule.
/// </remarks>
internal static class ConnectionRetry
{
    private const int MostTries = 5;
    private const int MostMeetings = 100; // each waits for the other's commit, so each is a step forward
    private const string IdleInTransactionTimeout = "25P03";

    /// <summary>Opens a connection and runs work that may be repeated whatever became of it.</summary>
    /// <param name="open">Opens a connection.</param>
    /// <param name="work">What is run. It may run more than once.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public static Task<T> RunAsync<T>(
        Func<CancellationToken, ValueTask<NpgsqlConnection>> open, Func<NpgsqlConnection, Task<T>> work, CancellationToken cancellationToken) =>
        RunAsync(open, work, SaysNothingOfTheBatch, cancellationToken);

    /// <summary>Opens a connection and runs work that may be repeated only where it had no effect.</summary>
    /// <inheritdoc cref="RunAsync{T}(Func{CancellationToken, ValueTask{NpgsqlConnection}}, Func{NpgsqlConnection, Task{T}}, CancellationToken)" path="/param" />
    public static Task<T> RunOnceAsync<T>(
        Func<CancellationToken, ValueTask<NpgsqlConnection>> open, Func<NpgsqlConnection, Task<T>> work, CancellationToken cancellationToken) =>
        RunAsync(open, work, exception => EndedWhileIdle(exception) || MetAnother(exception), cancellationToken);

    private static async Task<T> RunAsync<T>(
        Func<CancellationToken, ValueTask<NpgsqlConnection>> open,
        Func<NpgsqlConnection, Task<T>> work,
        Predicate<NpgsqlException> mayRepeat,
        CancellationToken cancellationToken)
    {
        for (int tries = 1; ; tries++)
        {
            NpgsqlConnection connection = await open(cancellationToken).ConfigureAwait(false);
            await using (connection.ConfigureAwait(false))
            {
                try
                {
                    return await work(connection).ConfigureAwait(false);
                }
                catch (NpgsqlException exception) when (tries < (MetAnother(exception) ? MostMeetings : MostTries) && mayRepeat(exception))
                {
                    if (!MetAnother(exception))
                    {
                        NpgsqlConnection.ClearPool(connection); // its neighbours have rested as long
                    }
                }
            }
        }
    }

    /// <summary>Whether the same batch may well succeed on another connection.</summary>
    public static bool SaysNothingOfTheBatch(NpgsqlException exception) => WasDead(exception) || MetAnother(exception);

    /// <summary>The session had been ended before the batch reached it.</summary>
    private static bool EndedWhileIdle(NpgsqlException exception) => exception is PostgresException { SqlState: PostgresErrorCodes.IdleSessionTimeout };

    private static bool WasDead(NpgsqlException exception) =>
        EndedWhileIdle(exception)
        || exception is PostgresException { SqlState: PostgresErrorCodes.AdminShutdown or IdleInTransactionTimeout }
        || exception is not PostgresException and { InnerException: SocketException or IOException };

    /// <summary>Rolled back, to be tried again: a serialization failure, a deadlock, or a row that took the same number.</summary>
    private static bool MetAnother(NpgsqlException exception) => exception is
        PostgresException { SqlState: PostgresErrorCodes.SerializationFailure or PostgresErrorCodes.DeadlockDetected }
        or PostgresException { SqlState: PostgresErrorCodes.UniqueViolation, TableName: "saga_operator_action" or "saga_in_hand" };
}
