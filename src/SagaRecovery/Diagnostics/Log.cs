using Microsoft.Extensions.Logging;
using SagaRecovery.Fencing;
using SagaRecovery.Status;

namespace SagaRecovery.Diagnostics;

/// <summary>Every line that recovery logs. Event ids are stable and never reused; counting lines by id gives the report's totals.</summary>
internal static partial class Log
{
    [LoggerMessage(1, LogLevel.Information, "joined as coordinator {CoordinatorId}, incarnation {Incarnation}")]
    public static partial void Joined(ILogger logger, CoordinatorId coordinatorId, Incarnation incarnation);

    [LoggerMessage(2, LogLevel.Critical, "fenced: coordinator {CoordinatorId} has another join now, incarnation {FencedBy}, in place of this process, incarnation {Incarnation}; it stops its sagas and takes no new work")]
    public static partial void Fenced(ILogger logger, CoordinatorId coordinatorId, Incarnation incarnation, Incarnation fencedBy);

    [LoggerMessage(3, LogLevel.Debug, "activating: pass {Iteration}, reason {Reason}")]
    public static partial void Activating(ILogger logger, long iteration, PassReason reason);

    [LoggerMessage(4, LogLevel.Debug, "listed candidate sagas: {Count}")]
    public static partial void ListedCandidates(ILogger logger, int count);

    [LoggerMessage(5, LogLevel.Debug, "observed saga start: {SagaId}")]
    public static partial void ObservedStart(ILogger logger, SagaId sagaId);

    [LoggerMessage(6, LogLevel.Debug, "found saga that can be ignored (already running): {SagaId}")]
    public static partial void AlreadyRunning(ILogger logger, SagaId sagaId);

    [LoggerMessage(7, LogLevel.Information, "found saga that needs to be recovered: {SagaId} ({SagaName})")]
    public static partial void NeedsRecovery(ILogger logger, SagaId sagaId, string sagaName);

    [LoggerMessage(8, LogLevel.Information, "recovered saga: {SagaId} ({SagaName})")]
    public static partial void Recovered(ILogger logger, SagaId sagaId, string sagaName);

    [LoggerMessage(9, LogLevel.Warning, "failed to recover saga: {SagaId} ({SagaName}): {Error}")]
    public static partial void FailedToRecover(ILogger logger, SagaId sagaId, string sagaName, string error);

    [LoggerMessage(10, LogLevel.Debug, "saga has finished (missing from the listing): {SagaId}")]
    public static partial void Finished(ILogger logger, SagaId sagaId);

    [LoggerMessage(EventId = 11, Message = "activation complete: pass {Iteration} {Result} in {DurationMs:F0} ms: found {Found}, recovered {Recovered}, failed {Failed}, skipped {Skipped}, removed {Removed}")]
    public static partial void ActivationComplete(
        ILogger logger, LogLevel level, long iteration, PassResult result, double durationMs, int found, int recovered, int failed, int skipped, int removed);

    [LoggerMessage(12, LogLevel.Error, "pass {Iteration} failed: {Error}")]
    public static partial void PassFailed(ILogger logger, long iteration, string error);

    [LoggerMessage(13, LogLevel.Information, "found saga that left and came back (generation {Previous} to {Generation}): {SagaId} ({SagaName})")]
    public static partial void Readopted(ILogger logger, SagaId sagaId, string sagaName, AdoptGeneration previous, AdoptGeneration generation);

    [LoggerMessage(14, LogLevel.Warning, "saga is no longer ours, its run here was stopped: {SagaId}")]
    public static partial void TakenAway(ILogger logger, SagaId sagaId);

    [LoggerMessage(15, LogLevel.Warning, "saga cannot run here: {SagaId} ({SagaName}): {Missing}")]
    public static partial void UnknownDefinition(ILogger logger, SagaId sagaId, string sagaName, string missing);

    [LoggerMessage(16, LogLevel.Error, "abandoned saga: {SagaId} ({SagaName}): {Reason}")]
    public static partial void Abandoned(ILogger logger, SagaId sagaId, string sagaName, string reason);

    [LoggerMessage(17, LogLevel.Debug, "found saga that is backing off until {NextTry:O}: {SagaId}")]
    public static partial void BackingOff(ILogger logger, SagaId sagaId, DateTimeOffset nextTry);

    [LoggerMessage(18, LogLevel.Information, "found saga that is held: {SagaId}")]
    public static partial void Held(ILogger logger, SagaId sagaId);

    [LoggerMessage(19, LogLevel.Error, "found saga whose row cannot be read: {SagaId}: {Error}")]
    public static partial void Unreadable(ILogger logger, SagaId sagaId, string error);

    [LoggerMessage(20, LogLevel.Error, "protocol violation: saga {SagaId} was inserted before it was announced; announce first, or it may be recovered while it is being started")]
    public static partial void ProtocolViolation(ILogger logger, SagaId sagaId);

    [LoggerMessage(21, LogLevel.Warning, "saga was given up by the executor, to be recovered: {SagaId}")]
    public static partial void Interrupted(ILogger logger, SagaId sagaId);

    [LoggerMessage(22, LogLevel.Debug, "saga has moved on since it was listed: {SagaId}")]
    public static partial void Superseded(ILogger logger, SagaId sagaId);

    [LoggerMessage(23, LogLevel.Warning, "{Purpose} waits for {Blockers}")]
    public static partial void Waits(ILogger logger, string purpose, string blockers);

    [LoggerMessage(24, LogLevel.Information, "database schema {Schema} is at version {Version}")]
    public static partial void SchemaReady(ILogger logger, string schema, int version);

