namespace SagaRecovery.Testing.Tests.Exploration;

/// <summary>Holds every step of a process's pass; a released step runs on this thread until the next gate, or to the end of the pass.</summary>
internal sealed class InlineGates : StepGates
{
    private TaskCompletionSource? _held;

    /// <summary>The current step of the pass; null: no pass is open.</summary>
    public SimulatedStep? Step { get; private set; }

    public SagaId? SagaId { get; private set; }

    internal override Task PassAsync(SimulatedStep step, SagaId? sagaId, CancellationToken cancellationToken)
    {
        if (step is SimulatedStep.Join or SimulatedStep.Relinquish)
        {
            return Task.CompletedTask;
        }

        (Step, SagaId, _held) = (step, sagaId, new TaskCompletionSource()); // continuations run where it is set: no other thread is involved
        return _held.Task;
    }

    public void Release() => Take().SetResult();

    public void Fail() => Take().SetException(new IOException("the database is away"));

    private TaskCompletionSource Take()
    {
        TaskCompletionSource held = _held!;
        (Step, SagaId, _held) = (null, null, null);
        return held;
    }
}
