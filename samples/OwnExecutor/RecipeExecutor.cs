using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using SagaRecovery;
using SagaRecovery.Bookkeeping;
using SagaRecovery.Coordinators;
using SagaRecovery.Execution;
using SagaRecovery.Fencing;
using SagaRecovery.Storage;

/// <summary>An executor that runs the sagas of one recipe, and the hosted service that stops them. Thread-safe.</summary>
internal sealed class RecipeExecutor : ISagaExecutor, IHostedService
{
    private readonly Lock _lock = new();
    private readonly Dictionary<SagaId, RecipeRun> _runs = [];
    private readonly Recipe _recipe;
    private readonly SagaCoordinator _coordinator;
    private readonly SagaStarts _starts;
    private readonly ISagaLog _log;
    private readonly ILogger<RecipeExecutor> _logger;
    private bool _closed;

    public RecipeExecutor(Recipe recipe, SagaCoordinator coordinator, SagaStarts starts, ISagaLog log, ILogger<RecipeExecutor> logger)
    {
        _recipe = recipe;
        _coordinator = coordinator;
        _starts = starts;
        _log = log;
        _logger = logger;
        coordinator.Fenced.Register(() => StopAll());
    }

    public IReadOnlyCollection<RunnableDefinition> Definitions => [new(_recipe.Definition.Hash, _recipe.Definition.Name, _recipe.Definition.Version)];

    public int? Unfinished
    {
        get
        {
            lock (_lock)
            {
                return _runs.Count;
            }
        }
    }

    public ValueTask<ResumeOutcome> ResumeAsync(SavedSaga saga, Ownership ownership, CancellationToken cancellationToken)
    {
        if (saga.Definition.Hash != _recipe.Definition.Hash)
        {
            return new(new ResumeOutcome.UnknownDefinition($"recipe '{saga.Name}'")); // recovery offers it again after a delay
        }

        bool begun = TryBegin(saga.Id, ownership, saga.Events);
        return new(begun ? ResumeOutcome.Resumed.Instance : ResumeOutcome.AlreadyRunning.Instance);
    }

    public ValueTask<RelinquishOutcome> RelinquishAsync(SagaId sagaId, AdoptGeneration upTo, CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            if (!_runs.TryGetValue(sagaId, out RecipeRun? run) || run.Generation > upTo || run.IsEnding)
            {
                return new(RelinquishOutcome.NotRunning);
            }

            _runs.Remove(sagaId);
            run.Stop();
            return new(RelinquishOutcome.Relinquished);
        }
    }

    /// <summary>Begins a run, unless this executor has one at this generation or a newer one.</summary>
    /// <exception cref="InvalidOperationException">The process is fenced or shuts down.</exception>
    public bool TryBegin(SagaId sagaId, Ownership ownership, IReadOnlyList<SavedNodeEvent> events)
    {
        lock (_lock)
        {
            _coordinator.ThrowIfFenced();
            if (_closed)
            {
                throw new InvalidOperationException($"Saga {sagaId} was not accepted: this process shuts down.");
            }

            if (_runs.TryGetValue(sagaId, out RecipeRun? older))
            {
                if (older.Generation >= ownership.Generation)
                {
                    return false;
                }

                older.Stop(); // the saga left this process and came back, so the newer run takes its place
            }

            var run = new RecipeRun(_recipe, sagaId, ownership, events, _coordinator, _log, _logger);
            _runs[sagaId] = run;
            run.Over = Task.Run(() => RunAsync(run, older), CancellationToken.None);
            return true;
        }
    }

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>Stops all runs and waits for them. The next start resumes their sagas.</summary>
    public Task StopAsync(CancellationToken cancellationToken) => Task.WhenAll(StopAll()).WaitAsync(cancellationToken);

    private List<Task> StopAll()
    {
        lock (_lock)
        {
            _closed = true;
            foreach (RecipeRun run in _runs.Values)
            {
                run.Stop();
            }

            return [.. _runs.Values.Select(run => run.Over)];
        }
    }

    private async Task RunAsync(RecipeRun run, RecipeRun? older)
    {
        if (older is not null)
        {
            await older.Over; // two runs must not work on one saga at once
        }

        RunEnd end = await run.RunAsync();
        lock (_lock)
        {
            if (_runs.GetValueOrDefault(run.SagaId) == run)
            {
                _runs.Remove(run.SagaId);
            }

            run.Dispose(); // only runs in the table are stopped
        }

        // Reports come after the removal: the next pass may resume the saga.
        if (end == RunEnd.Finished)
        {
            _starts.ReportEnded(run.SagaId, run.Generation);
        }
        else if (end == RunEnd.Interrupted)
        {
            _starts.ReportInterrupted(run.SagaId, run.Generation);
        }
    }
}