    [LoggerMessage(25, LogLevel.Information, "saga was running in the executor already: {SagaId}")]
    public static partial void AlreadyInExecutor(ILogger logger, SagaId sagaId);

    [LoggerMessage(26, LogLevel.Warning, "the executor failed to relinquish saga {SagaId}; it is told again at the next pass")]
    public static partial void RelinquishFailed(ILogger logger, SagaId sagaId, Exception exception);

    [LoggerMessage(27, LogLevel.Warning, "ended {Count} connections that had stopped in the middle of a write")]
    public static partial void StalledWritersEnded(ILogger logger, long count);

    [LoggerMessage(28, LogLevel.Critical, "recovery met an error of its own; it goes on with the next pass")]
    public static partial void LoopError(ILogger logger, Exception exception);

    [LoggerMessage(29, LogLevel.Debug, "why pass {Iteration} failed")]
    public static partial void WhyPassFailed(ILogger logger, long iteration, Exception exception);

    [LoggerMessage(30, LogLevel.Warning, "the process before this one crashed, last seen {LastSeen}; suspects, which go last: {InFlight}")]
    public static partial void PreviousCrashed(ILogger logger, string lastSeen, int inFlight);

    [LoggerMessage(31, LogLevel.Warning, "operator action {Kind} on saga {SagaId} by {Actor}: {Reason}")]
    public static partial void SagaActionPerformed(ILogger logger, string kind, SagaId sagaId, string actor, string reason);

    [LoggerMessage(32, LogLevel.Warning, "operator action {Kind} on recovery by {Actor}: {Reason}")]
    public static partial void RecoveryActionPerformed(ILogger logger, string kind, string actor, string reason);

    [LoggerMessage(33, LogLevel.Debug, "a sign of life, or a look at the sagas' progress, failed; it is tried again at the next beat")]
    public static partial void HeartbeatFailed(ILogger logger, Exception exception);

    [LoggerMessage(34, LogLevel.Warning, "recovery is paused by {Actor}: {Reason}; {Count} sagas are not handed over")]
    public static partial void Paused(ILogger logger, string actor, string reason, int count);

    [LoggerMessage(35, LogLevel.Information, "found saga that is deferred until others have outlived their probation: {SagaId}")]
    public static partial void Deferred(ILogger logger, SagaId sagaId);

    [LoggerMessage(36, LogLevel.Debug, "why saga {SagaId} failed to be recovered")]
    public static partial void WhyFailedToRecover(ILogger logger, SagaId sagaId, Exception exception);

    [LoggerMessage(37, LogLevel.Warning, "coordinator {CoordinatorId} has been silent since {LastSeen}: took over from it; {Moved} sagas given to {Takers}, {Left} left, which none of those can run")]
    public static partial void TookOver(ILogger logger, CoordinatorId coordinatorId, string lastSeen, long moved, string takers, long left);

    [LoggerMessage(38, LogLevel.Warning, "coordinator {CoordinatorId} has been silent since {LastSeen}, and nobody can take its sagas")]
    public static partial void NobodyToTakeOver(ILogger logger, CoordinatorId coordinatorId, string lastSeen);

    [LoggerMessage(39, LogLevel.Information, "draining, asked for by {Actor}: {Reason}; no new sagas, those that run have {LetRun} to finish")]
    public static partial void Draining(ILogger logger, string actor, string reason, TimeSpan letRun);

    [LoggerMessage(40, LogLevel.Information, "drained: {Reassigned} sagas given to others, none left")]
    public static partial void Drained(ILogger logger, long reassigned);

    [LoggerMessage(41, LogLevel.Warning, "drained with {Left} sagas left, which nobody else can take; they go on at the next start. {Reassigned} were given to others")]
    public static partial void DrainedButFor(ILogger logger, long left, long reassigned);

    [LoggerMessage(42, LogLevel.Warning, "the store could not be told of the drain, and nothing was given to others")]
    public static partial void DrainFailed(ILogger logger, Exception exception);

    [LoggerMessage(43, LogLevel.Warning, "operator action {Kind} on {Coordinator} by {Actor}: {Reason}")]
    public static partial void CoordinatorActionPerformed(ILogger logger, string kind, string coordinator, string actor, string reason);

    [LoggerMessage(45, LogLevel.Error, "saga was lost by the database: {SagaId}; this process had started it or was running it, and its row is gone")]
    public static partial void LostByDatabase(ILogger logger, SagaId sagaId);

    [LoggerMessage(46, LogLevel.Warning, "the database does not know the join of coordinator {CoordinatorId} as incarnation {Incarnation} any more: it was failed over, restored or started anew; joining again")]
    public static partial void JoinLost(ILogger logger, CoordinatorId coordinatorId, Incarnation incarnation);

    [LoggerMessage(47, LogLevel.Warning, "joined again as coordinator {CoordinatorId}, incarnation {Incarnation}: no other process had joined since; the logs of running sagas are restored before anything new is written")]
    public static partial void Rejoined(ILogger logger, CoordinatorId coordinatorId, Incarnation incarnation);

    [LoggerMessage(48, LogLevel.Warning, "the run of saga {SagaId} ({SagaName}) was over here, and the database shows it in progress: it has lost the end, or a change of owner; the saga is recovered")]
    public static partial void EndLost(ILogger logger, SagaId sagaId, string sagaName);

    [LoggerMessage(44, LogLevel.Warning, "the setting {Setting} has no effect: the store knows no other coordinators")]
    public static partial void NoCluster(ILogger logger, string setting);
}
