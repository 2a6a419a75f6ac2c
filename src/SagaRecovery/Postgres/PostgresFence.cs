using Npgsql;
using NpgsqlTypes;
using SagaRecovery.Fencing;

namespace SagaRecovery.Postgres;

/// <summary>
/// Batches that begin by asking whether this process is still the coordinator. A batch without an explicit transaction is run by the
/// server to its commit: a client that is paused in between does not keep the coordinator's row locked.
/// </summary>
internal static class PostgresFence
{
    /// <summary>Adds a statement whose first two parameters are the coordinator and the token of its join.</summary>
    public static NpgsqlBatchCommand Add(this NpgsqlBatch batch, string statement, Membership member) =>
        batch.Add(statement).With(member.Coordinator.Value).With(member.Token.Value);

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
    /// <param name="build">Adds the writes. Each repeats <see cref="Statements.IsMember"/>.</param>
    /// <param name="read">Reads what they answer.</param>
    /// <param name="cancellationToken">Gives up waiting; what was sent may still take effect.</param>
    /// <param name="asksFirst">
    /// Whether the batch asks whether this process's join counts. If not, what is written says so itself: that saves each write a statement.
    /// </param>
    /// <param name="mayRepeat">Whether writing once more what may have been written is harmless: then a connection that had died costs a try.</param>
    /// <exception cref="CoordinatorFencedException">A newer process has joined: nothing was written.</exception>
    /// <exception cref="JoinLostException">The database does not know this join: nothing was written.</exception>
    /// <exception cref="NpgsqlException">There was no answer, or one that a fail-over could undo: it may have been written or not.</exception>
    public static async Task<T> WriteAsync<T>(
        PostgresDatabase database,
        string lockStatement,
        Membership member,
        Action<NpgsqlBatch> build,
        Func<NpgsqlDataReader, Task<T>> read,
        CancellationToken cancellationToken,
        bool asksFirst = true,
        bool mayRepeat = true)
    {
        return mayRepeat
            ? await ConnectionRetry.RunAsync(database.OpenAsync, WriteAsync, cancellationToken).ConfigureAwait(false)
            : await ConnectionRetry.RunOnceAsync(database.OpenAsync, WriteAsync, cancellationToken).ConfigureAwait(false);

        Task<T> WriteAsync(NpgsqlConnection connection) => PostgresFence.WriteAsync(
            database,
            connection,
            batch =>
            {
                batch.Add(lockStatement).With(member.Coordinator.Value);
                if (asksFirst)
                {
                    batch.Add(database.Statements.Present).With(member.Coordinator.Value);
                }

                build(batch);
            },
            async reader =>
            {
                await reader.NextResultAsync(cancellationToken).ConfigureAwait(false); // the lock's
                if (asksFirst)
                {
                    await ReadPresentAsync(database, reader, member, cancellationToken).ConfigureAwait(false);
                }

                return await read(reader).ConfigureAwait(false);
            },
            cancellationToken);
    }

    /// <summary>
    /// Writes without the lock: what needs no order with the writes about sagas, and must not wait for them. The statement itself sees to it
    /// that only the present process writes.
    /// </summary>
    /// <inheritdoc cref="WriteAsync{T}(PostgresDatabase, string, Membership, Action{NpgsqlBatch}, Func{NpgsqlDataReader, Task{T}}, CancellationToken, bool, bool)" />
    public static Task<T> WriteUnlockedAsync<T>(
        PostgresDatabase database,
        NpgsqlConnection connection,
        Membership member,
        Action<NpgsqlBatch> build,
        Func<NpgsqlDataReader, Task<T>> read,
        CancellationToken cancellationToken) => WriteAsync(
        database,
        connection,
        batch =>
        {
            batch.Add(database.Statements.Present).With(member.Coordinator.Value);
            build(batch);
        },
        async reader =>
        {
            await ReadPresentAsync(database, reader, member, cancellationToken).ConfigureAwait(false);
            return await read(reader).ConfigureAwait(false);
        },
        cancellationToken);

    private static Task<T> WriteAsync<T>(
        PostgresDatabase database,
        NpgsqlConnection connection,
        Action<NpgsqlBatch> build,
        Func<NpgsqlDataReader, Task<T>> read,
        CancellationToken cancellationToken) => CommitWatch.RunAsync(
        connection,
        batch =>
        {
            batch.Add(Statements.Begin);
            build(batch);
        },
        batch => database.ExecuteAsync(batch, cancellationToken),
        read,
        cancellationToken);

    /// <summary>Reads the answer to <see cref="Statements.Present"/>, and goes on to the next result.</summary>
    /// <inheritdoc cref="EnsureCounts" path="/exception" />
    public static async Task ReadPresentAsync(
        PostgresDatabase database, NpgsqlDataReader reader, Membership member, CancellationToken cancellationToken)
    {
        JoinRow? present = await JoinRow.ReadAsync(reader, JoinRow.Of, cancellationToken).ConfigureAwait(false);
        EnsureCounts(database, member, present);
        await reader.NextResultAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Returns if a statement was answered where this process's join counts.</summary>
    /// <param name="database">Where it was sent.</param>
    /// <param name="member">Who asked.</param>
    /// <param name="present">The join that it found; null: none.</param>
    /// <exception cref="CoordinatorFencedException">A newer process has joined.</exception>
    /// <exception cref="JoinLostException">The database does not know this join, and none that is newer.</exception>
    /// <exception cref="InvalidOperationException">The server is a standby, or the transaction may not write.</exception>
    public static void EnsureCounts(PostgresDatabase database, Membership member, JoinRow? present)
    {
        if (present is not { } row)
        {
            throw new JoinLostException(member);
        }

        if (!row.Names(member))
        {
            RefuseStandby(row.Place == JoinRow.Standby);
            if (row.Place == JoinRow.ReadOnly)
            {
                throw ReadOnly();
            }

            throw database.Lineage.Knows(member.Token, row.Token.Value)
                ? new JoinLostException(member)
                : new CoordinatorFencedException(member, row.Incarnation);
        }
    }

    /// <summary>Says what to do about a database that can be read and not written.</summary>
    public static InvalidOperationException ReadOnly(PostgresException? refused = null) => new(
        "Transactions are read-only here, so nothing can be recovered. Either 'default_transaction_read_only' is on for the server, the database, the "
        + "role or the connection: turn it off for the role of this service. Or the server is a standby: connect to the primary.",
        refused);

    public static void RefuseStandby(bool inRecovery)
    {
        if (inRecovery)
        {
            throw new InvalidOperationException(
                "This Postgres server is in recovery (a standby). A lagging standby would make running sagas look finished: connect to the "
                + "primary, for instance with several hosts and 'Target Session Attributes=read-write'. A pooler that balances loads must "
                + "send what SagaRecovery reads to the primary.");
        }
    }
}
