namespace SagaRecovery.Testing;

/// <summary>
/// The gates of a simulated process, where a test can hold its steps. A step without a hold passes immediately. Thread-safe.
/// </summary>
public class StepGates
{
    internal static readonly Task Never = new TaskCompletionSource().Task;

    private readonly Lock _lock = new();
    private readonly List<HeldStep> _holds = [];
    private bool _dead;

    /// <summary>Holds the next step of this kind. Each hold applies to one step.</summary>
    /// <param name="step">The kind of step.</param>
    /// <param name="sagaId">The saga of the step, or null for a step of any saga.</param>
    public HeldStep Hold(SimulatedStep step, SagaId? sagaId = null)
    {
        var held = new HeldStep(step, sagaId);
        lock (_lock)
        {
            _holds.Add(held);
        }

        return held;
    }

    /// <summary>Kills the process. Steps that are held, and all later steps, never pass.</summary>
    public void Kill()
    {
        lock (_lock)
        {
            _dead = true;
        }
    }

    /// <summary>Waits until a step may continue.</summary>
    /// <param name="step">The kind of step.</param>
    /// <param name="sagaId">The saga of the step, or null if it concerns none or several.</param>
    /// <param name="cancellationToken">Cancels the wait.</param>
    /// <returns>A task that completes when the step may continue, and fails if the test called <see cref="HeldStep.Fail"/>.</returns>
    internal virtual Task PassAsync(SimulatedStep step, SagaId? sagaId, CancellationToken cancellationToken)
    {
        HeldStep? held;
        lock (_lock)
        {
            if (_dead)
            {
                return Never;
            }

            held = _holds.Find(hold => hold.Step == step && (hold.SagaId is null || hold.SagaId == sagaId));
            if (held is not null)
            {
                _holds.Remove(held);
            }
        }

        return held is null ? Task.CompletedTask : held.PassAsync(IsAlive, cancellationToken);
    }

    private bool IsAlive()
    {
        lock (_lock)
        {
            return !_dead;
        }
    }
}

/// <summary>A step that a test holds. Disposing the object releases the step. Thread-safe.</summary>
public sealed class HeldStep : IDisposable
{
    private readonly TaskCompletionSource _reached = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _released = new(TaskCreationOptions.RunContinuationsAsynchronously);

    internal HeldStep(SimulatedStep step, SagaId? sagaId)
    {
        Step = step;
        SagaId = sagaId;
    }

    /// <summary>A task that completes when the process reaches the step.</summary>
    public Task Reached => _reached.Task;

    internal SimulatedStep Step { get; }

    internal SagaId? SagaId { get; }

    /// <summary>Lets the process continue.</summary>
    public void Release() => _released.TrySetResult();

    /// <summary>Makes the step fail.</summary>
    /// <param name="exception">The exception that the process gets.</param>
    /// <remarks>
    /// A failure before a write simulates an unavailable database. A failure after a write simulates a lost response: the write has taken
    /// effect.
    /// </remarks>
    public void Fail(Exception exception) => _released.TrySetException(exception);

    /// <inheritdoc />
    public void Dispose() => Release();

    internal async Task PassAsync(Func<bool> isAlive, CancellationToken cancellationToken)
    {
        _reached.TrySetResult();
        await _released.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
        if (!isAlive())
        {
            await StepGates.Never.ConfigureAwait(false);
        }
    }
}
