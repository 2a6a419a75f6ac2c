using Npgsql;
using NpgsqlTypes;
using SagaRecovery.Fencing;

namespace SagaRecovery.Postgres;

/// <summary>
/// Runs batches that first check whether this process is still the coordinator. A batch contains its own commit, so a client that pauses in
/// between does not keep the coordinator locked.
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

    /// <summary>Adds a parameter with JSON in UTF-8, or with null if it is empty.</summary>
    public static NpgsqlBatchCommand WithJson(this NpgsqlBatchCommand command, ReadOnlyMemory<byte> json)
    {
        command.Parameters.Add(new NpgsqlParameter { NpgsqlDbType = NpgsqlDbType.Json, Value = json.IsEmpty ? DBNull.Value : json });
        return command;
    }

    /// <summary>Adds a parameter with an array of JSON texts in UTF-8, or null for those that are missing.</summary>
    public static NpgsqlBatchCommand WithJson(this NpgsqlBatchCommand command, ReadOnlyMemory<byte>?[] json)
    {
        command.Parameters.Add(new NpgsqlParameter { NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Json, Value = json });
        return command;
    }

    /// <summary>Returns JSON in UTF-8 for an array of a parameter: null if it is empty.</summary>
    public static ReadOnlyMemory<byte>? JsonOrNull(ReadOnlyMemory<byte> json) => json.IsEmpty ? default(ReadOnlyMemory<byte>?) : json; // a mere null would be an empty memory

    /// <summary>Runs a batch of writes behind the fence.</summary>
    /// <param name="database">The database.</param>
    /// <param name="lockStatement"><see cref="Statements.Lock"/> or <see cref="Statements.LockExclusively"/>: it runs first.</param>
    /// <param name="member">The membership of the writer.</param>
    /// <param name="build">Adds the writes. Each must repeat the condition <see cref="Statements.IsMember"/>.</param>
    /// <param name="read">Reads the results.</param>
    /// <param name="cancellationToken">Cancels the wait. Statements that were sent may still take effect.</param>
    /// <param name="checksJoin">
    /// True if a statement of its own checks whether this process's join is current. False if the results of the writes show it, which saves
    /// a statement.
    /// </param>
    /// <param name="mayRepeat">True if repeating a write that may have taken effect is harmless. The write is then retried after a dead connection.</param>
    /// <exception cref="CoordinatorFencedException">A newer process has joined, and nothing was written.</exception>
    /// <exception cref="JoinLostException">The database has lost this join, and nothing was written.</exception>
    /// <exception cref="NpgsqlException">No answer arrived, or a fail-over may undo the commit. The write may or may not have taken effect.</exception>
    public static async Task<T> WriteAsync<T>(
        PostgresDatabase database,
        string lockStatement,
        Membership member,
        Action<NpgsqlBatch> build,
        Func<NpgsqlDataReader, Task<T>> read,
        CancellationToken cancellationToken,
        bool checksJoin = true,
        bool mayRepeat = true)
    {
        return mayRepeat
            ? await ConnectionRetry.RunAsync(database.Pool, WriteAsync, cancellationToken).ConfigureAwait(false)
            : await ConnectionRetry.RunOnceAsync(database.Pool, WriteAsync, cancellationToken).ConfigureAwait(false);

        Task<T> WriteAsync(NpgsqlConnection connection) => PostgresFence.WriteAsync(
            database,
            connection,
            batch =>
            {
                batch.Add(lockStatement).With(member.Coordinator.Value);
                if (checksJoin)
                {
                    batch.Add(database.Statements.CurrentJoin).With(member.Coordinator.Value);
                }

                build(batch);
            },
            async reader =>
            {
                await reader.NextResultAsync(cancellationToken).ConfigureAwait(false); // skip the result of the lock
                if (checksJoin)
                {
                    await ReadCurrentJoinAsync(database, reader, member, cancellationToken).ConfigureAwait(false);
                }

                return await read(reader).ConfigureAwait(false);
            },
            cancellationToken);
    }

    /// <summary>
    /// Runs writes without the lock. They need no order with the writes about sagas and must not wait for them. Each statement itself must
    /// ensure that only the current process writes.
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
            batch.Add(database.Statements.CurrentJoin).With(member.Coordinator.Value);
            build(batch);
        },
        async reader =>
        {
            await ReadCurrentJoinAsync(database, reader, member, cancellationToken).ConfigureAwait(false);
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

    /// <summary>Reads the result of <see cref="Statements.CurrentJoin"/>, ensures that it is the join of the member, and moves to the next result.</summary>
    /// <inheritdoc cref="EnsureMember" path="/exception" />
    public static async Task ReadCurrentJoinAsync(
        PostgresDatabase database, NpgsqlDataReader reader, Membership member, CancellationToken cancellationToken)
    {
        JoinRow? current = await JoinRow.ReadAsync(reader, JoinRow.Of, cancellationToken).ConfigureAwait(false);
        EnsureMember(database, member, current);
        await reader.NextResultAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Throws unless a statement ran where this process's join is current.</summary>
    /// <param name="database">The database.</param>
    /// <param name="member">The membership of the caller.</param>
    /// <param name="current">The join that the statement found, or null if it found none.</param>
    /// <exception cref="CoordinatorFencedException">A newer process has joined.</exception>
    /// <exception cref="JoinLostException">The database has lost this join, and no newer one exists.</exception>
    /// <exception cref="InvalidOperationException">The server is a standby, or the transaction is read-only.</exception>
    public static void EnsureMember(PostgresDatabase database, Membership member, JoinRow? current)
    {
        if (current is not { } row)
        {
            throw new JoinLostException(member);
        }

        if (!row.IsJoinOf(member))
        {
            RefuseStandby(row.Place == JoinRow.Standby);
            if (row.Place == JoinRow.ReadOnly)
            {
                throw ReadOnly();
            }

            throw database.Lineage.Contains(member.Token, row.Token.Value)
                ? new JoinLostException(member)
                : new CoordinatorFencedException(member, row.Incarnation);
        }
    }

    /// <summary>Creates the exception for a database that accepts no writes, with advice on what to change.</summary>
    public static ReadOnlyDatabaseException ReadOnly(PostgresException? refused = null) => new(
        "The database accepts only read-only transactions from this service, so no saga can be recovered. Either 'default_transaction_read_only' is on "
        + "for the server, the database, the role or the connection: turn it off for the role of this service. Or the server is a standby: "
        + "connect to the primary.",
        refused);

    public static void RefuseStandby(bool inRecovery)
    {
        if (inRecovery)
        {
            throw new InvalidOperationException(
                "This Postgres server is in recovery (a standby). On a lagging standby, running sagas would look finished. Connect to the "
                + "primary, for instance with several hosts and 'Target Session Attributes=read-write'. A pooler with load balancing must "
                + "send the queries of SagaRecovery to the primary.");
        }
    }
}

/// <summary>The database accepts no writes in this session.</summary>
internal sealed class ReadOnlyDatabaseException(string message, Exception? refused) : InvalidOperationException(message, refused);
