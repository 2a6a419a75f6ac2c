using Microsoft.Extensions.Logging;
using SagaRecovery;
using SagaRecovery.Coordinators;
using SagaRecovery.Fencing;
using SagaRecovery.Storage;

/// <summary>The reason why a run ended.</summary>
internal enum RunEnd
{
    /// <summary>The store has the last event of the saga, or has refused a write of this run.</summary>
    Finished,

    /// <summary>Recovery relinquished the saga, a newer run replaced this one, or the process stops.</summary>
    Stopped,

    /// <summary>The run failed, although this process still owns the saga.</summary>
    Interrupted,
}

/// <summary>One run of a saga: its steps in order, each with an event in the log before and after it.</summary>
internal sealed partial class RecipeRun(
    Recipe recipe,
    SagaId sagaId,
    Ownership ownership,
    IReadOnlyList<SavedNodeEvent> events,
    SagaCoordinator coordinator,
    ISagaLog log,
    ILogger logger) : IDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly List<SavedNodeEvent> _events = [.. events]; // all events that this run knows
    private Membership _member = ownership.Member;
    private volatile bool _isEnding;

    public SagaId SagaId { get; } = sagaId;

    public AdoptGeneration Generation { get; } = ownership.Generation;

    /// <summary>True once the last step is done, while its event is being written.</summary>
    public bool IsEnding => _isEnding;

    /// <summary>The task of this run.</summary>
    public Task Over { get; set; } = Task.CompletedTask;

    /// <summary>Stops the run. It must not be disposed yet.</summary>
    public void Stop() => _stop.Cancel();

    public void Dispose() => _stop.Dispose();

    /// <summary>Runs the steps that the log does not show as succeeded. It does not throw.</summary>
    public async Task<RunEnd> RunAsync()
    {
        try
        {
            int first = _events.Count(nodeEvent => nodeEvent.Type == NodeEventType.Succeeded);
            for (int step = first; step < recipe.Steps.Count; step++)
            {
                _stop.Token.ThrowIfCancellationRequested();
                if (!await WriteAsync(step, NodeEventType.Started)) // before the step can have an effect
                {
                    return RunEnd.Finished;
                }

                await recipe.Cook(SagaId, recipe.Steps[step], _stop.Token);
                _isEnding = step == recipe.Steps.Count - 1;
                if (!await WriteAsync(step, NodeEventType.Succeeded))
                {
                    return RunEnd.Finished;
                }
            }

            LogSucceeded(logger, SagaId);
            return RunEnd.Finished;
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            return RunEnd.Stopped;
        }
        catch (CoordinatorFencedException fenced)
        {
            coordinator.ReportFenced(fenced);
            return RunEnd.Stopped;
        }
        catch (Exception fault) // the step failed, or the database did not answer: a later pass resumes the saga from its log
        {
            LogInterrupted(logger, fault, SagaId);
            return RunEnd.Interrupted;
        }
    }

    /// <returns>False if this run no longer owns the saga. It must then stop, and must not write again.</returns>
    private async Task<bool> WriteAsync(int step, NodeEventType type)
    {
        var nodeEvent = new SavedNodeEvent(step, type, default);
        _events.Add(nodeEvent);
        SagaState? end = _isEnding ? SagaState.Succeeded : null;
        try
        {
            return (await log.AppendAsync(_member, [new SagaLogEntry(SagaId, Generation, [nodeEvent], end)], CancellationToken.None))[0];
        }
        catch (JoinLostException lost) // the database was failed over or restored, and may have lost what this run wrote
        {
            _member = await coordinator.RejoinAsync(_member, CancellationToken.None);
            var everything = new SagaLogEntry(SagaId, Generation, _events, end ?? SagaState.Running);
            return await log.RestoreAsync(_member, everything, CancellationToken.None) switch
            {
                RestoreOutcome.Restored => true,
                RestoreOutcome.Superseded => throw new InvalidOperationException("The log has events that this run does not know.", lost),
                _ => false,
            };
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "saga {SagaId} has succeeded")]
    private static partial void LogSucceeded(ILogger logger, SagaId sagaId);

    [LoggerMessage(Level = LogLevel.Warning, Message = "saga {SagaId} was interrupted; a later pass resumes it")]
    private static partial void LogInterrupted(ILogger logger, Exception fault, SagaId sagaId);
}
