using SagaRecovery.Fencing;
using SagaRecovery.Storage;

namespace SagaRecovery.Testing.Contracts;

/// <summary>
/// Writes to one saga, or creates sagas, until a write is refused. A writer that is never refused stops a few writes after the owner has
/// changed.
/// </summary>
internal sealed class RacingWriter(StoreTrial trial, Membership member, SagaId? saga, int firstNode = 0)
{
    private const int MaxWritesAfterChange = 5;
    private const int MaxWritesBeforeChange = 200; // then it waits for the change: it would flood a store that completes synchronously

    private readonly TaskCompletionSource _firstWrite = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _ownerChanged = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>True if each write restores the log from node 0 with one more event, instead of appending that event.</summary>
    public bool Restores { get; init; }

    /// <summary>True if the writer's own process rejoins, so that writes are refused as lost and not as fenced.</summary>
    public bool ExpectsLostJoin { get; init; }

    /// <summary>The writes that the store accepted. Read it only after <see cref="Completion"/>.</summary>
    public List<string> Accepted { get; } = [];

    /// <summary>The writes that the store refused. Read it only after <see cref="Completion"/>.</summary>
    public List<string> Refused { get; } = [];

    /// <summary>A task that completes with the result of the first write.</summary>
    public Task FirstWrite => _firstWrite.Task;

    public Task Completion { get; private set; } = Task.CompletedTask;

    public static string Created(SagaId saga) => $"saga {saga}";

    public static string Wrote(SagaId saga, int node) => $"event {node} of saga {saga}";

    public void Start() => Completion = Task.Run(async () =>
    {
        try
        {
            await RunAsync().ConfigureAwait(false);
        }
        finally
        {
            _firstWrite.TrySetResult(); // otherwise the race would wait for a writer that failed
        }
    });

    public void NotifyOwnerChanged() => _ownerChanged.TrySetResult();

    private async Task RunAsync()
    {
        int writesAfterChange = 0;
        for (int node = firstNode; Refused.Count == 0 && writesAfterChange < MaxWritesAfterChange; node++)
        {
            if (Accepted.Count >= MaxWritesBeforeChange)
            {
                await _ownerChanged.Task.ConfigureAwait(false);
            }

            writesAfterChange += _ownerChanged.Task.IsCompleted ? 1 : 0;
            (string what, bool accepted) = saga is { } id ? await WriteAsync(id, node).ConfigureAwait(false) : await CreateAsync().ConfigureAwait(false);
            (accepted ? Accepted : Refused).Add(what);
            _firstWrite.TrySetResult();
        }
    }

    private async Task<(string What, bool Accepted)> WriteAsync(SagaId id, int node) => (Wrote(id, node), await IsAcceptedAsync(async () =>
    {
        if (!Restores)
        {
            return await trial.AppendAsync(member, StoreTrial.Started(id, node)).ConfigureAwait(false);
        }

        SavedNodeEvent[] known = [.. Enumerable.Range(0, node + 1).Select(one => StoreTrial.Event(one, NodeEventType.Started))];
        return await trial.RestoreAsync(member, StoreTrial.Entry(id, SagaState.Running, known)).ConfigureAwait(false) == RestoreOutcome.Restored;
    }).ConfigureAwait(false));

    private async Task<(string What, bool Accepted)> CreateAsync()
    {
        NewSaga next = StoreTrial.NewSaga();
        return (Created(next.Id), await IsAcceptedAsync(() => trial.Log.CreateAsync(member, next, CancellationToken.None)).ConfigureAwait(false));
    }

    private async Task<bool> IsAcceptedAsync(Func<Task<bool>> write)
    {
        try
        {
            return await write().ConfigureAwait(false);
        }
        catch (CoordinatorFencedException) when (!ExpectsLostJoin)
        {
            return false;
        }
        catch (JoinLostException) when (ExpectsLostJoin)
        {
            return false;
        }
    }
}
