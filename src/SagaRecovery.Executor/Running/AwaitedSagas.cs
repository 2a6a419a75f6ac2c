namespace SagaRecovery.Executor.Running;

/// <summary>
/// The waits of steps for other sagas. A run lends its slot while a step of it waits, since the awaited saga may need one. Thread-safe.
/// </summary>
/// <param name="runs">The runs of this process.</param>
/// <param name="schedule">Starts a run that has a slot.</param>
/// <param name="time">The clock.</param>
internal sealed class AwaitedSagas(RunTable runs, Action<SagaRun> schedule, TimeProvider time)
{
    /// <summary>Returns the handle for the caller: in a step, one whose completion lends the slot of the step's run.</summary>
    public SagaHandle ForCaller(SagaHandle handle) => CurrentStep.OfCaller is { } step
        ? new SagaHandle(handle.SagaId, () => AwaitInStepAsync(step, handle.Completion)) { IsNew = handle.IsNew }
        : handle;

    /// <summary>Waits for a saga in a step of another one.</summary>
    /// <exception cref="OperationCanceledException">This process stops both sagas.</exception>
    private async Task<SagaResult> AwaitInStepAsync(CurrentStep step, Task<SagaResult> completion)
    {
        if (!completion.IsCompleted)
        {
            if (runs.LendSlot(step.Run) is { } next)
            {
                schedule(next);
            }

            await Task.WhenAny(completion.WaitAsync(step.CancellationToken), step.Ended).ConfigureAwait(false);
            runs.ReturnSlot(step.Run);
        }

        SagaResult result = await (step.HasEnded ? completion : completion.WaitAsync(step.CancellationToken)).ConfigureAwait(false);
        if (result is SagaResult.Interrupted && runs.Closed is not null && !step.HasEnded)
        {
            await Task.Delay(Timeout.InfiniteTimeSpan, time, step.CancellationToken).ConfigureAwait(false); // it is cancelled, too, in a moment
        }

        return result;
    }
}
