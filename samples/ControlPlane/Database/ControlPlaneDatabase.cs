using Npgsql;

namespace ControlPlane.Database;

/// <summary>The access of actions and undos to the control plane's tables.</summary>
internal sealed class ControlPlaneDatabase(NpgsqlDataSource source)
{
    /// <summary>Runs work on a connection, once. Nodes are retried by their policy, and clients can repeat their requests.</summary>
    public async Task<T> RunAsync<T>(Func<NpgsqlConnection, Task<T>> work, CancellationToken cancellationToken)
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
