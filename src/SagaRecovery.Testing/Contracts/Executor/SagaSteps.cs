using System.Threading.Channels;

namespace SagaRecovery.Testing.Contracts;

/// <summary>The gate where the steps of the sagas under test wait until a rule releases them. Thread-safe.</summary>
public sealed class SagaSteps
{
    private readonly Channel<HeldStep> _started = Channel.CreateUnbounded<HeldStep>();
    private readonly Lock _lock = new();
    private readonly List<HeldStep> _all = [];
    private bool _allReleased;

    internal SagaSteps()
    {
    }

    /// <summary>The number of steps that have started.</summary>
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

    /// <summary>Waits until a rule releases the step. Each step of a saga must call it.</summary>
    /// <param name="sagaId">The saga of the step.</param>
    /// <param name="cancellationToken">
    /// The token that the executor passes to its steps and cancels when the run must stop, or <see cref="CancellationToken.None"/>.
    /// </param>
    /// <exception cref="OperationCanceledException">The executor cancelled the token.</exception>
    public Task PassAsync(SagaId sagaId, CancellationToken cancellationToken)
    {
        var step = new HeldStep(sagaId);
        lock (_lock)
        {
            _all.Add(step);
            if (_allReleased)
            {
                step.Release();
            }
        }

        _started.Writer.TryWrite(step); // always true: the channel is unbounded and never completed
        return step.Released.WaitAsync(cancellationToken);
    }

    /// <summary>Releases all waiting steps and every later step.</summary>
    internal void ReleaseAll()
    {
        lock (_lock)
        {
            _allReleased = true;
            _all.ForEach(step => step.Release());
        }
    }

    /// <summary>Waits until another step starts.</summary>
    internal Task<HeldStep> WaitForNextAsync() => _started.Reader.ReadAsync().AsTask();
}

/// <summary>A step that has started and waits for its release.</summary>
internal sealed class HeldStep(SagaId sagaId)
{
    private readonly TaskCompletionSource _released = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public SagaId SagaId { get; } = sagaId;

    public Task Released => _released.Task;

    public void Release() => _released.TrySetResult();
}
