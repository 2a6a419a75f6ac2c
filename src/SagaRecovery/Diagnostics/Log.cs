using System.Globalization;
using Microsoft.Extensions.Logging;
using SagaRecovery.Fencing;
using SagaRecovery.Status;

namespace SagaRecovery.Diagnostics;

/// <summary>All log messages of recovery. Event ids are stable and never reused. The counts of lines by id match the totals of the report.</summary>
internal static partial class Log
{
    [LoggerMessage(1, LogLevel.Information, "joined as coordinator {CoordinatorId}, incarnation {Incarnation}")]
    public static partial void Joined(ILogger logger, CoordinatorId coordinatorId, Incarnation incarnation);

    [LoggerMessage(2, LogLevel.Critical,
        "fenced: incarnation {FencedBy} of coordinator {CoordinatorId} has replaced this process (incarnation {Incarnation}); "
        + "stopping all sagas, accepting no new work")]
    public static partial void Fenced(ILogger logger, CoordinatorId coordinatorId, Incarnation incarnation, Incarnation fencedBy);

    [LoggerMessage(3, LogLevel.Debug, "activating: pass {Iteration}, reason {Reason}")]
    public static partial void Activating(ILogger logger, long iteration, PassReason reason);

    [LoggerMessage(4, LogLevel.Debug, "listed candidate sagas: {Count}")]
    public static partial void ListedCandidates(ILogger logger, int count);

    [LoggerMessage(5, LogLevel.Debug, "observed saga start: {SagaId}")]
    public static partial void ObservedStart(ILogger logger, SagaId sagaId);

    [LoggerMessage(6, LogLevel.Debug, "found saga that is already running: {SagaId}")]
    public static partial void AlreadyRunning(ILogger logger, SagaId sagaId);

    [LoggerMessage(7, LogLevel.Information, "found saga that needs to be recovered: {SagaId} ({SagaName})")]
    public static partial void NeedsRecovery(ILogger logger, SagaId sagaId, string sagaName);

    [LoggerMessage(8, LogLevel.Information, "recovered saga: {SagaId} ({SagaName})")]
    public static partial void Recovered(ILogger logger, SagaId sagaId, string sagaName);

    [LoggerMessage(9, LogLevel.Warning, "failed to recover saga: {SagaId} ({SagaName}): {Error}")]
    public static partial void FailedToRecover(ILogger logger, SagaId sagaId, string sagaName, string error);

    [LoggerMessage(10, LogLevel.Debug, "saga has finished (missing from the listing): {SagaId}")]
    public static partial void Finished(ILogger logger, SagaId sagaId);

    [LoggerMessage(EventId = 11,
        Message = "activation ended: pass {Iteration} {Result} in {DurationMs:F0} ms: "
        + "found {Found}, recovered {Recovered}, failed {Failed}, skipped {Skipped}, removed {Removed}")]
    public static partial void ActivationComplete(
        ILogger logger, LogLevel level, long iteration, PassResult result, double durationMs, int found, int recovered, int failed, int skipped, int removed);

    [LoggerMessage(12, LogLevel.Error, "pass {Iteration} failed: {Error}")]
    public static partial void PassFailed(ILogger logger, long iteration, string error);

    [LoggerMessage(13, LogLevel.Information, "found saga at a newer generation than its run ({Previous} to {Generation}): {SagaId} ({SagaName})")]
    public static partial void Readopted(ILogger logger, SagaId sagaId, string sagaName, AdoptGeneration previous, AdoptGeneration generation);

    [LoggerMessage(14, LogLevel.Warning, "stopped saga that this coordinator no longer owns: {SagaId}")]
    public static partial void StoppedNotOwned(ILogger logger, SagaId sagaId);

    [LoggerMessage(15, LogLevel.Debug, "saga has an unknown definition: {SagaId} ({SagaName}): {Missing}")]
    public static partial void UnknownDefinition(ILogger logger, SagaId sagaId, string sagaName, string missing);

