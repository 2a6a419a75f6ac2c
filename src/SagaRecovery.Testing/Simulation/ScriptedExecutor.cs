using SagaRecovery.Bookkeeping;
using SagaRecovery.Execution;
using SagaRecovery.Fencing;
using SagaRecovery.Storage;

namespace SagaRecovery.Testing;

/// <summary>
/// An executor that runs nothing by itself: it keeps the table of runs by the rules that <see cref="ISagaExecutor"/> sets, answers what
/// a test says, and notes what it is asked. Thread-safe.
/// </summary>
/// <param name="gates">Where its calls can be held.</param>
public sealed class ScriptedExecutor(StepGates gates) : ISagaExecutor
{
    private readonly Lock _lock = new();
    private readonly SortedDictionary<SagaId, AdoptGeneration> _running = [];
    private readonly List<ExecutorCall> _calls = [];

    /// <summary>
    /// What it answers in place of running a saga; null: it runs it. An exception thrown here is the executor's. Default: it runs all.
    /// </summary>
    public Func<SavedSaga, ResumeOutcome?> Answer { get; set; } = _ => null;

    /// <summary>The sagas that it runs now, and at which generation; by id.</summary>
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

    /// <summary>What it was asked, and what it answered, in the order of answering.</summary>
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

    /// <summary>The generation at which it runs a saga; null: it does not.</summary>
    public AdoptGeneration? RunsAt(SagaId sagaId)
    {
        lock (_lock)
        {
            return _running.TryGetValue(sagaId, out AdoptGeneration generation) ? generation : null;
        }
    }

    /// <summary>Begins to run a saga that this process has started; not in place of a run at this or a newer generation.</summary>
    /// <returns>Whether a run was begun.</returns>
    public bool Begin(SagaId sagaId, AdoptGeneration generation)
    {
        lock (_lock)
        {
            if (_running.TryGetValue(sagaId, out AdoptGeneration running) && running >= generation)
            {
                return false;
            }

            _running[sagaId] = generation;
            return true;
        }
    }

    /// <summary>Ends the run of a saga.</summary>
    /// <returns>The generation that it ran at.</returns>
    /// <exception cref="InvalidOperationException">It does not run.</exception>
    public AdoptGeneration End(SagaId sagaId)
    {
        lock (_lock)
        {
            return _running.Remove(sagaId, out AdoptGeneration generation)
                ? generation
                : throw new InvalidOperationException($"Saga {sagaId} does not run here.");
        }
    }

    /// <inheritdoc />
    public async ValueTask<ResumeOutcome> ResumeAsync(SavedSaga saga, Ownership ownership, CancellationToken cancellationToken)
    {
        await gates.PassAsync(SimulatedStep.HandOver, saga.Id, cancellationToken).ConfigureAwait(false);
        ResumeOutcome outcome = Answer(saga) ?? Run(saga.Id, ownership.Generation);
        Note(new ExecutorCall(saga.Id, ownership.Generation, outcome, Relinquished: null));
        await gates.PassAsync(SimulatedStep.ResumeAnswer, saga.Id, cancellationToken).ConfigureAwait(false);
        return outcome;
    }

    /// <inheritdoc />
    public async ValueTask<RelinquishOutcome> RelinquishAsync(SagaId sagaId, AdoptGeneration upTo, CancellationToken cancellationToken)
    {
        await gates.PassAsync(SimulatedStep.Relinquish, sagaId, cancellationToken).ConfigureAwait(false);
        RelinquishOutcome outcome = Stop(sagaId, upTo);
        Note(new ExecutorCall(sagaId, upTo, Resumed: null, outcome));
        return outcome;
    }

    private ResumeOutcome Run(SagaId sagaId, AdoptGeneration generation) =>
        Begin(sagaId, generation) ? ResumeOutcome.Resumed.Instance : ResumeOutcome.AlreadyRunning.Instance;

    private RelinquishOutcome Stop(SagaId sagaId, AdoptGeneration upTo)
    {
        lock (_lock)
        {
            return _running.TryGetValue(sagaId, out AdoptGeneration running) && running <= upTo && _running.Remove(sagaId)
                ? RelinquishOutcome.Relinquished
                : RelinquishOutcome.NotRunning;
        }
    }

    private void Note(ExecutorCall call)
    {
        lock (_lock)
        {
            _calls.Add(call);
        }
    }
}

/// <summary>What recovery asked a <see cref="ScriptedExecutor"/>; one of the answers is set.</summary>
/// <param name="SagaId">About which saga.</param>
/// <param name="Generation">Handed over at this generation, or to be let go of up to it.</param>
/// <param name="Resumed">The answer to a hand-over.</param>
/// <param name="Relinquished">The answer to a word that the saga is finished or gone.</param>
public sealed record ExecutorCall(
    SagaId SagaId, AdoptGeneration Generation, ResumeOutcome? Resumed, RelinquishOutcome? Relinquished);
