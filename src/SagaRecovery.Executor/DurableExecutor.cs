using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Diagnostics.Metrics;
using System.Runtime.CompilerServices;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using SagaRecovery.Bookkeeping;
using SagaRecovery.Coordinators;
using SagaRecovery.Execution;
using SagaRecovery.Executor.Diagnostics;
using SagaRecovery.Executor.Progress;
using SagaRecovery.Executor.Results;
using SagaRecovery.Executor.Running;
using SagaRecovery.Fencing;
using SagaRecovery.Hosting;
using SagaRecovery.Status;
using SagaRecovery.Storage;
using SagaRecovery.Timing;

namespace SagaRecovery.Executor;

/// <summary>
/// The executor that runs sagas as DAGs of actions and undos. It runs the sagas that <see cref="SagaClient"/> starts and the sagas that
/// recovery resumes.
/// </summary>
/// <remarks>
/// Every step is written to the saga log before any step that depends on it begins. A singleton. Thread-safe.
/// </remarks>
public sealed partial class DurableExecutor : ISagaExecutor, IHostedLifecycleService, IDisposable
{
    private readonly SagaRegistry _registry;
    private readonly SagaCoordinator _coordinator;
    private readonly SagaStarts _starts;
    private readonly DurableExecutorOptions _options;
    private readonly ILogger<DurableExecutor> _logger;
    private readonly ExecutorMetrics _metrics;
    private readonly GroupWriter _writer;
    private readonly RunTable _runs;
    private readonly AwaitedSagas _awaited;
    private readonly SteadyTimeProvider _time;
    private readonly IServiceScopeFactory? _scopes;
    private readonly ConditionalWeakTable<SagaDefinition, StepPipelines> _pipelines = []; // weak: each run of a dynamic saga has a definition
    private readonly RunServices _runServices;
    private readonly ISagaOperations? _operations;
    private readonly ShutdownBudget? _shutdown;
    private readonly CancellationTokenRegistration _fencedRegistration;

    internal DurableExecutor(
        SagaRegistry registry,
        SagaCoordinator coordinator,
        SagaStarts starts,
        ISagaLog log,
        SteadyTimeProvider time,
        IOptions<DurableExecutorOptions> options,
        ILogger<DurableExecutor> logger,
        IMeterFactory? meters = null,
        IServiceScopeFactory? scopes = null,
        ShutdownBudget? shutdown = null,
        ISagaOperations? operations = null,
        ISagaReader? reader = null,
        ISagaTransactions? transactions = null)
    {
        _operations = operations;
        _shutdown = shutdown;
        _time = time;
        _scopes = scopes;
        _registry = registry;
        _coordinator = coordinator;
        _starts = starts;
        _options = options.Value;
        DurableExecutorOptionsValidator.ThrowIfLimitsUnknown(_options, registry.Definitions.Select(definition => definition.Name));
        _logger = logger;
        _runs = new RunTable(_options.MaxRunningSagas, _options.MaxRunningSagasByDefinition);
        _awaited = new AwaitedSagas(_runs, Schedule, time);
        _metrics = new ExecutorMetrics(registry.Definitions.Select(definition => definition.Name), _runs.Count, () => _runs.Hung, meters);
        var retry = new StoreRetry(time, _options, logger);
        var steps = new TransactionalSteps(transactions ?? new NoSagaTransactions(), coordinator, retry, time);
        _runServices = new RunServices(_options.StepStopTimeout, OnHang, steps, FindCancellationAsync);
        Waits = new ResultWaits(reader ?? new NoSagaReader(), time, _options.ResultPollingInterval, logger);
        _writer = new GroupWriter(log, coordinator, retry, time, _options, _metrics);

        // Not awaited: a fenced process must not write, so it needs no result of its runs.
        _fencedRegistration = coordinator.Fenced.Register(() => _ = _runs.CloseAsync(StopReason.Fenced));
    }

    /// <summary>The number of sagas that are running.</summary>
    public int Running => _runs.Running;

    /// <summary>The number of sagas in this executor that wait for a free slot. Recovery may have more, not loaded yet. See <see cref="DurableExecutorOptions.MaxRunningSagas"/>.</summary>
    public int Waiting => _runs.Waiting;