    [LoggerMessage(16, LogLevel.Error, "abandoned saga: {SagaId} ({SagaName}): {Reason}")]
    public static partial void Abandoned(ILogger logger, SagaId sagaId, string sagaName, string reason);

    [LoggerMessage(17, LogLevel.Debug, "found saga that is backing off until {NextTry:O}: {SagaId}")]
    public static partial void BackingOff(ILogger logger, SagaId sagaId, DateTimeOffset nextTry);

    [LoggerMessage(18, LogLevel.Information, "found saga that is held: {SagaId}")]
    public static partial void Held(ILogger logger, SagaId sagaId);

    [LoggerMessage(19, LogLevel.Error, "found saga whose row cannot be read: {SagaId}: {Error}")]
    public static partial void Unreadable(ILogger logger, SagaId sagaId, string error);

    [LoggerMessage(20, LogLevel.Error,
        "protocol violation: saga {SagaId} was inserted before it was announced; "
        + "announce sagas first, or recovery may resume them while they start")]
    public static partial void ProtocolViolation(ILogger logger, SagaId sagaId);

    [LoggerMessage(21, LogLevel.Warning, "executor interrupted saga, to be retried: {SagaId}: {Reason}")]
    public static partial void Interrupted(ILogger logger, SagaId sagaId, string reason);

    [LoggerMessage(22, LogLevel.Debug, "saga was superseded after it was listed: {SagaId}")]
    public static partial void Superseded(ILogger logger, SagaId sagaId);

    [LoggerMessage(23, LogLevel.Warning, "{Purpose} is blocked by {Blockers}")]
    public static partial void BlockedByLocks(ILogger logger, string purpose, string blockers);

    [LoggerMessage(24, LogLevel.Information, "database schema {Schema} is at version {Version}")]
    public static partial void SchemaReady(ILogger logger, string schema, int version);

    [LoggerMessage(25, LogLevel.Information, "saga was already running in the executor: {SagaId}")]
    public static partial void AlreadyInExecutor(ILogger logger, SagaId sagaId);

    [LoggerMessage(26, LogLevel.Warning, "executor failed to relinquish saga {SagaId}; the next pass retries")]
    public static partial void RelinquishFailed(ILogger logger, SagaId sagaId, Exception exception);

    [LoggerMessage(27, LogLevel.Warning, "terminated {Count} connections that were stalled in the middle of a write")]
    public static partial void StalledWritersEnded(ILogger logger, long count);

    [LoggerMessage(28, LogLevel.Critical, "unexpected error in the recovery loop; continuing with the next pass")]
    public static partial void LoopError(ILogger logger, Exception exception);

    [LoggerMessage(29, LogLevel.Debug, "exception of failed pass {Iteration}")]
    public static partial void PassFailedDetails(ILogger logger, long iteration, Exception exception);

    [LoggerMessage(30, LogLevel.Warning, "the previous process did not shut down: it crashed, was killed, or still runs; last seen {LastSeen}, suspects to be resumed last: {InFlight}")]
    public static partial void PreviousCrashed(ILogger logger, string lastSeen, int inFlight);

    [LoggerMessage(87, LogLevel.Error, "crash loop: {Description}")]
    public static partial void CrashLoop(ILogger logger, string description);

    [LoggerMessage(88, LogLevel.Warning, "problem {Problem} acknowledged by {Actor}: {Reason}")]
    public static partial void ProblemAcknowledged(ILogger logger, string problem, string actor, string reason);

    [LoggerMessage(31, LogLevel.Warning, "operator action {Kind} on saga {SagaId} by {Actor}: {Reason}")]
    public static partial void SagaActionPerformed(ILogger logger, string kind, SagaId sagaId, string actor, string reason);

    [LoggerMessage(32, LogLevel.Warning, "operator action {Kind} on recovery by {Actor}: {Reason}")]
    public static partial void RecoveryActionPerformed(ILogger logger, string kind, string actor, string reason);

