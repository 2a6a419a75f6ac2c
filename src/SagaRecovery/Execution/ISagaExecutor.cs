using SagaRecovery.Bookkeeping;
using SagaRecovery.Fencing;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Execution;

/// <summary>The component that runs sagas. Recovery resumes on it every saga that this coordinator owns and this process does not run.</summary>
/// <remarks>
/// <para>
/// The package SagaRecovery.Executor contains the durable executor. Implement this interface to run sagas in another way, and register
/// the implementation with <c>AddSagaRecovery().UseExecutor&lt;T&gt;()</c>.
/// </para>
/// <para>Implementations must be thread-safe. They are the last guard against a double run and have these duties:</para>
/// <list type="bullet">
/// <item>Run a saga id at most once at a time. A newer generation must replace an older run, never the other way round.</item>
/// <item>Pass the <see cref="Ownership"/> with every write about a saga. Stop a run whose write the store refuses, without a retry.</item>
/// <item>Stop all runs when <see cref="Coordinators.SagaCoordinator.Fenced"/> is canceled.</item>
/// <item>
/// Call <see cref="SagaStarts.ReportInterrupted"/> after a run has stopped for any other reason before its saga finished. The next pass then
/// resumes the saga.
/// </item>
/// </list>
/// </remarks>
/// <example>
/// An executor that runs each saga on the thread pool. <c>RunAsync</c> stands for the code that performs the steps of a saga.
/// <code>
/// internal sealed class MyExecutor(SagaStarts starts, SagaCoordinator coordinator) : ISagaExecutor
/// {
///     private readonly Lock _lock = new();
///     private readonly Dictionary&lt;SagaId, (AdoptGeneration Generation, CancellationTokenSource Stop)&gt; _runs = [];
///
///     public ValueTask&lt;ResumeOutcome&gt; ResumeAsync(SavedSaga saga, Ownership ownership, CancellationToken cancellationToken)
///     {
///         if (saga.Name != "create-disk")
///         {
///             return new(new ResumeOutcome.UnknownDefinition($"definition '{saga.Name}'"));
///         }
///
///         lock (_lock)
///         {
///             if (_runs.TryGetValue(saga.Id, out var run))
///             {
///                 if (run.Generation &gt;= ownership.Generation)
///                 {
///                     return new(ResumeOutcome.AlreadyRunning.Instance);
///                 }
///
///                 run.Stop.Cancel(); // the saga left this process and came back: the newer generation replaces the run
///             }
///
///             var stop = CancellationTokenSource.CreateLinkedTokenSource(coordinator.Fenced);
///             _runs[saga.Id] = (ownership.Generation, stop);
///             _ = Task.Run(() =&gt; RunAsync(saga, ownership, stop.Token), CancellationToken.None);
///         }
///
///         return new(ResumeOutcome.Resumed.Instance);
///     }
///
///     public ValueTask&lt;RelinquishOutcome&gt; RelinquishAsync(SagaId sagaId, AdoptGeneration upTo, CancellationToken cancellationToken)
///     {
///         lock (_lock)
///         {
///             if (!_runs.TryGetValue(sagaId, out var run) || run.Generation &gt; upTo)
///             {
///                 return new(RelinquishOutcome.NotRunning);
///             }
///
///             run.Stop.Cancel();
///             _runs.Remove(sagaId);
///             return new(RelinquishOutcome.Relinquished);
///         }
///     }
///
///     // RunAsync removes its entry when it ends, and calls starts.ReportEnded or, if the saga has not finished, starts.ReportInterrupted.
/// }
/// </code>
/// </example>
public interface ISagaExecutor
{
    /// <summary>Accepts a saga for execution and returns once its run is certain. Does not wait for the run.</summary>
    /// <param name="saga">The saga and its log.</param>
    /// <param name="ownership">The right to write about the saga.</param>
    /// <param name="cancellationToken">Cancels the attempt to accept the saga. It must not cancel the run.</param>
    /// <returns>The outcome.</returns>
    /// <remarks>
    /// Throw for failures that may pass. Recovery counts the exception as a failure and retries the saga after a delay. An implementation
    /// that throws must not run the saga.
    /// </remarks>
    ValueTask<ResumeOutcome> ResumeAsync(SavedSaga saga, Ownership ownership, CancellationToken cancellationToken);

