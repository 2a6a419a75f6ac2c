using Npgsql;
using SagaRecovery.Fencing;
using SagaRecovery.Storage;

namespace SagaRecovery.Postgres;

/// <summary>
/// The long-lived connection of a process. It sends heartbeats, independent of the load on the pool, and receives notifications. Each
/// heartbeat also checks the connection, so hints are missed for no longer than one period.
/// </summary>
internal sealed class PostgresListenerConnection(
    PostgresDatabase database, TimeProvider time, Membership member, Action<CoordinatorNotification> onNotification)
{
    /// <summary>The shortest wait. Npgsql counts whole milliseconds, and takes 0 for an infinite wait.</summary>
    private static readonly TimeSpan MinWait = TimeSpan.FromMilliseconds(1);

    private ClusterStatements Sql => database.Cluster;

    public async Task RunAsync(CoordinatorProfile profile, TimeSpan period, CancellationToken cancellationToken)
    {
        NpgsqlConnection connection = await database.OpenDirectAsync(cancellationToken).ConfigureAwait(false);
        await using (connection.ConfigureAwait(false))
        {
            connection.Notification += OnNotification;
            try
            {
                await ListenAsync(connection, cancellationToken).ConfigureAwait(false);
                await PublishProfileAsync(connection, profile, cancellationToken).ConfigureAwait(false);
                onNotification(new CoordinatorNotification.Listening(await ReadAssignedAsync(connection, cancellationToken).ConfigureAwait(false)));
                while (true)
                {
                    await SendHeartbeatAsync(connection, cancellationToken).ConfigureAwait(false);
                    await WaitAsync(connection, period, cancellationToken).ConfigureAwait(false);
                }
            }
            finally
            {
                connection.Notification -= OnNotification;
            }
        }
    }

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

    private async Task ListenAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        var listen = new NpgsqlCommand(Sql.Listen, connection);
        await using (listen.ConfigureAwait(false))
        {
            await listen.ExecuteNonQueryAsync(cancellationToken).ConfigureAwait(false);
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

    private async Task SendHeartbeatAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
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
