using System.Collections.Concurrent;
using ControlPlane.Database;
using Dapper;
using SagaRecovery;

namespace ControlPlane.DemoSagas;

/// <summary>
/// The record of released demo sagas.
/// </summary>
/// <remarks>
/// Releases are stored in the database, so that a saga that was released just before a crash does not wait indefinitely after it. Waiters
/// in this process are notified immediately, those in other processes by <see cref="DemoReleasePoller"/>.
/// </remarks>
internal sealed class DemoReleases(ControlPlaneDatabase database)
{
    private readonly ConcurrentDictionary<SagaId, TaskCompletionSource> _waiting = new();

    /// <summary>Registers a saga. Must precede its start: clients can release it as soon as they know its id.</summary>
    public Task RegisterAsync(SagaId sagaId, CancellationToken cancellationToken) =>
        ExecuteAsync("insert into control_plane.demo_saga (saga_id) values (@id) on conflict do nothing", sagaId, cancellationToken);

    /// <summary>Releases a saga, whether it already waits or not. Safe to repeat.</summary>
    /// <returns>True if the saga exists.</returns>
    public async Task<bool> ReleaseAsync(SagaId sagaId, CancellationToken cancellationToken)
    {
        const string Release = "update control_plane.demo_saga set time_released = coalesce(time_released, now()) where saga_id = @id";
        if (await ExecuteAsync(Release, sagaId, cancellationToken) == 0)
        {
            return false;
        }

        if (_waiting.TryGetValue(sagaId, out TaskCompletionSource? waiter))
        {
            waiter.TrySetResult();
        }

        return true;
    }

    /// <summary>Waits until the saga is released.</summary>
    public async Task WaitAsync(SagaId sagaId, CancellationToken cancellationToken)
    {
        // The waiter is registered before the query: a release in between then completes the waiter, and an earlier one is in the database.
        TaskCompletionSource waiter = _waiting.GetOrAdd(sagaId, _ => new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        try
        {
            if (!await IsReleasedAsync(sagaId, cancellationToken))
            {
                await waiter.Task.WaitAsync(cancellationToken);
            }
        }
        finally
        {
            _waiting.TryRemove(sagaId, out _);
        }
    }

    /// <summary>Completes the waiters of this process whose sagas were released at other processes.</summary>
    public async Task NotifyReleasedAsync(CancellationToken cancellationToken)
    {
        const string Query = "select saga_id from control_plane.demo_saga where saga_id = any (@ids) and time_released is not null";
        Guid[] ids = [.. _waiting.Keys.Select(sagaId => sagaId.Value)];
        if (ids.Length == 0)
        {
            return;
        }

        IEnumerable<Guid> released = await database.RunAsync(
            connection => connection.QueryAsync<Guid>(new CommandDefinition(Query, new { ids }, cancellationToken: cancellationToken)), cancellationToken);
        foreach (Guid id in released)
        {
            if (_waiting.TryGetValue(new SagaId(id), out TaskCompletionSource? waiter))
            {
                waiter.TrySetResult();
            }
        }
    }

    private Task<bool> IsReleasedAsync(SagaId sagaId, CancellationToken cancellationToken)
    {
        const string Query = "select exists (select from control_plane.demo_saga where saga_id = @id and time_released is not null)";
        return database.RunAsync(
            connection => connection.ExecuteScalarAsync<bool>(new CommandDefinition(Query, new { id = sagaId.Value }, cancellationToken: cancellationToken)),
            cancellationToken);
    }

    private Task<int> ExecuteAsync(string sql, SagaId sagaId, CancellationToken cancellationToken) => database.RunAsync(
        connection => connection.ExecuteAsync(new CommandDefinition(sql, new { id = sagaId.Value }, cancellationToken: cancellationToken)),
        cancellationToken);
}
