using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Text.Json;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using SagaRecovery.Bookkeeping;
using SagaRecovery.Coordinators;
using SagaRecovery.Execution;
using SagaRecovery.Executor.Diagnostics;
using SagaRecovery.Executor.Progress;
using SagaRecovery.Executor.Running;
using SagaRecovery.Fencing;
using SagaRecovery.Storage;

namespace SagaRecovery.Executor;

/// <summary>
/// Runs sagas, those started by <see cref="SagaClient"/> and those handed over by recovery, and logs every step before what follows
/// from it. A singleton; thread-safe.
/// </summary>
public sealed class DurableExecutor : ISagaExecutor, IHostedService, IDisposable
{
    private readonly SagaRegistry _registry;
    private readonly SagaCoordinator _coordinator;
    private readonly SagaStarts _starts;
    private readonly DurableExecutorOptions _options;
    private readonly ILogger<DurableExecutor> _logger;
    private readonly ExecutorMetrics _metrics;
    private readonly GroupWriter _writer;
    private readonly RunTable _runs;
    private readonly CancellationTokenRegistration _whenFenced;

    internal DurableExecutor(
        SagaRegistry registry,
        SagaCoordinator coordinator,
        SagaStarts starts,
        ISagaLog log,
        TimeProvider time,
        IOptions<DurableExecutorOptions> options,
        ILogger<DurableExecutor> logger,
        IMeterFactory? meters = null)
    {
        _registry = registry;
        _coordinator = coordinator;
        _starts = starts;
        _options = options.Value;
        _logger = logger;
        _runs = new RunTable(_options.MaxRunningSagas);
        _metrics = new ExecutorMetrics(() => _runs.Running, () => _runs.Waiting, meters);
        _writer = new GroupWriter(log, coordinator, time, _options, _metrics, logger);
        _whenFenced = coordinator.Fenced.Register(() => _ = _runs.CloseAsync(StopReason.Fenced)); // stopped at once; nobody waits for the end
    }

    /// <summary>Sagas that run now.</summary>
    public int Running => _runs.Running;

    /// <summary>Sagas that wait until there is room; see <see cref="DurableExecutorOptions.MaxRunningSagas"/>.</summary>
    public int Waiting => _runs.Waiting;

    /// <summary>Entries for the log that wait for their write to begin.</summary>
    internal int QueuedWrites => _writer.Queued;

    /// <inheritdoc />
    public IReadOnlyCollection<RunnableDefinition> Definitions => _registry.Definitions;

    /// <inheritdoc />
    public int? Unfinished => _runs.Running + _runs.Waiting;

    /// <inheritdoc />
    /// <exception cref="CoordinatorFencedException">A newer process runs under this coordinator id.</exception>
    /// <exception cref="InvalidOperationException">This process is shutting down.</exception>
    /// <exception cref="JsonException">The parameters do not fit the type that this binary has for them.</exception>
    public ValueTask<ResumeOutcome> ResumeAsync(SavedSaga saga, Ownership ownership, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        return ValueTask.FromResult(Resume(saga, ownership));
    }

    /// <inheritdoc />
    public ValueTask<RelinquishOutcome> RelinquishAsync(SagaId sagaId, AdoptGeneration upTo, CancellationToken cancellationToken) =>
        ValueTask.FromResult(_runs.TryTakeAway(sagaId, upTo) ? RelinquishOutcome.Relinquished : RelinquishOutcome.NotRunning);

    Task IHostedService.StartAsync(CancellationToken cancellationToken)
    {
        Log.Ready(_logger, _registry.Count, _options.MaxRunningSagas);
        return Task.CompletedTask;
    }

    async Task IHostedService.StopAsync(CancellationToken cancellationToken)
    {
        Task over = _runs.CloseAsync(StopReason.Shutdown);
        try
        {
            await over.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            Log.ShutdownTimedOut(_logger, Running);
        }

        // Last, since a run that is stopped still writes what its actions came to.
        await _writer.StopAsync().ConfigureAwait(false);
    }

    /// <summary>Lets go of what it holds. Sagas are stopped when the host stops, not by this.</summary>
    public void Dispose()
    {
        _whenFenced.Dispose();
        _writer.Dispose();
        _metrics.Dispose();
    }

    /// <summary>Runs a saga that has just been inserted.</summary>
    /// <returns>Its run; or the one that there is, where it was handed over before this start came to begin one.</returns>
    internal SagaHandle Begin(
        SagaDefinition definition, SagaId sagaId, ReadOnlyMemory<byte> parameters, Ownership ownership, SagaInjections? inject)
    {
        SagaRun run = CreateRun(
            sagaId, definition, ownership, SagaState.Running, new SagaProgress(definition.Shape), parameters, inject);
        switch (_runs.Admit(run, out SagaRun? existing))
        {
            case Admission.Begins:
                Log.Started(_logger, sagaId, definition.Saved.Name);
                Drive(run);
                break;
            case Admission.Waits:
                Log.Started(_logger, sagaId, definition.Saved.Name);
                break;
            case Admission.RunsAlready:
                run.Dispose();
                return existing!.Handle;
            case Admission.Closed: // it was inserted all the same, and is carried on elsewhere or later
                run.Stop(_runs.Closed!.Value);
                run.CompleteUnbegun();
                break;
        }

        return run.Handle;
    }