    [LoggerMessage(33, LogLevel.Debug, "heartbeat or check for stalled sagas failed; the next heartbeat retries")]
    public static partial void HeartbeatFailed(ILogger logger, Exception exception);

    [LoggerMessage(34, LogLevel.Warning, "recovery is paused by {Actor}: {Reason}; sagas not resumed: {Count}")]
    public static partial void Paused(ILogger logger, string actor, string reason, int count);

    [LoggerMessage(35, LogLevel.Information, "found suspect saga, deferred until others have passed their probation: {SagaId}")]
    public static partial void Deferred(ILogger logger, SagaId sagaId);

    [LoggerMessage(36, LogLevel.Debug, "exception of saga {SagaId}, which failed to recover")]
    public static partial void FailedToRecoverDetails(ILogger logger, SagaId sagaId, Exception exception);

    [LoggerMessage(37, LogLevel.Warning,
        "took over from coordinator {CoordinatorId}, silent since {LastSeen}; "
        + "sagas reassigned to {Takers}: {Moved}, left that none of them can run: {Left}{Paused}")]
    public static partial void TookOver(ILogger logger, CoordinatorId coordinatorId, string lastSeen, long moved, string takers, long left, string paused);

    [LoggerMessage(38, LogLevel.Warning, "coordinator {CoordinatorId} has been silent since {LastSeen}, but no other coordinator can take over its sagas{Paused}")]
    public static partial void NoTakerForTakeOver(ILogger logger, CoordinatorId coordinatorId, string lastSeen, string paused);

    [LoggerMessage(39, LogLevel.Information, "draining, requested by {Actor}: {Reason}; starting no new sagas, running sagas have {GracePeriod} to finish")]
    public static partial void Draining(ILogger logger, string actor, string reason, TimeSpan gracePeriod);

    [LoggerMessage(40, LogLevel.Information, "drained; sagas reassigned: {Reassigned}, none left")]
    public static partial void Drained(ILogger logger, long reassigned);

    [LoggerMessage(41, LogLevel.Warning,
        "drain incomplete; sagas reassigned: {Reassigned}, left that no other coordinator takes: {Left}{Paused}; "
        + "they resume at the next start")]
    public static partial void DrainIncomplete(ILogger logger, long left, long reassigned, string paused);

    [LoggerMessage(42, LogLevel.Warning, "drain failed; sagas that were not reassigned resume at the next start: {Error}")]
    public static partial void DrainFailed(ILogger logger, string error, Exception exception);

    [LoggerMessage(43, LogLevel.Warning, "operator action {Kind} on {Coordinator} by {Actor}: {Reason}")]
    public static partial void CoordinatorActionPerformed(ILogger logger, string kind, string coordinator, string actor, string reason);

    [LoggerMessage(44, LogLevel.Warning, "setting {Setting} has no effect: the saga store does not implement ISagaCluster")]
    public static partial void NoCluster(ILogger logger, string setting);

    [LoggerMessage(45, LogLevel.Error, "database lost saga: {SagaId}; this process had started or was running it, and its row no longer exists")]
    public static partial void LostByDatabase(ILogger logger, SagaId sagaId);

    [LoggerMessage(46, LogLevel.Warning,
        "the join of coordinator {CoordinatorId}, incarnation {Incarnation}, does not count any more, since the database was restarted, failed over or "
        + "restored; joining again")]
    public static partial void JoinLost(ILogger logger, CoordinatorId coordinatorId, Incarnation incarnation);

    [LoggerMessage(47, LogLevel.Warning,
        "joined again as coordinator {CoordinatorId}, incarnation {Incarnation}: no other process had joined since; "
        + "restoring the logs of running sagas before new writes")]
    public static partial void Rejoined(ILogger logger, CoordinatorId coordinatorId, Incarnation incarnation);

