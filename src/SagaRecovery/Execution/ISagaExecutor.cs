using SagaRecovery.Bookkeeping;
using SagaRecovery.Fencing;
using SagaRecovery.Storage;

namespace SagaRecovery.Execution;

/// <summary>
/// What runs sagas. Recovery hands it every saga that this coordinator owns and that this process does not run. Implementations are
/// thread-safe, and are the last guard against a double run:
/// <list type="bullet">
/// <item>one run to a saga id; a newer generation replaces an older run, never the other way round;</item>
/// <item>every write about a saga carries its <see cref="Ownership"/> and is refused by the store when that is out of date; a refused
/// run stops and does not try again;</item>
/// <item>when <see cref="Coordinators.SagaCoordinator.Fenced"/> fires, all runs stop;</item>
/// <item>a run that stops for any other reason before its saga is finished is reported to <see cref="SagaStarts.ReportInterrupted"/> once it is
/// over, so that the next pass recovers the saga.</item>
/// </list>
/// </summary>
public interface ISagaExecutor
{
    /// <summary>
    /// Takes a saga on: returns when it is certain that the saga will be run, not when it has run. An exception counts as a failure
    /// that may pass; the saga is handed over again later.
    /// </summary>
    /// <param name="saga">The saga and its log.</param>
    /// <param name="ownership">The right to write about it.</param>
    /// <param name="cancellationToken">Gives up the hand-over; it is not for the run.</param>
    ValueTask<ResumeOutcome> ResumeAsync(SavedSaga saga, Ownership ownership, CancellationToken cancellationToken);

    /// <summary>
    /// Stops running a saga at <paramref name="upTo"/> or an older generation, because it is finished or no longer ours. Returns when
    /// no code of that run is given new work; what is under way may end on its own, its writes are fenced.
    /// </summary>
    ValueTask<RelinquishOutcome> RelinquishAsync(SagaId sagaId, AdoptGeneration upTo, CancellationToken cancellationToken);

    /// <summary>
    /// The definitions that it can run, so that nobody gives this process sagas that it cannot. Null: it does not say, and is taken to
    /// run any.
    /// </summary>
    IReadOnlyCollection<RunnableDefinition>? Definitions => null;

    /// <summary>How many runs are not over, so that a drain knows when they are. Null: it does not say; then a drain asks the store.</summary>
    int? Unfinished => null;
}

/// <summary>What an executor answers to a hand-over. Anything that may pass is an exception instead.</summary>
public abstract record ResumeOutcome
{
    private ResumeOutcome()
    {
    }

    /// <summary>It runs the saga now, or will as soon as there is room.</summary>
    public sealed record Resumed : ResumeOutcome
    {
        /// <summary>The one instance.</summary>
        public static Resumed Instance { get; } = new();
    }

    /// <summary>It was running the saga already, at this generation or a newer one.</summary>
    public sealed record AlreadyRunning : ResumeOutcome
    {
        /// <summary>The one instance.</summary>
        public static AlreadyRunning Instance { get; } = new();
    }

    /// <summary>This binary lacks the definition or its version. The saga is left alone and offered again at each pass.</summary>
    /// <param name="Missing">What is missing, for the operator.</param>
    public sealed record UnknownDefinition(string Missing) : ResumeOutcome;

    /// <summary>The log or the definition is proven corrupt: no process could ever run it.</summary>
    /// <param name="Reason">What is wrong, for the operator.</param>
    public sealed record Unrecoverable(string Reason) : ResumeOutcome;
}