    internal SagaHandle? Find(SagaId sagaId) => _runs.Find(sagaId)?.Handle;

    private ResumeOutcome Resume(SavedSaga saga, Ownership ownership)
    {
        ThrowIfClosed(saga.Id);
        if (_runs.RunsAlready(saga.Id, ownership.Generation))
        {
            return ResumeOutcome.AlreadyRunning.Instance; // before its log is read: that was loaded while the run went on writing
        }

        if (_registry.Find(saga.Definition) is not { } definition)
        {
            return DefinitionHash.Of(saga.Definition.Dag.Span) == saga.Definition.Hash
                ? new ResumeOutcome.UnknownDefinition(_registry.DescribeMissing(saga.Definition))
                : new ResumeOutcome.Unrecoverable($"the stored DAG of definition {saga.Definition.Hash} does not have this hash");
        }

        if (!SagaReplay.TryReplay(definition.Shape, saga.Events, out SagaProgress? progress, out string? illegal))
        {
            return new ResumeOutcome.Unrecoverable($"illegal log: {illegal}");
        }

        SagaRun run;
        try
        {
            run = CreateRun(saga.Id, definition, ownership, saga.State, progress, saga.Parameters, inject: null);
        }
        catch (JsonException) when (!IsJson(saga.Parameters.Span, out string? malformed))
        {
            return new ResumeOutcome.Unrecoverable($"its parameters are not JSON: {malformed}");
        }

        return Admit(run, saga);
    }

    private ResumeOutcome Admit(SagaRun run, SavedSaga saga)
    {
        switch (_runs.Admit(run, out _))
        {
            case Admission.RunsAlready:
                run.Dispose();
                return ResumeOutcome.AlreadyRunning.Instance;
            case Admission.Closed:
                run.Dispose();
                ThrowIfClosed(saga.Id);
                break;
            case Admission.Begins:
                Log.Resumed(_logger, saga.Id, run.Name, run.Generation, saga.Events.Count);
                Drive(run);
                break;
            case Admission.Waits:
                Log.Resumed(_logger, saga.Id, run.Name, run.Generation, saga.Events.Count);
                break;
        }

        return ResumeOutcome.Resumed.Instance;
    }

    private SagaRun CreateRun(
        SagaId sagaId,
        SagaDefinition definition,
        Ownership ownership,
        SagaState state,
        SagaProgress progress,
        ReadOnlyMemory<byte> parameters,
        SagaInjections? inject)
    {
        SagaCode code = definition.Bind(sagaId, parameters, new NodeOutputs(progress.Shape, progress.OutputOf, definition.Json));
        var subject = new RunSubject(sagaId, definition, ownership, state, progress, code, inject, Activity.Current?.Context);
        return new SagaRun(subject, _writer, _logger);
    }

    /// <summary>
    /// Begins a run that has a place. Queued without the caller's execution context: a saga must not carry on the trace, the logging
    /// scope or the request of whoever started it, let alone of the saga whose place it takes.
    /// </summary>
    private void Drive(SagaRun run) => ThreadPool.UnsafeQueueUserWorkItem(
        static work => _ = work.Executor.DriveAsync(work.Run), (Executor: this, Run: run), preferLocal: false);

    /// <summary>Runs a run to its end. Never throws; whoever closes the table waits for it.</summary>
    private async Task DriveAsync(SagaRun run)
    {
        SagaResult result = await run.ExecuteAsync().ConfigureAwait(false);
        await run.CloseAsync().ConfigureAwait(false);
        if (_runs.Leave(run) is { } next)
        {
            Drive(next);
        }

        if (run.IsInterrupted)
        {
            _starts.ReportInterrupted(run.Id, run.Generation); // now that the run is out of the table: the next pass may hand the saga over
        }
        else if (result is not SagaResult.Interrupted || run.WasRefused)
        {
            _starts.End(run.Id, run.Generation); // likewise: if the database loses what ended it, a pass hands the saga over once more
        }

        _metrics.Ended(result);
        run.Complete(result);
    }

    private void ThrowIfClosed(SagaId sagaId)
    {
        _coordinator.ThrowIfFenced();
        if (_runs.Closed is { } reason)
        {
            throw new InvalidOperationException($"Saga {sagaId} was not taken on: {reason.Describe()}.");
        }
    }

    private static bool IsJson(ReadOnlySpan<byte> text, out string? malformed)
    {
        malformed = null;
        var reader = new Utf8JsonReader(text);
        try
        {
            while (reader.Read())
            {
            }

            return true;
        }
        catch (JsonException e)
        {
            malformed = e.Message;
            return false;
        }
    }
}