    [LoggerMessage(48, LogLevel.Warning,
        "found saga that had ended in this process but is in progress in the database: {SagaId} ({SagaName}); "
        + "the database lost its end or a change of owner")]
    public static partial void EndLost(ILogger logger, SagaId sagaId, string sagaName);

    [LoggerMessage(49, LogLevel.Warning,
        "the start of a saga, or other work that needs a membership, has waited {Wait} for this process to join as coordinator {CoordinatorId}; "
        + "it waits until recovery reaches the database and joins")]
    public static partial void WaitingForJoin(ILogger logger, CoordinatorId coordinatorId, string wait);

    [LoggerMessage(50, LogLevel.Warning,
        "the start of a saga has waited {Wait}, and the host has not started recovery yet. The host starts its services one after the other. "
        + "If an earlier one awaits a saga in its StartAsync, register it after AddSagaRecovery(), or start the saga in ExecuteAsync of a "
        + "BackgroundService.")]
    public static partial void WaitingForRecovery(ILogger logger, string wait);

    [LoggerMessage(51, LogLevel.Warning,
        "joining as coordinator {CoordinatorId} fenced a process that sent a heartbeat {Silence} ago and has not shut down: {Host}, process {ProcessId}; "
        + "unless it was killed, two processes have the same CoordinatorId: give each its own")]
    public static partial void JoinedOverLive(ILogger logger, CoordinatorId coordinatorId, string silence, string host, int processId);

    [LoggerMessage(52, LogLevel.Warning,
        "coordinator {CoordinatorId} now runs on {Host}, process {ProcessId}; unless it replaces this process, two processes have the same "
        + "CoordinatorId: give each its own")]
    public static partial void FencedByProcess(ILogger logger, CoordinatorId coordinatorId, string host, int processId);

    [LoggerMessage(53, LogLevel.Warning, "executor failed to cancel or to stop saga {SagaId}; the next pass retries")]
    public static partial void RequestFailed(ILogger logger, SagaId sagaId, Exception exception);

    [LoggerMessage(54, LogLevel.Warning,
        "of the setting DrainFor, {DrainFor}, only {Limit} can be used: the host gives {ShutdownTimeout} to a shutdown (HostOptions.ShutdownTimeout)")]
    public static partial void DrainForTooLong(ILogger logger, TimeSpan drainFor, TimeSpan limit, TimeSpan shutdownTimeout);

    [LoggerMessage(60, LogLevel.Warning,
        "the {Step} of node {Node} has been retried for {Duration}, longer than the stalled threshold of its definition; "
        + "attempt {Attempt} is the last so far, and the last error is {Error}: saga {SagaId} ({SagaName})")]
    public static partial void StepRetriedTooLong(
        ILogger logger, string step, string node, string duration, int attempt, string error, SagaId sagaId, string sagaName);

    [LoggerMessage(61, LogLevel.Warning,
        "attempt {Attempt} of the {Step} of node {Node} has not ended for {Duration}, longer than the stalled threshold of its definition: "
        + "saga {SagaId} ({SagaName})")]
    public static partial void StepHangs(ILogger logger, int attempt, string step, string node, string duration, SagaId sagaId, string sagaName);

    [LoggerMessage(62, LogLevel.Warning,
        "recovery and the saga log share the connection pool of the host's NpgsqlDataSource: {Reason}; sagas that hold all of its connections "
        + "stop heartbeats and the log; register a data source under PostgresStoreOptions.RecoveryDataSource to give them a pool of their own")]
    public static partial void SharedPool(ILogger logger, string reason);

    [LoggerMessage(63, LogLevel.Warning,
        "unfinished sagas of this coordinator have an unknown definition, '{SagaName}' version {Version} ({Hash}…), and stay as they are, {Count} in total: {Reason}")]
    public static partial void UnknownDefinitionAtJoin(ILogger logger, long count, string sagaName, int version, string hash, string reason);

