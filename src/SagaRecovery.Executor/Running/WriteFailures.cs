using System.Data.Common;
using SagaRecovery.Fencing;
using SagaRecovery.Storage;

namespace SagaRecovery.Executor.Running;

/// <summary>Classifies failed writes. Most mean that the store is unavailable, and the write is retried until it answers.</summary>
internal static class WriteFailures
{
    private const string QueryCanceled = "57014"; // statement_timeout, or an administrator
    private const string OutOfMemory = "53200";

    /// <summary>
    /// The number of failures after which a single entry counts as impossible to write. With the delays between them they last longer than
    /// the locks of operator actions and drains, which a statement may wait for until its time limit.
    /// </summary>
    private const int MaxFailuresOfOneEntry = 12;

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

    /// <summary>Creates the predicate for a restore, which joins again by itself if the join was lost once more.</summary>
    public static Predicate<Exception> AnswerToRestore()
    {
        Predicate<Exception> isAnswer = AnswerTo(entries: 1);
        return exception => exception is not JoinLostException && isAnswer(exception);
    }

    /// <summary>Returns true for a failure that shows that the server works.</summary>
    public static bool ComesFromTheServer(Exception exception) => exception is JoinLostException or DbException { SqlState: not null };

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
