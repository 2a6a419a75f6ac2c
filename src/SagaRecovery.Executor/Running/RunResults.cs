using Microsoft.Extensions.Logging;
using SagaRecovery.Executor.Diagnostics;
using SagaRecovery.Executor.Progress;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Executor.Running;

/// <summary>Turns the final state of a run into its result, and logs it.</summary>
internal sealed class RunResults(RunContext context, RunCancellation cancellation, ILogger logger)
{
    private string Name => context.Definition.Saved.Name;

    /// <summary>Creates and logs the result of a run whose saga has ended.</summary>
    public SagaResult Of(SagaState end)
    {
        if (end == SagaState.Succeeded)
        {
            Log.Succeeded(logger, context.Id, Name);
            return new SagaResult.Succeeded(new NodeOutputs(context.Progress.Shape, context.Progress.OutputOf, context.Definition.Json) { HasFailed = context.Progress.IsUncertain });
        }

        (string? failedNode, SagaError failure) = CauseOfUnwinding();
        if (end == SagaState.Unwound)
        {
            return UnwoundBy(failedNode, failure);
        }

        int stuck = context.Progress.StuckNode!.Value;
        (string stuckNode, SagaError undoFailure) = (context.Progress.Shape.NameOf(stuck), SagaErrors.Read(context.Progress.UndoErrorOf(stuck)));
        Log.Stuck(logger, context.Id, Name, stuckNode, undoFailure);
        return new SagaResult.Stuck(stuckNode, undoFailure, failedNode, failure);
    }

    private SagaResult UnwoundBy(string? failedNode, SagaError failure)
    {
        if (failedNode is not null)
        {
            Log.Unwound(logger, context.Id, Name, failedNode);
            return new SagaResult.Unwound(failedNode, failure);
        }

        OperatorNote note = cancellation.Current!.Note;
        Log.Cancelled(logger, context.Id, Name, note.Actor, note.Reason);
        return new SagaResult.Cancelled(note.Actor, note.Reason);
    }

    /// <returns>The failed node and its error; no node if the saga was cancelled.</returns>
    private (string? FailedNode, SagaError Failure) CauseOfUnwinding()
    {
        if (context.Progress.IsCancelled)
        {
            return (null, SagaErrors.OfCancellation(cancellation.Current!.Note));
        }

        int failed = context.Progress.FailedNode!.Value;
        return (context.Progress.Shape.NameOf(failed), SagaErrors.Read(context.Progress.ErrorOf(failed)));
    }
}