    /// <summary>The waits of this process for sagas of any process.</summary>
    internal ResultWaits Waits { get; }

    /// <summary>The number of log entries that wait for their write to begin.</summary>
    internal int QueuedWrites => _writer.Queued;

    /// <inheritdoc />
    public IReadOnlyCollection<RunnableDefinition> Definitions => _registry.Definitions;

    /// <inheritdoc />
    public string? DescribeChange(SavedDefinition stored) => _registry.DescribeChange(stored);

    /// <inheritdoc />
    public int? Unfinished => _runs.Running + _runs.Waiting;

    /// <inheritdoc />
    public int? Queued => _runs.Waiting;

    /// <inheritdoc />
    /// <exception cref="CoordinatorFencedException">A newer process has joined under this coordinator id.</exception>
    /// <exception cref="InvalidOperationException">This process is shutting down.</exception>
    /// <exception cref="JsonException">The stored parameters cannot be deserialized to the type that this binary declares.</exception>
    public ValueTask<ResumeOutcome> ResumeAsync(SavedSaga saga, Ownership ownership, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        return ValueTask.FromResult(Resume(saga, ownership));
    }

    /// <inheritdoc />
    public ValueTask<RelinquishOutcome> RelinquishAsync(SagaId sagaId, AdoptGeneration upTo, CancellationToken cancellationToken) =>
        ValueTask.FromResult(_runs.TryRelinquish(sagaId, upTo) ? RelinquishOutcome.Relinquished : RelinquishOutcome.NotRunning);

    /// <inheritdoc />
    public ValueTask CancelAsync(SagaId sagaId, SagaCancellation cancellation, CancellationToken cancellationToken)
    {
        Cancel(sagaId, cancellation);
        return ValueTask.CompletedTask;
    }

    /// <inheritdoc />
    public ValueTask SuspendAsync(SagaId sagaId, CancellationToken cancellationToken)
    {
        if (_runs.Suspend(sagaId) is { } ended)
        {
            _starts.ReportInterrupted(ended.Id, ended.Generation, StopReason.Held.Describe(), isRequested: true);
        }

        return ValueTask.CompletedTask;
    }

    /// <inheritdoc />
    public SagaRunProgress? FindRun(SagaId sagaId) => _runs.FindProgress(sagaId);

    /// <inheritdoc />
    public IReadOnlyList<SagaRunProgress> GetRunsInProgress() =>
        [.. _runs.GetRunning().Select(run => run.ToProgress()).Where(run => run.Steps.Count > 0)];

