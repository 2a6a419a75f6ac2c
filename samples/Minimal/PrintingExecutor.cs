using System.Collections.Concurrent;
using SagaRecovery;
using SagaRecovery.Bookkeeping;
using SagaRecovery.Execution;
using SagaRecovery.Fencing;
using SagaRecovery.Storage;

/// <summary>An executor that runs nothing and prints the requests that it receives.</summary>
internal sealed class PrintingExecutor : ISagaExecutor
{
    private readonly ConcurrentDictionary<SagaId, AdoptGeneration> _runs = new();

    public ValueTask<ResumeOutcome> ResumeAsync(SavedSaga saga, Ownership ownership, CancellationToken cancellationToken)
    {
        if (saga.Name != "print")
        {
            return new(new ResumeOutcome.UnknownDefinition($"definition '{saga.Name}'")); // recovery offers the saga again at each pass
        }

        bool starts = true;
        _runs.AddOrUpdate(saga.Id, ownership.Generation, (_, running) => (starts = running < ownership.Generation) ? ownership.Generation : running);
        if (!starts)
        {
            return new(ResumeOutcome.AlreadyRunning.Instance);
        }

        Console.WriteLine($"resuming {saga.Id} as {ownership.Member} after {saga.Events.Count} events");
        return new(ResumeOutcome.Resumed.Instance);
    }

    public ValueTask<RelinquishOutcome> RelinquishAsync(SagaId sagaId, AdoptGeneration upTo, CancellationToken cancellationToken) =>
        new(_runs.TryGetValue(sagaId, out AdoptGeneration running) && running <= upTo && _runs.TryRemove(new(sagaId, running))
            ? RelinquishOutcome.Relinquished
            : RelinquishOutcome.NotRunning);
}
