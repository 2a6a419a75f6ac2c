using SagaRecovery.Fencing;
using SagaRecovery.Storage;

namespace SagaRecovery.Testing.Contracts;

/// <summary>
/// Writes about one saga, or creates saga after saga, until it is refused; and a little longer, if it never is, once it should be.
/// </summary>
internal sealed class RacingWriter(StoreTrial trial, Membership member, SagaId? saga, int firstNode = 0)
{
    private const int WritesTooMany = 5;
    private const int WritesAhead = 200; // then it waits for the change: a store that answers at once would be flooded

    private readonly TaskCompletionSource _hasWritten = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _ownerHasChanged = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Each write restores the log, from node 0 on, with one more event, instead of appending the event.</summary>
    public bool Restores { get; init; }

    /// <summary>The process of this writer joins again: its writes are refused as lost, not as fenced.</summary>
    public bool LosesToItself { get; init; }

    /// <summary>What was answered as taken; to be read when it has ended, like <see cref="Refused"/>.</summary>
    public List<string> Taken { get; } = [];

    public List<string> Refused { get; } = [];

    /// <summary>Completes with the first answer.</summary>
    public Task HasWritten => _hasWritten.Task;

    public Task Ended { get; private set; } = Task.CompletedTask;

    public static string Created(SagaId saga) => $"saga {saga}";

    public static string Wrote(SagaId saga, int node) => $"event {node} of saga {saga}";

    public void Begin() => Ended = Task.Run(async () =>
    {
        try
        {
            await RunAsync().ConfigureAwait(false);
        }
        finally
        {
            _hasWritten.TrySetResult(); // or the race would wait for one that failed
        }
    });

    public void OwnerHasChanged() => _ownerHasChanged.TrySetResult();

    private async Task RunAsync()
    {
        int tooMany = 0;
        for (int node = firstNode; Refused.Count == 0 && tooMany < WritesTooMany; node++)
        {
            if (Taken.Count >= WritesAhead)
            {
                await _ownerHasChanged.Task.ConfigureAwait(false);
            }

            tooMany += _ownerHasChanged.Task.IsCompleted ? 1 : 0;
            (string what, bool taken) = saga is { } id ? await WriteAsync(id, node).ConfigureAwait(false) : await CreateAsync().ConfigureAwait(false);
            (taken ? Taken : Refused).Add(what);
            _hasWritten.TrySetResult();
        }
    }

    private async Task<(string What, bool Taken)> WriteAsync(SagaId id, int node) => (Wrote(id, node), await IsTakenAsync(async () =>
    {
        if (!Restores)
        {
            return await trial.AppendAsync(member, StoreTrial.Started(id, node)).ConfigureAwait(false);
        }

        SavedNodeEvent[] known = [.. Enumerable.Range(0, node + 1).Select(one => StoreTrial.Event(one, NodeEventType.Started))];
        return await trial.RestoreAsync(member, StoreTrial.Entry(id, SagaState.Running, known)).ConfigureAwait(false) == RestoreOutcome.Restored;
    }).ConfigureAwait(false));

    private async Task<(string What, bool Taken)> CreateAsync()
    {
        NewSaga next = StoreTrial.NewSaga();
        return (Created(next.Id), await IsTakenAsync(() => trial.Log.CreateAsync(member, next, CancellationToken.None)).ConfigureAwait(false));
    }

    private async Task<bool> IsTakenAsync(Func<Task<bool>> write)
    {
        try
        {
            return await write().ConfigureAwait(false);
        }
        catch (CoordinatorFencedException) when (!LosesToItself)
        {
            return false;
        }
        catch (JoinLostException) when (LosesToItself)
        {
            return false;
        }
    }
}
