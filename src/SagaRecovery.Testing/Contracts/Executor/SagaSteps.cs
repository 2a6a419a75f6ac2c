using System.Threading.Channels;

namespace SagaRecovery.Testing.Contracts;

/// <summary>Where the steps of the sagas on trial wait until a rule lets them go. Thread-safe.</summary>
public sealed class SagaSteps
{
    private readonly Channel<HeldStep> _begun = Channel.CreateUnbounded<HeldStep>();
    private readonly Lock _lock = new();
    private readonly List<HeldStep> _all = [];
    private bool _open;

    internal SagaSteps()
    {
    }

    /// <summary>Steps that have begun so far.</summary>
    internal int Count
    {
        get
        {
            lock (_lock)
            {
                return _all.Count;
            }
        }
    }

    /// <summary>What each step of a saga calls.</summary>
    /// <param name="sagaId">Which saga.</param>
    /// <param name="cancellationToken">What the executor gives its steps, if it does: fires when the run is to stop.</param>
    /// <exception cref="OperationCanceledException">The run is to stop.</exception>
    public Task PassAsync(SagaId sagaId, CancellationToken cancellationToken)
    {
        var step = new HeldStep(sagaId);
        lock (_lock)
        {
            _all.Add(step);
            if (_open)
            {
                step.LetGo();
            }
        }

        _begun.Writer.TryWrite(step); // unbounded and never completed: always true
        return step.Held.WaitAsync(cancellationToken);
    }

    /// <summary>Steps are not held any more, those that wait already included.</summary>
    internal void Open()
    {
        lock (_lock)
        {
            _open = true;
            _all.ForEach(step => step.LetGo());
        }
    }

    /// <summary>Waits until another step has begun.</summary>
    internal Task<HeldStep> NextAsync() => _begun.Reader.ReadAsync().AsTask();
}

/// <summary>A step that has begun.</summary>
internal sealed class HeldStep(SagaId sagaId)
{
    private readonly TaskCompletionSource _held = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public SagaId SagaId { get; } = sagaId;

    public Task Held => _held.Task;

    public void LetGo() => _held.TrySetResult();
}
