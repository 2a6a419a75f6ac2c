using System.Data.Common;
using System.Net;
using System.Net.Sockets;
using Npgsql;
using Polly.Timeout;

namespace SagaRecovery.Executor.Running;

/// <summary>Recognizes failures that leave open whether a call arrived, or that a later attempt is likely to avoid.</summary>
internal static class TransientFailures
{
    private static readonly HttpStatusCode[] s_retryable = [HttpStatusCode.RequestTimeout, HttpStatusCode.TooManyRequests];

    public static bool IsTransient(Exception exception)
    {
        for (Exception? cause = exception; cause is not null; cause = cause.InnerException)
        {
            // A cancelled call: the attempt's own token has not fired, or its exception would not be judged here.
            if (cause is TimeoutException or TimeoutRejectedException or OperationCanceledException or SocketException or HttpIOException
                || (cause is HttpRequestException request && IsTransient(request))
                || (cause is DbException database && IsTransient(database)))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>A request without an answer, or one that the server may answer differently next time.</summary>
    private static bool IsTransient(HttpRequestException request) =>
        request.StatusCode is not { } status || (int)status >= 500 || s_retryable.Contains(status);

    /// <summary>
    /// An error of Npgsql that no server sent: it tells nothing about the effect of the command. Otherwise the driver's own verdict, and what
    /// it does not count: class 40 (the transaction was rolled back, or its outcome is unknown), class 08 (connection exceptions; a pooler that lost its server reports one), 57P
    /// (the server shuts down, crashed or starts), 57014 (a time limit), and class 25 (a server that is read-only for now, a transaction that
    /// timed out). See https://www.postgresql.org/docs/current/errcodes-appendix.html.
    /// </summary>
    private static bool IsTransient(DbException database) =>
        database is NpgsqlException and not PostgresException
        || database.IsTransient || database.SqlState is ['0', '8', ..] or ['4', '0', ..] or ['5', '7', 'P', ..] or "57014" or ['2', '5', ..];
}
