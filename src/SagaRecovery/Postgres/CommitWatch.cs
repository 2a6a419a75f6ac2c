using Npgsql;

namespace SagaRecovery.Postgres;

/// <summary>
/// Detects a commit that a fail-over may undo. A primary that waits for its synchronous standby stops waiting when the command is cancelled,
/// for instance by a client time-out. It then sends a warning and reports success, although the standby may not have the write.
/// Other warnings (<c>auto_explain</c>, a trigger) do not concern the commit and are ignored.
/// </summary>
internal sealed class CommitWatch : IDisposable
{
    /// <summary>The server function that waits for the standby. Matched by name, since messages come in the language of <c>lc_messages</c>.</summary>
    private const string WaitForStandby = "SyncRepWaitForLSN";

    private readonly NpgsqlConnection _connection;
    private volatile string? _warning;

    public CommitWatch(NpgsqlConnection connection)
    {
        _connection = connection;
        connection.Notice += OnNotice;
    }

    /// <summary>Runs a batch up to its commit and reads its results. The transaction is open already, or the batch begins it.</summary>
    /// <param name="connection">The connection.</param>
    /// <param name="build">Adds the statements before the commit.</param>
    /// <param name="execute">Sends the batch.</param>
    /// <param name="read">Reads the results.</param>
    /// <param name="cancellationToken">Cancels the wait. Statements that were sent may still take effect.</param>
    /// <inheritdoc cref="EnsureReplicated" path="/exception" />
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
                while (await reader.NextResultAsync(cancellationToken).ConfigureAwait(false)) // the commit is the last result
                {
                }

                commit.EnsureReplicated();
                return answer;
            }
        }
    }

    /// <summary>Throws if the commit may be undone. Call it after the answer to the commit has been read.</summary>
    /// <exception cref="NpgsqlException">
    /// A fail-over may undo the commit. Repeating the write settles it where a repeat is harmless, since the later commit also waits for
    /// the earlier one.
    /// </exception>
    public void EnsureReplicated()
    {
        if (_warning is { } warning)
        {
            throw new NpgsqlException($"The write may be undone by a fail-over: {warning}", new TimeoutException(warning));
        }
    }

    public void Dispose() => _connection.Notice -= OnNotice;

    private void OnNotice(object sender, NpgsqlNoticeEventArgs e)
    {
        if (e.Notice.Routine == WaitForStandby)
        {
            _warning = e.Notice.MessageText;
        }
    }
}