    async Task IHostedService.StopAsync(CancellationToken cancellationToken)
    {
        Task allRunsCompleted = _runs.CloseAsync(StopReason.Shutdown);
        Waits.Stop(); // must follow: a step that waits is stopped, and its exception is no failure
        TimeSpan limit = _shutdown?.Limit(_options.StepStopTimeout) ?? _options.StepStopTimeout;
        await allRunsCompleted.WaitAsync(limit, _time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        IReadOnlyList<SagaRun> left = _runs.GetRunning(); // including those that hung before
        if (left.Count > 0)
        {
            IEnumerable<string> some = left.Take(10).Select(run => $"{run.Id} ({run.Name}) {run.DescribeSteps()}".TrimEnd());
            Log.ShutdownTimedOut(_logger, left.Count, string.Join("; ", some));
        }

        foreach (SagaRun run in left)
        {
            run.CompleteWithoutEnd();
        }

        // Must come last: a run that is stopping still writes the results of its actions.
        await _writer.StopAsync().ConfigureAwait(false);
    }

    /// <summary>Releases the resources of the executor. Sagas stop when the host stops, not when the executor is disposed.</summary>
    public void Dispose()
    {
        _fencedRegistration.Dispose();
        Waits.Dispose();
        _writer.Dispose();
        _metrics.Dispose();
    }

    /// <summary>Starts the run of a saga that has just been inserted.</summary>
    /// <returns>The handle of the run. If a pass resumed the saga first, the handle of that run.</returns>
    internal SagaHandle Start(SagaDefinition definition, NewSaga saga, Ownership ownership, SagaInjections? injections)
    {
        _metrics.SagaInserted(saga);
        SagaRun run = CreateRun(
            new SavedSaga
            {
                Id = saga.Id,
                Name = definition.Saved.Name,
                State = SagaState.Running,
                Generation = ownership.Generation,
                Definition = definition.Saved,
                Parameters = saga.Parameters,
                Events = saga.Events,
                Deadline = saga.Deadline,
            },
            definition,
            ownership,
            SagaProgress.After(definition.Shape, saga.Events),
            injections,
            isFirst: true);
        switch (_runs.Admit(run, out SagaRun? existing))
        {
            case Admission.Started:
                Log.Started(_logger, saga.Id, definition.Saved.Name);
                Schedule(run);
                break;
            case Admission.Queued:
                Log.Started(_logger, saga.Id, definition.Saved.Name);
                break;
            case Admission.AlreadyRunning:
                run.Dispose();
                return ForStarter(existing!.Handle);
            case Admission.Closed: // the saga is in the store, so another process or a later pass resumes it
                run.Stop(_runs.Closed!.Value);
                run.CompleteWithoutStarting();
                break;
        }

        return ForStarter(run.Handle);
    }

    /// <summary>Cancels a saga that runs here.</summary>
    /// <returns>False if it does not run here.</returns>
    internal bool Cancel(SagaId sagaId, SagaCancellation cancellation)
    {
        SagaRun? run = _runs.Find(sagaId);
        run?.Cancel(cancellation);
        return run is not null;
    }

    internal SagaHandle? Find(SagaId sagaId) => _runs.Find(sagaId) is { } run ? ForCaller(run.Handle) : null;

    /// <summary>Finds the handle of the present run of a saga in this process, for a caller that is not a step.</summary>
    internal SagaHandle? FindRunHandle(SagaId sagaId) => _runs.Find(sagaId)?.Handle;

    private SagaHandle ForStarter(SagaHandle handle) => ForCaller(new SagaHandle(handle.SagaId, handle.Completion) { IsNew = true });

    /// <summary>Returns a handle for the caller, which may be a step: then its completion lends the slot of the step's saga.</summary>
    internal SagaHandle ForCaller(SagaHandle handle) => _awaited.ForCaller(handle);

    private ResumeOutcome Resume(SavedSaga saga, Ownership ownership)
    {
        ThrowIfClosed(saga.Id);
        if (_runs.IsAlreadyRunning(saga.Id, ownership.Generation))
        {
            return ResumeOutcome.AlreadyRunning.Instance; // must precede the replay: the loaded log is older than what the active run has written
        }

        try
        {
            return ResumeWithReadableParameters(saga, ownership);
        }
        catch (JsonException) when (!JsonRoundTrip.IsJson(saga.Parameters.Span, out string? malformed))
        {
            return new ResumeOutcome.Unrecoverable($"the stored parameters are not valid JSON: {malformed}");
        }
    }

    private ResumeOutcome ResumeWithReadableParameters(SavedSaga saga, Ownership ownership)
    {
        if (!_registry.TryFind(saga.Definition, saga.Parameters, out SagaDefinition? definition, out string? missing))
        {
            return DefinitionHash.Of(saga.Definition.Dag.Span) == saga.Definition.Hash
                ? new ResumeOutcome.UnknownDefinition(missing)
                : new ResumeOutcome.Unrecoverable($"the stored DAG of definition {saga.Definition.Hash} does not match its hash");
        }

        if (!SagaReplay.TryReplay(definition.Shape, saga.Events, out SagaProgress? progress, out string? illegal))
        {
            return new ResumeOutcome.Unrecoverable($"illegal log: {illegal}");
        }

        foreach (int node in Enumerable.Range(0, definition.Shape.Count).Where(node => definition.Policies[node].UndoAfterFailure))
        {
            if (SagaErrors.IsByOperator(progress.ErrorOf(node)))
            {
                progress.RunUndoAfterFailure(node);
            }
        }

        return Admit(CreateRun(saga, definition, ownership, progress, injections: null, isFirst: false), saga);
    }

    private ResumeOutcome Admit(SagaRun run, SavedSaga saga)
    {
        run.IsResumed = true;
        switch (_runs.Admit(run, out _))
        {
            case Admission.AlreadyRunning:
                run.Dispose();
                return ResumeOutcome.AlreadyRunning.Instance;
            case Admission.Closed:
                run.Dispose();
                ThrowIfClosed(saga.Id);
                break;
            case Admission.Started:
                Log.Resumed(_logger, saga.Id, run.Name, run.Generation, saga.Events.Count);
                Schedule(run);
                break;
            case Admission.Queued:
                Log.Resumed(_logger, saga.Id, run.Name, run.Generation, saga.Events.Count);
                break;
        }

        return ResumeOutcome.Resumed.Instance;
    }

    private SagaRun CreateRun(
        SavedSaga saga, SagaDefinition definition, Ownership ownership, SagaProgress progress, SagaInjections? injections, bool isFirst)
    {
        var outputs = new NodeOutputs(progress.Shape, progress.OutputOf, definition.Json) { HasFailed = progress.IsUncertain, MaxBytes = _options.MaxOutputBytes };
        SagaCode code = definition.Bind(saga.Id, saga.Parameters, outputs, _scopes);
        StepPipelines pipelines = _pipelines.GetValue(definition, key => new StepPipelines(key, _time));
        var context = new RunContext(
            saga.Id, definition, ownership, saga.State, progress, code, pipelines, injections, Activity.Current?.Context, saga.Cancellation, saga.Deadline, isFirst);
        return new SagaRun(context, _writer, _runServices, _time, _logger);
    }

    /// <summary>
    /// Queues a run that has a slot. It must not flow the caller's execution context, or the saga would run in the trace, logging scope
    /// and request of its starter, or of the saga whose slot it takes.
    /// </summary>
    private void Schedule(SagaRun run) => ThreadPool.UnsafeQueueUserWorkItem(
        static work => _ = work.Executor.RunToCompletionAsync(work.Run), (Executor: this, Run: run), preferLocal: false);

    /// <summary>Executes a run until it ends. Must not throw, since closing the table awaits every run.</summary>
    private async Task RunToCompletionAsync(SagaRun run)
    {
        long began = _time.GetTimestamp();
        SagaResult result = await run.ExecuteAsync().ConfigureAwait(false);
        TimeSpan duration = _time.GetElapsedTime(began);
        await run.CloseAsync().ConfigureAwait(false);
        if (_runs.Remove(run) is { } next)
        {
            Schedule(next);
        }

        ReportCapacity();
        if (result is SagaResult.Interrupted interrupted && run.IsInterrupted)
        {
            _starts.ReportInterrupted(run.Id, run.Generation, interrupted.Reason, run.IsHeld); // must follow Remove: the next pass may resume the saga
        }
        else if (result is not SagaResult.Interrupted || run.WasRefused)
        {
            _starts.ReportEnded(run.Id, run.Generation); // must follow Remove: if the database loses the final write, a pass resumes the saga again
        }

        _metrics.RunCompleted(run.Name, result, duration);
        run.Complete(result);
        Waits.OnRunEnded(run.Id); // of waits that began before the run
    }

    /// <summary>Finds out whether the success of a run was refused because its saga was cancelled.</summary>
    [SuppressMessage("Design", "CA1031", Justification = "Without an answer the run ends as fenced, and the next pass resumes the saga with the request.")]
    private async Task<SagaCancellation?> FindCancellationAsync(SagaRun run)
    {
        try
        {
            SagaDetails? row = _operations is null ? null : await _operations.FindAsync(run.Id, CancellationToken.None).ConfigureAwait(false);
            return row?.Summary.Owner == _coordinator.Id && row.Summary.Generation == run.Generation ? row.Cancellation : null;
        }
        catch (Exception)
        {
            return null;
        }
    }

    private void OnHang(SagaRun run)
    {
        (bool isHung, SagaRun? next) = _runs.FreeSlot(run);
        if (isHung)
        {
            if (run.DescribeSteps() is { Length: > 0 } steps) // else it waits for the database
            {
                Log.StepsHang(_logger, run.Id, run.Name, steps, _options.StepStopTimeout);
            }

            run.CompleteWithoutEnd();
        }

        if (next is not null)
        {
            Schedule(next);
        }

        ReportCapacity();
    }
}