    [LoggerMessage(64, LogLevel.Warning,
        "unfinished sagas of this coordinator have {Definitions} more unknown definitions; sagas with unknown definitions: {Count} in total")]
    public static partial void MoreUnknownDefinitionsAtJoin(ILogger logger, long definitions, long count);

    [LoggerMessage(65, LogLevel.Error, "{Refusal}")]
    public static partial void ShapeChanged(ILogger logger, string refusal);

    [LoggerMessage(66, LogLevel.Critical,
        "this process cannot work with its store, runs no sagas and refuses to start any, until a later attempt to join succeeds: {Reason}")]
    public static partial void StoreIncompatible(ILogger logger, string reason);

    [LoggerMessage(EventId = 67, Message = "sagas that wait for a slot of the executor: {Count} ({Definitions}); they are loaded and resumed when their turn comes")]
    public static partial void WaitingForSlot(ILogger logger, LogLevel level, int count, string definitions);

    [LoggerMessage(68, LogLevel.Debug, "sagas that waited for a slot and had their turn: {Taken}, {Recovered} recovered; {Waiting} wait")]
    public static partial void Refilled(ILogger logger, int taken, int recovered, int waiting);

    [LoggerMessage(69, LogLevel.Warning, "sagas that waited for a slot were not resumed: {Error}; a pass follows")]
    public static partial void RefillFailed(ILogger logger, string error);

    [LoggerMessage(70, LogLevel.Debug, "exception of the failed resumption of sagas that waited for a slot")]
    public static partial void RefillFailedDetails(ILogger logger, Exception exception);

    [LoggerMessage(71, LogLevel.Error, "executor failed to state its capacity; no saga that waits for a slot is resumed until it does")]
    public static partial void CapacityUnknown(ILogger logger, Exception exception);

    [LoggerMessage(72, LogLevel.Warning,
        "sagas with an unknown definition, which stay as they are: {Count} of '{SagaName}' ({Definition}): {Missing}")]
    public static partial void UnknownDefinitionSagas(ILogger logger, int count, string sagaName, string definition, string missing);

    [LoggerMessage(73, LogLevel.Information, "no saga of '{SagaName}' ({Definition}), whose definition was unknown, waits any more")]
    public static partial void NoUnknownDefinition(ILogger logger, string sagaName, string definition);

    [LoggerMessage(74, LogLevel.Warning,
        "executor failed to relinquish {Count} of {Requested} sagas, which stay tracked; the next pass retries; the first is {SagaId}: {Error}")]
    public static partial void RelinquishesFailed(ILogger logger, int count, int requested, SagaId sagaId, string error);

    [LoggerMessage(75, LogLevel.Warning,
        "executor failed to cancel or to stop {Count} of {Requested} sagas; the next pass retries; the first is {SagaId}: {Error}")]
    public static partial void RequestsFailed(ILogger logger, int count, int requested, SagaId sagaId, string error);

    [LoggerMessage(76, LogLevel.Warning, "further unknown definitions, which have no lines of their own: {Definitions}")]
    public static partial void MoreUnknownDefinitions(ILogger logger, int definitions);

    [LoggerMessage(77, LogLevel.Information, "building index {Index} of schema {Schema}, without blocking writers, unless it exists")]
    public static partial void BuildingIndex(ILogger logger, string index, string schema);

    [LoggerMessage(78, LogLevel.Information,
        "retention run in {Duration}; deleted sagas: {Deleted}{Exported}, definitions: {Definitions}, operator actions: {Actions}, coordinators: {Coordinators}")]
    public static partial void RetentionRan(ILogger logger, string duration, long deleted, string exported, long definitions, long actions, long coordinators);

    [LoggerMessage(79, LogLevel.Error, "retention run failed; deleted sagas before: {Deleted}; all others stay until the next attempt, in {Delay}: {Error}")]
    public static partial void RetentionFailed(ILogger logger, long deleted, string delay, string error);

