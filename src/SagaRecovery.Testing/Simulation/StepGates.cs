namespace SagaRecovery.Testing;

/// <summary>
/// Where the steps of one simulated process pass through, and where a test holds them. A step that nobody holds passes at once.
/// Thread-safe.
/// </summary>
public class StepGates
{
    internal static readonly Task Never = new TaskCompletionSource().Task;

    private readonly Lock _lock = new();
    private readonly List<HeldStep> _holds = [];
    private bool _dead;

    /// <summary>Holds the next step of this kind; one step to a hold, the first that comes.</summary>
    /// <param name="step">Which kind of step.</param>
    /// <param name="sagaId">Only a step about this saga; null: of whatever saga.</param>
    public HeldStep Hold(SimulatedStep step, SagaId? sagaId = null)
    {
        var held = new HeldStep(step, sagaId);
        lock (_lock)
        {
            _holds.Add(held);
        }

        return held;
    }

    /// <summary>The process is killed: whatever comes to a gate from now on never passes it, nor does what is held.</summary>
    public void Kill()
    {
        lock (_lock)
        {
            _dead = true;
        }
    }

    /// <summary>A step has come to its gate; it is about one saga, or about none or several (null).</summary>
    /// <returns>Completes when it may go on, and fails if the test made it fail.</returns>
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

/// <summary>One step that a test holds. Disposing it lets it go. Thread-safe.</summary>
public sealed class HeldStep : IDisposable
{
    private readonly TaskCompletionSource _reached = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _released = new(TaskCreationOptions.RunContinuationsAsynchronously);

    internal HeldStep(SimulatedStep step, SagaId? sagaId)
    {
        Step = step;
        SagaId = sagaId;
    }

    /// <summary>Completes when the process has come to it.</summary>
    public Task Reached => _reached.Task;

    internal SimulatedStep Step { get; }

    internal SagaId? SagaId { get; }

    /// <summary>Lets the process go on.</summary>
    public void Release() => _released.TrySetResult();

    /// <summary>
    /// Makes the step fail. Before a write, that is a database that is away; held at an answer, it is an answer that was lost, while
    /// what was written stands.
    /// </summary>
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