    /// <summary>Stops the run of a saga that has finished or that this coordinator no longer owns.</summary>
    /// <param name="sagaId">The saga.</param>
    /// <param name="upTo">The newest generation to stop. A run at a newer generation must continue.</param>
    /// <param name="cancellationToken">Cancels the wait for the run to stop.</param>
    /// <returns>The outcome: <see cref="RelinquishOutcome.NotRunning"/> is the normal one for a finished saga.</returns>
    /// <remarks>
    /// Return once the run starts no new work. Work that is under way may finish by itself, because its writes are fenced. If the call
    /// throws, the next pass repeats it.
    /// </remarks>
    ValueTask<RelinquishOutcome> RelinquishAsync(SagaId sagaId, AdoptGeneration upTo, CancellationToken cancellationToken);

    /// <summary>Cancels the saga of a run, as was requested: the run starts no more steps, and unwinds.</summary>
    /// <param name="sagaId">The saga.</param>
    /// <param name="cancellation">The request.</param>
    /// <param name="cancellationToken">Cancels the call.</param>
    /// <remarks>
    /// Passes repeat the call until the saga unwinds. The default does nothing: the store refuses the success of the saga, its run stops, and
    /// the next pass resumes the saga with <see cref="SavedSaga.Cancellation"/>.
    /// </remarks>
    ValueTask CancelAsync(SagaId sagaId, SagaCancellation cancellation, CancellationToken cancellationToken) => ValueTask.CompletedTask;

    /// <summary>Stops the run of a held saga once its steps in flight have ended and are logged.</summary>
    /// <param name="sagaId">The saga.</param>
    /// <param name="cancellationToken">Cancels the call.</param>
    /// <remarks>
    /// Passes repeat the call while the saga runs. Report the end of the run with <see cref="SagaStarts.ReportInterrupted"/>. The default does
    /// nothing: the saga runs to its end.
    /// </remarks>
    ValueTask SuspendAsync(SagaId sagaId, CancellationToken cancellationToken) => ValueTask.CompletedTask;

    /// <summary>The definitions that the executor can run.</summary>
    /// <value>
    /// The default is <see langword="null"/>: not reported, and the executor counts as able to run any definition. Report them, so that
    /// this process is not assigned sagas that it cannot run.
    /// </value>
    IReadOnlyCollection<RunnableDefinition>? Definitions => null;

    /// <summary>Describes how the registered definition of the same name and version differs from a stored one.</summary>
    /// <param name="stored">A stored definition that is not registered.</param>
    /// <returns>
    /// A clause, such as <c>node 'b' was added</c>; null if none of this name and version is registered. The default is null: not described.
    /// </returns>
    /// <remarks>The log says it when this process joins, of a definition that it cannot run, or must not start.</remarks>
    string? DescribeChange(SavedDefinition stored) => null;

    /// <summary>Returns the numbers of further sagas that the executor takes now.</summary>
    /// <returns>The default is <see langword="null"/>: no limit, and recovery loads and resumes all sagas at once.</returns>
    /// <remarks>
    /// <para>
    /// The sagas beyond these numbers wait in recovery, and are not loaded: a million of them take less than 100 MB. They are resumed in
    /// turns of their definitions. Take a few more than can run at once, so that no capacity is idle while further sagas are loaded.
    /// </para>
    /// <para>
    /// Call <see cref="SagaStarts.ReportCapacity"/> once the numbers rise again. <see cref="ResumeAsync"/> must accept sagas beyond them all
    /// the same. Do not wait in this method: recovery calls it in each pass and refill.
    /// </para>
    /// </remarks>
    ExecutorCapacity? GetCapacity() => null;

