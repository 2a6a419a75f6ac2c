using SagaRecovery.Bookkeeping;
using SagaRecovery.Execution;
using SagaRecovery.Fencing;
using SagaRecovery.Storage;

namespace SagaRecovery.Benchmarks.Subjects;

/// <summary>Runs nothing and keeps nothing: the rest is the cost of recovery itself.</summary>
internal sealed class NoOpExecutor(Arrivals arrivals) : ISagaExecutor
{
    public ValueTask<ResumeOutcome> ResumeAsync(SavedSaga saga, Ownership ownership, CancellationToken cancellationToken)
    {
        arrivals.Note();
        return new(ResumeOutcome.Resumed.Instance);
    }

    public ValueTask<RelinquishOutcome> RelinquishAsync(SagaId sagaId, AdoptGeneration upTo, CancellationToken cancellationToken) =>
        new(RelinquishOutcome.NotRunning);
}
