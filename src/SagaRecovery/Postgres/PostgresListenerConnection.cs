using Npgsql;
using SagaRecovery.Fencing;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Postgres;

/// <summary>
/// The long-lived connection of a process. It sends heartbeats, independent of the load on the pool, and receives notifications. Each
/// heartbeat also checks the connection, so hints are missed for no longer than one period. While the connection cannot be opened, heartbeats use
/// the pool, and each of them asks whether sagas were assigned: no notification arrives then.
/// </summary>
internal sealed class PostgresListenerConnection(
    PostgresDatabase database, TimeProvider time, Membership member, Action<CoordinatorNotification> onNotification)
{
    /// <summary>The shortest wait. Npgsql counts whole milliseconds, and takes 0 for an infinite wait.</summary>
    private static readonly TimeSpan MinWait = TimeSpan.FromMilliseconds(1);

    /// <summary>The longest time for one heartbeat, at short periods. A server that no packet reaches is found only by the absence of its answer.</summary>
    private static readonly TimeSpan MinTimeout = TimeSpan.FromSeconds(10);

    private ClusterStatements Sql => database.Cluster;

    public async Task RunAsync(CoordinatorProfile profile, TimeSpan period, CancellationToken cancellationToken)
    {
        NpgsqlConnection connection = await OpenAsync(profile, period, cancellationToken).ConfigureAwait(false);
        await using (connection.ConfigureAwait(false))
        {
            connection.Notification += OnNotification;
            try
            {
                await ExecuteAsync(connection, Sql.Listen, cancellationToken).ConfigureAwait(false);
                await PublishProfileAsync(connection, profile, cancellationToken).ConfigureAwait(false);
                onNotification(new CoordinatorNotification.Listening(await ReadAssignedAsync(connection, cancellationToken).ConfigureAwait(false)));
                while (true)
                {
                    await SendHeartbeatInTimeAsync(connection, period, cancellationToken).ConfigureAwait(false);
                    await WaitAsync(connection, period, cancellationToken).ConfigureAwait(false);
                }
            }
            catch (Exception exception) when (exception is CoordinatorFencedException or JoinLostException)
            {
                await StopListeningAsync(connection, cancellationToken).ConfigureAwait(false);
                throw;
            }
            finally
            {
                connection.Notification -= OnNotification;
            }
        }
    }

    /// <summary>Opens the connection. Until it is open, sends the heartbeats over the pool.</summary>
    private async Task<NpgsqlConnection> OpenAsync(CoordinatorProfile profile, TimeSpan period, CancellationToken cancellationToken)
    {
        using var abandoned = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Task<NpgsqlConnection> opening = database.OpenDirectAsync(abandoned.Token).AsTask();
        try
        {
            for (long? assigned = null; !await IsOpenWithinAsync(opening, period, cancellationToken).ConfigureAwait(false);)
            {
                string error = opening.Exception?.InnerException is { } failure ? failure.Message : $"it could not be opened within {PlainText.Duration(period)}";
                assigned = await SendHeartbeatOverPoolAsync(profile, assigned, error, cancellationToken).ConfigureAwait(false);
                if (opening.IsCompleted)
                {
                    await Task.Delay(period, time, cancellationToken).ConfigureAwait(false);
                    opening = database.OpenDirectAsync(abandoned.Token).AsTask();
                }
            }

            return await opening.ConfigureAwait(false);
        }
        catch
        {
            await abandoned.CancelAsync().ConfigureAwait(false);
            _ = CloseOnceOpenAsync(opening); // not awaited: a server that is silent keeps the attempt for the time-out of the driver
            throw;
        }
    }

    private static async Task CloseOnceOpenAsync(Task<NpgsqlConnection> opening)
    {
        await ((Task)opening).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (opening.IsCompletedSuccessfully)
        {
            await (await opening.ConfigureAwait(false)).DisposeAsync().ConfigureAwait(false);
        }
    }

    private async Task<bool> IsOpenWithinAsync(Task opening, TimeSpan period, CancellationToken cancellationToken)
    {
        await opening.WaitAsync(period, time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        cancellationToken.ThrowIfCancellationRequested();
        return opening.IsCompletedSuccessfully;
    }

    /// <summary>Sends a heartbeat over the pool, and looks for what a notification would have reported.</summary>
    /// <param name="profile">The profile, which is published before the first heartbeat.</param>
    /// <param name="known">The number of the last assignment that is known; null before the first heartbeat.</param>
    /// <param name="error">The reason for which the connection is not open.</param>
    /// <param name="cancellationToken">Cancels the heartbeat.</param>
    /// <returns>The number of the last assignment.</returns>
    private Task<long> SendHeartbeatOverPoolAsync(CoordinatorProfile profile, long? known, string error, CancellationToken cancellationToken) =>
        ConnectionRetry.RunAsync(
            database.Pool,
            async connection =>
            {
                if (known is null)
                {
                    await PublishProfileAsync(connection, profile, cancellationToken).ConfigureAwait(false);
                }

                long assigned = await ReadAssignedAsync(connection, cancellationToken).ConfigureAwait(false);
                if (known is null)
                {
                    onNotification(new CoordinatorNotification.Listening(assigned));
                }
                else if (assigned > known)
                {
                    onNotification(CoordinatorNotification.Hint.Instance);
                }

                await SendHeartbeatAsync(connection, error, cancellationToken).ConfigureAwait(false);
                return assigned;
            },
            cancellationToken);

    private void OnNotification(object sender, NpgsqlNotificationEventArgs notification)
    {
        string[] words = notification.Payload.Split(' ');
        bool isForUs = Guid.TryParse(words[0], out Guid id) && id == member.Coordinator.Value;
        bool isByUs = words is [_, var by] && by == database.Instance;
        if (isForUs && !isByUs)
        {
            onNotification(CoordinatorNotification.Hint.Instance);
        }
    }

    /// <summary>Prepares a connection for its pool, which does not reset it.</summary>
    private static async Task StopListeningAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        try
        {
            await ExecuteAsync(connection, "unlisten *", cancellationToken).ConfigureAwait(false);
        }
        catch (NpgsqlException)
        {
            // broken, so it does not return to the pool
        }
    }

    private static async Task ExecuteAsync(NpgsqlConnection connection, string statement, CancellationToken cancellationToken)
    {
        var command = new NpgsqlCommand(statement, connection);
        await using (command.ConfigureAwait(false))
        {
            await command.ExecuteNonQueryAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    private Task<bool> PublishProfileAsync(NpgsqlConnection connection, CoordinatorProfile profile, CancellationToken cancellationToken)
    {
        IReadOnlyCollection<RunnableDefinition> definitions = profile.Definitions ?? [];
        byte[][] hashes = [.. definitions.Select(definition => definition.Hash.ToBytes())];
        return PostgresFence.WriteUnlockedAsync(
            database,
            connection,
            member,
            batch =>
            {
                batch.Add(Sql.PublishProfile, member).With(profile.Version ?? "").With(profile.Definitions is not null);
                batch.Add(Sql.DeleteDefinitions, member).With(hashes);
                batch.Add(Sql.AddDefinitions, member)
                    .With(hashes)
                    .With(definitions.Select(definition => definition.Name).ToArray())
                    .With(definitions.Select(definition => definition.Version).ToArray())
                    .With(definitions.Select(definition => definition.AnyDag).ToArray());
            },
            _ => Task.FromResult(true),
            cancellationToken);
    }

    private async Task<long> ReadAssignedAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        var read = new NpgsqlCommand(database.Controls.ReadAssignments, connection);
        await using (read.ConfigureAwait(false))
        {
            read.Parameters.Add(new NpgsqlParameter<Guid> { TypedValue = member.Coordinator.Value });
            return await read.ExecuteScalarAsync(cancellationToken).ConfigureAwait(false) is long assigned ? assigned : 0;
        }
    }

    /// <summary>Sends a heartbeat on the listener connection, and takes the connection for dead if the answer takes too long.</summary>
    private async Task SendHeartbeatInTimeAsync(NpgsqlConnection connection, TimeSpan period, CancellationToken cancellationToken)
    {
        TimeSpan limit = 2 * period > MinTimeout ? 2 * period : MinTimeout;
        using var timedOut = new CancellationTokenSource(limit, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, timedOut.Token);
        try
        {
            await SendHeartbeatAsync(connection, listenerError: null, either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException exception) when (timedOut.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            throw new TimeoutException($"The database has not answered a heartbeat within {PlainText.Duration(limit)}.", exception);
        }
    }

    private async Task SendHeartbeatAsync(NpgsqlConnection connection, string? listenerError, CancellationToken cancellationToken)
    {
        bool takenOver = await PostgresFence.WriteUnlockedAsync(
            database,
            connection,
            member,
            batch =>
            {
                batch.Add(Sql.LockForHeartbeat).With(member.Coordinator.Value);
                batch.Add(Sql.Heartbeat, member);
            },
            async reader => await reader.NextResultAsync(cancellationToken).ConfigureAwait(false)
                && await reader.ReadAsync(cancellationToken).ConfigureAwait(false) && reader.GetBoolean(0),
            cancellationToken).ConfigureAwait(false);
        onNotification(new CoordinatorNotification.HeartbeatWritten(listenerError));
        if (takenOver)
        {
            onNotification(CoordinatorNotification.Hint.Instance); // happened while this process was silent: a pass finds out which sagas it lost
        }
    }

    /// <summary>Waits until the next heartbeat is due, and handles the notifications that arrive meanwhile.</summary>
    private async Task WaitAsync(NpgsqlConnection connection, TimeSpan period, CancellationToken cancellationToken)
    {
        long startedAt = time.GetTimestamp();
        for (TimeSpan remaining = period; remaining >= MinWait; remaining = period - time.GetElapsedTime(startedAt))
        {
            await connection.WaitAsync(remaining, cancellationToken).ConfigureAwait(false);
        }
    }
}