    [LoggerMessage(80, LogLevel.Debug, "exception of the failed retention run")]
    public static partial void RetentionFailedDetails(ILogger logger, Exception exception);

    [LoggerMessage(81, LogLevel.Debug, "retention run stopped, because another process is deleting; deleted sagas before: {Deleted}")]
    public static partial void RetentionElsewhere(ILogger logger, long deleted);

    [LoggerMessage(82, LogLevel.Warning, "the settings of {Section} have no effect: the saga store does not implement ISagaRetention")]
    public static partial void NoRetention(ILogger logger, string section);

    [LoggerMessage(83, LogLevel.Warning, "archive file {File} ends in the middle of a line, which a crash cut off; readers skip that line")]
    public static partial void TornArchiveLine(ILogger logger, string file);

    [LoggerMessage(84, LogLevel.Information, "purge by {Actor}; deleted sagas: {Deleted}{Exported}; {Reason}")]
    public static partial void Purged(ILogger logger, string actor, long deleted, string exported, string reason);

    [LoggerMessage(85, LogLevel.Debug, "number of ended sagas not estimated; a later attempt follows")]
    public static partial void EndedNotEstimated(ILogger logger, Exception exception);

    [LoggerMessage(86, LogLevel.Warning, "no definition {Definition} is stored, which {Section}:ByDefinition names: check its spelling, unless none of its sagas was started yet")]
    public static partial void RetentionOfUnknownDefinition(ILogger logger, string definition, string section);

    [LoggerMessage(90, LogLevel.Warning,
        "ranges of the unfinished sagas of coordinator {Coordinator} were not stored in saga_listing: {Error}; listings and counts are complete, but read "
        + "sagas that have ended until a vacuum removes these from the index; logged again only after a success")]
    public static partial void RangesNotStored(ILogger logger, CoordinatorId coordinator, string error);

    [LoggerMessage(91, LogLevel.Warning,
        "executor was not notified of {Action} for {Count} of {Requested} sagas, which the next pass repeats; the first is {SagaId}: {Error}")]
    public static partial void RunsNotNotified(ILogger logger, string action, int count, int requested, SagaId sagaId, string error);

    [LoggerMessage(92, LogLevel.Information, "saga no longer counts as recovered, since its run was interrupted: {SagaId}")]
    public static partial void TakenBack(ILogger logger, SagaId sagaId);

    [LoggerMessage(93, LogLevel.Information, "executor stopped the run of a saga, as requested: {SagaId}: {Reason}")]
    public static partial void StoppedOnRequest(ILogger logger, SagaId sagaId, string reason);

    [LoggerMessage(94, LogLevel.Warning, "no heartbeat has been written for {Silence}, and other coordinators may take over the sagas of this process: {Error}")]
    public static partial void HeartbeatLate(ILogger logger, string silence, string error);

    [LoggerMessage(95, LogLevel.Information, "heartbeats are written again, after {Silence}")]
    public static partial void HeartbeatInTime(ILogger logger, string silence);

    [LoggerMessage(96, LogLevel.Warning, "no listener connection: {Error}; heartbeats use the pool and find assigned sagas, and operator actions in other processes take effect here at the next periodic pass")]
    public static partial void ListenerMissing(ILogger logger, string error);

    [LoggerMessage(97, LogLevel.Information, "the listener connection is open again: assigned sagas and operator actions in other processes take effect here at once")]
    public static partial void ListenerOpen(ILogger logger);

    [LoggerMessage(98, LogLevel.Debug, "an operator action has taken effect; the status, which could not be read, shows it after the next pass")]
    public static partial void ActionUnpublished(ILogger logger, Exception exception);

    /// <summary>Returns the part of a line about exports; empty if nothing was exported, as without an archive.</summary>
    public static string Exported(long sagas) => sagas > 0 ? string.Create(CultureInfo.InvariantCulture, $", {sagas} exported before") : "";
}
