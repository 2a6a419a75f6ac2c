using Npgsql;

namespace ControlPlane.Database;

/// <summary>The control plane's own tables, as actions and undos reach them.</summary>
internal sealed class ControlPlaneDatabase(NpgsqlDataSource source, TimeProvider time)
{
    private static readonly TimeSpan FirstDelay = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan LongestDelay = TimeSpan.FromSeconds(2);

    /// <summary>
    /// Does idempotent work until the database has given a definite answer. A connection that breaks leaves open whether the work was
    /// done. Were that to fail the action, its node would not be undone, and what it may have made would stay.
    /// </summary>
    public async Task<T> UntilAnsweredAsync<T>(Func<NpgsqlConnection, Task<T>> work, CancellationToken cancellationToken)
    {
        for (TimeSpan delay = FirstDelay; ; delay = delay * 2 < LongestDelay ? delay * 2 : LongestDelay)
        {
            try
            {
                await using NpgsqlConnection connection = await source.OpenConnectionAsync(cancellationToken);
                return await work(connection);
            }
            catch (NpgsqlException exception) when (IsNoAnswer(exception))
            {
                await Task.Delay(delay, time, cancellationToken);
            }
        }
    }

    /// <summary>Reads once; the caller's client may ask again.</summary>
    public async Task<T> ReadAsync<T>(Func<NpgsqlConnection, Task<T>> work, CancellationToken cancellationToken)
    {
        await using NpgsqlConnection connection = await source.OpenConnectionAsync(cancellationToken);
        return await work(connection);
    }

    /// <summary>
    /// A server that only reads (a full disk, a standby about to be promoted) says nothing about this work; it may write later. Nor does one
    /// that ends a session or a transaction for its age (class 25, 57P05, 55P03), nor a pooler whose server is away or has broken off:
    /// pgbouncer says so with 08P01, of the class of connection exceptions.
    /// </summary>
    public static bool IsNoAnswer(NpgsqlException exception) =>
        exception is not PostgresException answer
        || answer.IsTransient
        || answer.SqlState is ['0', '8', ..] or ['2', '5', ..] or ['4', '0', ..]
        || answer.SqlState is PostgresErrorCodes.AdminShutdown or PostgresErrorCodes.CrashShutdown or PostgresErrorCodes.QueryCanceled
            or PostgresErrorCodes.IdleSessionTimeout or PostgresErrorCodes.LockNotAvailable;
}
