using System.Collections.Concurrent;
using ControlPlane.Database;
using Dapper;
using SagaRecovery;

namespace ControlPlane.DemoSagas;

/// <summary>
/// Which demo sagas have been released. It stands in the database, so that a saga which was released just before a crash does not wait
/// for ever after it; waiters in this process are told at once, those in others by <see cref="DemoReleaseWatch"/>.
/// </summary>
internal sealed class DemoReleases(ControlPlaneDatabase database)
{
    private readonly ConcurrentDictionary<SagaId, TaskCompletionSource> _waiting = new();

    /// <summary>Says that there will be such a saga. Before it is started: it may be released as soon as its id is known.</summary>
    public Task AnnounceAsync(SagaId sagaId, CancellationToken cancellationToken) =>
        ExecuteAsync("insert into control_plane.demo_saga (saga_id) values (@id) on conflict do nothing", sagaId, cancellationToken);

    /// <summary>Lets a saga go on, whether it waits already or not; again is harmless.</summary>
    /// <returns>Whether there is such a saga.</returns>
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

    /// <summary>Completes once the saga is released.</summary>
    public async Task WaitAsync(SagaId sagaId, CancellationToken cancellationToken)
    {
        // Registered before the database is asked: a release in between reaches the waiter, an earlier one stands in the database.
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

    /// <summary>Tells waiters in this process of releases that others have taken.</summary>
    public async Task TellReleasedAsync(CancellationToken cancellationToken)
    {
        const string Ask = "select saga_id from control_plane.demo_saga where saga_id = any (@ids) and time_released is not null";
        Guid[] ids = [.. _waiting.Keys.Select(sagaId => sagaId.Value)];
        if (ids.Length == 0)
        {
            return;
        }

        IEnumerable<Guid> released = await database.ReadAsync(
            connection => connection.QueryAsync<Guid>(new CommandDefinition(Ask, new { ids }, cancellationToken: cancellationToken)), cancellationToken);
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
        const string Ask = "select exists (select from control_plane.demo_saga where saga_id = @id and time_released is not null)";
        return database.UntilAnsweredAsync(
            connection => connection.ExecuteScalarAsync<bool>(new CommandDefinition(Ask, new { id = sagaId.Value }, cancellationToken: cancellationToken)),
            cancellationToken);
    }

    private Task<int> ExecuteAsync(string sql, SagaId sagaId, CancellationToken cancellationToken) => database.ReadAsync(
        connection => connection.ExecuteAsync(new CommandDefinition(sql, new { id = sagaId.Value }, cancellationToken: cancellationToken)),
        cancellationToken);
}
