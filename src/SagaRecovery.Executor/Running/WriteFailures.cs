using System.Data.Common;
using SagaRecovery.Fencing;
using SagaRecovery.Storage;

namespace SagaRecovery.Executor.Running;

/// <summary>Classifies failed writes. Most mean that the store is unavailable, and the write is retried until it answers.</summary>
internal static class WriteFailures
{
    private const string QueryCanceled = "57014"; // statement_timeout, or an administrator
    private const string OutOfMemory = "53200";

    /// <summary>The number of failures after which a single entry counts as impossible to write.</summary>
    private const int MaxFailuresOfOneEntry = 3;

    /// <summary>
    /// Returns true for a failure that one entry of a group may have caused, by its data or its size: a value that the database rejects, a
    /// statement that runs into a time limit, a message that is too long. A smaller group may succeed.
    /// </summary>
    public static bool MayBeForOneEntry(Exception exception) => IsForTheData(exception) || IsForTheSize(exception) || IsTimeout(exception);

    /// <summary>Creates the predicate for failures that answer one write. All others are retried.</summary>
    /// <param name="entries">The number of entries of the write.</param>
    public static Predicate<Exception> AnswerTo(int entries)
    {
        int failures = 0;
        return exception => exception is JoinLostException
            || IsForTheData(exception)
            || (entries > 1 ? MayBeForOneEntry(exception) : IsForTheSize(exception) && ++failures >= MaxFailuresOfOneEntry);
    }

    private static bool IsForTheData(Exception exception) => exception is DbException refused && refused.IsForTheData();

    /// <summary>A refusal of the server, or of the driver before it sent anything: <see cref="ArgumentException"/> and the like.</summary>
    private static bool IsForTheSize(Exception exception) =>
        exception is DbException { SqlState: QueryCanceled or OutOfMemory } or ArgumentException or OverflowException or OutOfMemoryException;

    /// <summary>A time-out of the client. The server may also be frozen, so a single entry is retried in any case.</summary>
    private static bool IsTimeout(Exception exception)
    {
        for (Exception? cause = exception; cause is not null; cause = cause.InnerException)
        {
            if (cause is TimeoutException)
            {
                return true;
            }
        }

        return false;
    }
}
