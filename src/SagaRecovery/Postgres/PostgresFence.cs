using Npgsql;
using NpgsqlTypes;
using SagaRecovery.Coordinators;

namespace SagaRecovery.Postgres;

/// <summary>
/// Batches that begin by asking whether this process is still the coordinator. A batch without an explicit transaction is run by the
/// server to its commit: a client that is paused in between does not keep the coordinator's row locked.
/// </summary>
internal static class PostgresFence
{
    /// <summary>Adds a statement whose first two parameters are the coordinator and its incarnation.</summary>
    public static NpgsqlBatchCommand Add(this NpgsqlBatch batch, string statement, Membership member)
    {
        NpgsqlBatchCommand command = batch.Add(statement);
        command.Parameters.Add(new NpgsqlParameter<Guid> { TypedValue = member.Coordinator.Value });
        command.Parameters.Add(new NpgsqlParameter<long> { TypedValue = member.Incarnation.Value });
        return command;
    }

    public static NpgsqlBatchCommand Add(this NpgsqlBatch batch, string statement)
    {
        var command = new NpgsqlBatchCommand(statement);
        batch.BatchCommands.Add(command);
        return command;
    }

    public static NpgsqlBatchCommand With<T>(this NpgsqlBatchCommand command, T value)
    {
        command.Parameters.Add(new NpgsqlParameter<T> { TypedValue = value });
        return command;
    }

    public static NpgsqlBatchCommand WithNullable<T>(this NpgsqlBatchCommand command, T? value)
        where T : struct
    {
        command.Parameters.Add(new NpgsqlParameter<T?> { TypedValue = value });
        return command;
    }

    /// <summary>Adds JSON in UTF-8.</summary>
    public static NpgsqlBatchCommand WithJson(this NpgsqlBatchCommand command, ReadOnlyMemory<byte> json)
    {
        command.Parameters.Add(new NpgsqlParameter { NpgsqlDbType = NpgsqlDbType.Json, Value = json });
        return command;
    }

    public static NpgsqlBatchCommand WithJson(this NpgsqlBatchCommand command, string?[] json)
    {
        command.Parameters.Add(new NpgsqlParameter { NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Json, Value = json });
        return command;
    }

    /// <summary>Runs a batch of writes behind the fence.</summary>
    /// <param name="database">Where.</param>
    /// <param name="lockStatement"><see cref="Statements.Lock"/> or <see cref="Statements.LockExclusively"/>: goes first.</param>
    /// <param name="member">Who writes.</param>
    /// <param name="build">Adds the writes.</param>
    /// <param name="read">Reads what they answer.</param>
    /// <param name="cancellationToken">Gives up waiting; what was sent may still take effect.</param>
    /// <exception cref="CoordinatorFencedException">The lock came back empty: a newer incarnation has joined, nothing was written.</exception>
    /// <exception cref="NpgsqlException">There was no answer, or one that a fail-over could undo: it may have been written or not.</exception>
    public static async Task<T> WriteAsync<T>(
        PostgresDatabase database,
        string lockStatement,
        Membership member,
        Action<NpgsqlBatch> build,
        Func<NpgsqlDataReader, Task<T>> read,
        CancellationToken cancellationToken)
    {
        NpgsqlConnection connection = await database.OpenAsync(cancellationToken).ConfigureAwait(false);
        await using (connection.ConfigureAwait(false))
        {
            return await WriteAsync(database, connection, lockStatement, member, build, read, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>The same on a connection that is there.</summary>
    /// <inheritdoc cref="WriteAsync{T}(PostgresDatabase, string, Membership, Action{NpgsqlBatch}, Func{NpgsqlDataReader, Task{T}}, CancellationToken)" />
    public static async Task<T> WriteAsync<T>(
        PostgresDatabase database,
        NpgsqlConnection connection,
        string lockStatement,
        Membership member,
        Action<NpgsqlBatch> build,
        Func<NpgsqlDataReader, Task<T>> read,
        CancellationToken cancellationToken)
    {
        using var commit = new CommitWatch(connection);
        var batch = new NpgsqlBatch(connection);
        await using (batch.ConfigureAwait(false))
        {
            batch.Add(lockStatement, member);
            build(batch);
            NpgsqlDataReader reader = await database.ExecuteAsync(batch, cancellationToken).ConfigureAwait(false);
            await using (reader.ConfigureAwait(false))
            {
                if (await reader.ReadAsync(cancellationToken).ConfigureAwait(false))
                {
                    await reader.NextResultAsync(cancellationToken).ConfigureAwait(false);
                    T answer = await read(reader).ConfigureAwait(false);
                    await commit.EnsureAsync(reader, cancellationToken).ConfigureAwait(false); // rows come before the commit
                    return answer;
                }
            }
        }

        throw await RefusedAsync(database, connection, member, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Reads the answer to <see cref="Statements.Present"/>, and goes on to the next result.</summary>
    /// <exception cref="CoordinatorFencedException">A newer incarnation has joined.</exception>
    /// <exception cref="NpgsqlException">The server has not heard of this incarnation: see <see cref="Refused"/>.</exception>
    /// <exception cref="InvalidOperationException">The server is a standby.</exception>
    public static async Task ReadPresentAsync(NpgsqlDataReader reader, Membership member, CancellationToken cancellationToken)
    {
        Incarnation present = default;
        if (await reader.ReadAsync(cancellationToken).ConfigureAwait(false))
        {
            present = new Incarnation(reader.GetInt64(0));
            RefuseStandby(reader.GetBoolean(1));
        }

        if (present != member.Incarnation)
        {
            throw Refused(member, present);
        }

        await reader.NextResultAsync(cancellationToken).ConfigureAwait(false);
    }

    public static void RefuseStandby(bool inRecovery)
    {
        if (inRecovery)
        {
            throw new InvalidOperationException(
                "This Postgres server is in recovery (a standby). A lagging standby would make running sagas look finished: connect to the "
                + "primary, for instance with several hosts and 'Target Session Attributes=read-write'.");
        }
    }

    /// <summary>Finds out who fenced us; what the refused write could not tell.</summary>
    private static async Task<Exception> RefusedAsync(
        PostgresDatabase database, NpgsqlConnection connection, Membership member, CancellationToken cancellationToken)
    {
        var command = new NpgsqlCommand(database.Statements.Present, connection);
        await using (command.ConfigureAwait(false))
        {
            command.Parameters.Add(new NpgsqlParameter<Guid> { TypedValue = member.Coordinator.Value });
            object? present = await command.ExecuteScalarAsync(cancellationToken).ConfigureAwait(false);
            return Refused(member, new Incarnation(present is long incarnation ? incarnation : 0));
        }
    }

    /// <summary>
    /// What it means that a server names another incarnation. A newer one has taken over. An older one tells that the server is behind: a
    /// primary that was frozen, has been replaced, and does not know it yet. That passes, so it must not end this process.
    /// </summary>
    private static Exception Refused(Membership member, Incarnation present) => present.Value > member.Incarnation.Value
        ? new CoordinatorFencedException(member, present)
        : new NpgsqlException(
            $"This Postgres server knows incarnation {present} of coordinator {member.Coordinator}, and this process is {member.Incarnation}: it is a "
            + "primary that has been replaced and will soon notice, or has lost commits. Nothing was written. If it stays so, start this process again.");
}
