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

    /// <summary>Runs a batch to its commit, in a transaction that is open or that the batch begins, and reads what it answers.</summary>
    /// <param name="connection">Where.</param>
    /// <param name="build">Adds the statements before the commit.</param>
    /// <param name="execute">Sends them.</param>
    /// <param name="read">Reads what they answer.</param>
    /// <param name="cancellationToken">Gives up waiting; what was sent may still take effect.</param>
    /// <inheritdoc cref="Ensure" path="/exception" />
    public static async Task<T> RunAsync<T>(
        NpgsqlConnection connection,
        Action<NpgsqlBatch> build,
        Func<NpgsqlBatch, Task<NpgsqlDataReader>> execute,
        Func<NpgsqlDataReader, Task<T>> read,
        CancellationToken cancellationToken)
    {
        using var commit = new CommitWatch(connection);
        var batch = new NpgsqlBatch(connection);
        await using (batch.ConfigureAwait(false))
        {
            build(batch);
            batch.Add(Statements.Commit);
            NpgsqlDataReader reader = await execute(batch).ConfigureAwait(false);
            await using (reader.ConfigureAwait(false))
            {
                T answer = await read(reader).ConfigureAwait(false);
                while (await reader.NextResultAsync(cancellationToken).ConfigureAwait(false)) // rows come before the commit
                {
                }

                commit.Ensure();
                return answer;
            }
        }
    }

    /// <summary>To be called when the answer to the commit has been read.</summary>
    /// <exception cref="NpgsqlException">
    /// It may be undone. To write it once more settles it, where that is harmless: the later commit waits for the earlier one, too.
    /// </exception>
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
