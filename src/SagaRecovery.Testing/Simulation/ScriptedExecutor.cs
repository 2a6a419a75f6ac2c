using SagaRecovery.Bookkeeping;
using SagaRecovery.Execution;
using SagaRecovery.Fencing;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Testing;

/// <summary>
/// An executor without real runs. It keeps a table of runs by the rules of <see cref="ISagaExecutor"/>, returns the outcomes that a test
/// sets, and records its calls. Thread-safe.
/// </summary>
/// <param name="gates">The gates that can hold its calls.</param>
public sealed class ScriptedExecutor(StepGates gates) : ISagaExecutor
{
    private readonly Lock _lock = new();
    private readonly SortedDictionary<SagaId, AdoptGeneration> _running = [];
    private readonly Dictionary<SagaId, SagaCancellation> _cancelled = [];
    private readonly List<ExecutorCall> _calls = [];

    /// <summary>The outcome of resuming a saga, or null to run the saga. An exception fails the call.</summary>
    /// <value>The default returns null for every saga.</value>
    public Func<SavedSaga, ResumeOutcome?> Answer { get; set; } = _ => null;

    /// <summary>The number of sagas that may run at once. Recovery lets further ones wait for a slot.</summary>
    /// <value>At least 0. The default is null: no limit. <see cref="Begin"/> ignores it, as a start does.</value>
    public int? MaxRunning { get; set; }

    /// <summary>A copy of the table of runs: the generation of each running saga, ordered by id.</summary>
    public IReadOnlyDictionary<SagaId, AdoptGeneration> Running
    {
        get
        {
            lock (_lock)
            {
                return new SortedDictionary<SagaId, AdoptGeneration>(_running);
            }
        }
    }

    /// <summary>A copy of the recorded calls, in the order of their outcomes.</summary>
    public IReadOnlyList<ExecutorCall> Calls
    {
        get
        {
            lock (_lock)
            {
                return [.. _calls];
            }
        }
    }

    /// <summary>Returns the cancellation that a running saga knows of; null if it knows of none, or does not run.</summary>
    public SagaCancellation? CancellationOf(SagaId sagaId)
    {
        lock (_lock)
        {
            return _cancelled.GetValueOrDefault(sagaId);
        }
    }

    /// <summary>Returns the generation of a running saga, or null if the saga does not run.</summary>
    public AdoptGeneration? RunsAt(SagaId sagaId)
    {
        lock (_lock)
        {
            return _running.TryGetValue(sagaId, out AdoptGeneration generation) ? generation : null;
        }
    }

    /// <summary>Starts a run of a saga, unless the saga runs at this or a newer generation.</summary>
    /// <returns>True if a run was started.</returns>
    public bool Begin(SagaId sagaId, AdoptGeneration generation)
    {
        lock (_lock)
        {
            if (_running.TryGetValue(sagaId, out AdoptGeneration running) && running >= generation)
            {
                return false;
            }

            _running[sagaId] = generation;
            _cancelled.Remove(sagaId);
            return true;
        }
    }

    /// <summary>Ends the run of a saga.</summary>
    /// <returns>The generation of the run.</returns>
    /// <exception cref="InvalidOperationException">The saga does not run.</exception>
    public AdoptGeneration End(SagaId sagaId)
    {
        lock (_lock)
        {
            _cancelled.Remove(sagaId);
            return _running.Remove(sagaId, out AdoptGeneration generation)
                ? generation
                : throw new InvalidOperationException($"Saga {sagaId} does not run in this process.");
        }
    }

    /// <inheritdoc />
    public async ValueTask<ResumeOutcome> ResumeAsync(SavedSaga saga, Ownership ownership, CancellationToken cancellationToken)
    {
        await gates.PassAsync(SimulatedStep.Resume, saga.Id, cancellationToken).ConfigureAwait(false);
        ResumeOutcome outcome = Answer(saga) ?? Run(saga, ownership.Generation);
        Record(new ExecutorCall(saga.Id, ownership.Generation, outcome, Relinquished: null));
        await gates.PassAsync(SimulatedStep.ResumeAnswer, saga.Id, cancellationToken).ConfigureAwait(false);
        return outcome;
    }

    /// <inheritdoc />
    public async ValueTask<RelinquishOutcome> RelinquishAsync(SagaId sagaId, AdoptGeneration upTo, CancellationToken cancellationToken)
    {
        await gates.PassAsync(SimulatedStep.Relinquish, sagaId, cancellationToken).ConfigureAwait(false);
        RelinquishOutcome outcome = Stop(sagaId, upTo);
        Record(new ExecutorCall(sagaId, upTo, Resumed: null, outcome));
        return outcome;
    }

    /// <inheritdoc />
    public ExecutorCapacity? GetCapacity()
    {
        lock (_lock)
        {
            return MaxRunning is { } most ? new ExecutorCapacity(most - _running.Count) : null;
        }
    }

    /// <inheritdoc />
    public SlotLimit? DescribeSlotLimit(string definition) => new($"{nameof(MaxRunning)} = {MaxRunning}", LongestRunning: null);

    /// <inheritdoc />
    public ValueTask CancelAsync(SagaId sagaId, SagaCancellation cancellation, CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            if (_running.ContainsKey(sagaId))
            {
                _cancelled.TryAdd(sagaId, cancellation);
            }
        }

        return ValueTask.CompletedTask;
    }

    private ResumeOutcome Run(SavedSaga saga, AdoptGeneration generation)
    {
        lock (_lock)
        {
            if (!Begin(saga.Id, generation))
            {
                return ResumeOutcome.AlreadyRunning.Instance;
            }

            if (saga.Cancellation is { } cancellation)
            {
                _cancelled.Add(saga.Id, cancellation);
            }

            return ResumeOutcome.Resumed.Instance;
        }
    }

    private RelinquishOutcome Stop(SagaId sagaId, AdoptGeneration upTo)
    {
        lock (_lock)
        {
            if (!_running.TryGetValue(sagaId, out AdoptGeneration running) || running > upTo)
            {
                return RelinquishOutcome.NotRunning;
            }

            End(sagaId);
            return RelinquishOutcome.Relinquished;
        }
    }

    private void Record(ExecutorCall call)
    {
        lock (_lock)
        {
            _calls.Add(call);
        }
    }
}

/// <summary>A recorded call of recovery to a <see cref="ScriptedExecutor"/>. Exactly one of the outcomes is set.</summary>
/// <param name="SagaId">The saga.</param>
/// <param name="Generation">The generation to resume at, or the highest generation to relinquish.</param>
/// <param name="Resumed">The outcome of <see cref="ISagaExecutor.ResumeAsync"/>.</param>
/// <param name="Relinquished">The outcome of <see cref="ISagaExecutor.RelinquishAsync"/>.</param>
public sealed record ExecutorCall(
    SagaId SagaId, AdoptGeneration Generation, ResumeOutcome? Resumed, RelinquishOutcome? Relinquished);
