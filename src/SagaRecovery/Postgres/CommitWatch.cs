using Npgsql;

namespace SagaRecovery.Postgres;

/// <summary>
/// Tells a commit that stands from one that a fail-over may undo. A primary that waits for its synchronous standby stops waiting when the
/// command is cancelled, as a time-out of the client does. It says so in a warning, and answers as if all were well, though nobody but itself has
/// the write. Other warnings (<c>auto_explain</c>, a trigger) say nothing of the commit, and are none of its business.
/// </summary>
internal sealed class CommitWatch : IDisposable
{
    /// <summary>The function of the server that waits for the standby. Its messages come in the language of <c>lc_messages</c>.</summary>
    private const string WaitForStandby = "SyncRepWaitForLSN";

    private readonly NpgsqlConnection _connection;
    private volatile string? _warning;

    public CommitWatch(NpgsqlConnection connection)
    {
        _connection = connection;
        connection.Notice += Note;
    }

    /// <summary>Reads on to the end of the batch, which is its commit.</summary>
    /// <exception cref="NpgsqlException">
    /// It may be undone. To write it once more settles it, where that is harmless: the later commit waits for the earlier one, too.
    /// </exception>
    public async Task EnsureAsync(NpgsqlDataReader reader, CancellationToken cancellationToken)
    {
        while (await reader.NextResultAsync(cancellationToken).ConfigureAwait(false))
        {
        }

        Ensure();
    }

    /// <summary>To be called when the answer to the commit has been read.</summary>
    /// <inheritdoc cref="EnsureAsync" path="/exception" />
    public void Ensure()
    {
        if (_warning is { } warning)
        {
            throw new NpgsqlException($"What was written may be undone by a fail-over: {warning}", new TimeoutException(warning));
        }
    }

    public void Dispose() => _connection.Notice -= Note;

    private void Note(object sender, NpgsqlNoticeEventArgs told)
    {
        if (told.Notice.Routine == WaitForStandby)
        {
            _warning = told.Notice.MessageText;
        }
    }
}