    /// <summary>Describes the limit for which sagas of a definition wait for a slot.</summary>
    /// <param name="definition">The name of the definition.</param>
    /// <returns>The limit. The default is null: not described.</returns>
    /// <remarks>Operators see it in <c>explain</c>.</remarks>
    SlotLimit? DescribeSlotLimit(string definition) => null;

    /// <summary>The number of runs that have not ended.</summary>
    /// <value>At least 0. The default is <see langword="null"/>: not reported, and a drain queries the store instead.</value>
    int? Unfinished => null;

    /// <summary>The number of sagas that the executor has accepted and that wait in it for a slot.</summary>
    /// <value>At least 0. The default is <see langword="null"/>: not reported.</value>
    /// <remarks>The status adds it to the sagas that are not loaded. Recovery reads it with each report, so do not wait, and do not throw.</remarks>
    int? Queued => null;

    /// <summary>Finds the newest run of a saga in this process.</summary>
    /// <param name="sagaId">The saga.</param>
    /// <returns>The progress of the run; null if this process does not run the saga. The default is null: not reported.</returns>
    /// <remarks>Operators see it in <c>explain</c> and on the page of the saga. Return a snapshot, and do not wait for the run.</remarks>
    SagaRunProgress? FindRun(SagaId sagaId) => null;

    /// <summary>Lists the runs that have steps in progress.</summary>
    /// <returns>The progress of each. The default is an empty list: not reported.</returns>
    /// <remarks>
    /// The check for stalled sagas reads it, once per <see cref="SagaRecoveryOptions.StalledCheckPeriod"/>, to tell sagas whose steps are
    /// retried from stalled ones, and to name steps that do not end.
    /// </remarks>
    IReadOnlyList<SagaRunProgress> GetRunsInProgress() => [];
}

/// <summary>The limit for which sagas wait for a slot of the executor.</summary>
/// <param name="Setting">The setting, with its value, such as <c>SagaRecovery:Executor:MaxRunningSagas = 1000</c>.</param>
/// <param name="LongestRunning">The saga that has had a slot under that limit for the longest time; null if it is not known.</param>
public sealed record SlotLimit(string Setting, SagaId? LongestRunning)
{
    /// <summary>The use of the slots under the limit; null if it is not known.</summary>
    public SlotUse? Slots { get; init; }
}

/// <summary>The outcome of <see cref="ISagaExecutor.ResumeAsync"/>. A failure that may pass is an exception instead.</summary>
public abstract record ResumeOutcome
{
    private ResumeOutcome()
    {
    }

    /// <summary>The executor runs the saga now, or will as soon as it has capacity.</summary>
    public sealed record Resumed : ResumeOutcome
    {
        /// <summary>The only instance.</summary>
        public static Resumed Instance { get; } = new();
    }

    /// <summary>The executor was already running the saga, at this generation or a newer one.</summary>
    public sealed record AlreadyRunning : ResumeOutcome
    {
        /// <summary>The only instance.</summary>
        public static AlreadyRunning Instance { get; } = new();
    }

    /// <summary>This binary lacks the definition or its version. The saga stays as it is, and is tried again after a delay.</summary>
    /// <remarks>
    /// Unless <see cref="ISagaExecutor.Definitions"/> has the definition, the answer counts for all sagas with the same hash: the next attempt loads one of
    /// them. The delay doubles from 1 s to 10 min. An explicit pass and a new process try at once.
    /// </remarks>
    /// <param name="Missing">The missing definition, for the operator.</param>
    public sealed record UnknownDefinition(string Missing) : ResumeOutcome;

    /// <summary>The log or the definition is proven corrupt, so that no process can run the saga.</summary>
    /// <param name="Reason">The defect, for the operator.</param>
    public sealed record Unrecoverable(string Reason) : ResumeOutcome;
}
