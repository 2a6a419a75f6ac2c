using Npgsql;

namespace ControlPlane.Database;

/// <summary>The access of actions and undos to the control plane's tables.</summary>
internal sealed class ControlPlaneDatabase(NpgsqlDataSource source, TimeProvider time)
{
    private static readonly TimeSpan FirstDelay = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan LongestDelay = TimeSpan.FromSeconds(2);

    /// <summary>
    /// Repeats idempotent work until the database gives a definite answer.
    /// </summary>
    /// <remarks>
    /// A broken connection leaves the outcome of the work unknown. If that failed the action, its node would not be undone, and rows that
    /// the action may have created would remain.
    /// </remarks>
    public async Task<T> RetryUntilAnsweredAsync<T>(Func<NpgsqlConnection, Task<T>> work, CancellationToken cancellationToken)
    {
        for (TimeSpan delay = FirstDelay; ; delay = delay * 2 < LongestDelay ? delay * 2 : LongestDelay)
        {
            try
            {
                await using NpgsqlConnection connection = await source.OpenConnectionAsync(cancellationToken);
                return await work(connection);
            }
            catch (NpgsqlException exception) when (IsIndefinite(exception))
            {
                await Task.Delay(delay, time, cancellationToken);
            }
        }
    }

    /// <summary>Reads once, without retries. The client can repeat its request.</summary>
    public async Task<T> ReadAsync<T>(Func<NpgsqlConnection, Task<T>> work, CancellationToken cancellationToken)
    {
        await using NpgsqlConnection connection = await source.OpenConnectionAsync(cancellationToken);
        return await work(connection);
    }

    /// <summary>
    /// Returns true if an error says nothing about the outcome of the work, so that a retry may succeed.
    /// </summary>
    /// <remarks>
    /// This includes a read-only server (a full disk, a standby about to be promoted), a session or transaction that timed out (class 25,
    /// 57P05, 55P03), and a pooler that has lost its server: pgbouncer reports that with 08P01, a connection exception.
    /// </remarks>
    public static bool IsIndefinite(NpgsqlException exception) =>
        exception is not PostgresException error
        || error.IsTransient
        || error.SqlState is ['0', '8', ..] or ['2', '5', ..] or ['4', '0', ..]
        || error.SqlState is PostgresErrorCodes.AdminShutdown or PostgresErrorCodes.CrashShutdown or PostgresErrorCodes.QueryCanceled
            or PostgresErrorCodes.IdleSessionTimeout or PostgresErrorCodes.LockNotAvailable;
}
