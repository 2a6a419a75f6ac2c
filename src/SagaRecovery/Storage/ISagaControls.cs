using SagaRecovery.Bookkeeping;
using SagaRecovery.Fencing;
using SagaRecovery.Status;

namespace SagaRecovery.Storage;

/// <summary>The optional part of a saga store that keeps heartbeats, sagas in flight, and the requests of operators.</summary>
/// <remarks>
/// A store that also implements this interface gets the crash-loop guard, holds and pauses. Recovery works without it, but lacks these.
/// Implementations must be thread-safe.
/// </remarks>
public interface ISagaControls
{
    /// <summary>Reads the requests of operators for this coordinator and its sagas.</summary>
    /// <param name="member">The membership of this process.</param>
    /// <param name="cancellationToken">Cancels the read.</param>
    /// <returns>The pause, the held sagas, and the recent operator actions.</returns>
    Task<RecoveryControls> ReadControlsAsync(Membership member, CancellationToken cancellationToken);

    /// <summary>Reads the same for a dry run that an operator requested, within the time limit of operators and beside the writes of the log.</summary>
    /// <param name="member">The membership of this process.</param>
    /// <param name="cancellationToken">Cancels the read.</param>
    /// <exception cref="SearchTimeoutException">The read took too long.</exception>
    /// <remarks>A store that does not implement this reads as a pass does.</remarks>
    Task<RecoveryControls> QueryControlsAsync(Membership member, CancellationToken cancellationToken) => ReadControlsAsync(member, cancellationToken);

    /// <summary>Reads how the previous incarnation ended, and marks the sagas that it had in flight as suspects if it crashed.</summary>
    /// <param name="member">The membership of this process.</param>
    /// <param name="cancellationToken">Cancels the read.</param>
    /// <returns>The end of the previous incarnation, and the suspects.</returns>
    /// <exception cref="CoordinatorFencedException">A newer incarnation has joined.</exception>
    /// <remarks>Recovery calls it until it succeeds once, and resumes no saga before that.</remarks>
    Task<PreviousIncarnation> ReadPreviousIncarnationAsync(Membership member, CancellationToken cancellationToken);

    /// <summary>Records that recovery is about to resume these sagas.</summary>
    /// <param name="member">The membership of this process.</param>
    /// <param name="sagas">The sagas.</param>
    /// <param name="cancellationToken">Cancels the write.</param>
    /// <exception cref="CoordinatorFencedException">A newer incarnation has joined.</exception>
    /// <remarks>The record must be durable when the call returns. Otherwise a crash could go unnoticed.</remarks>
    Task RecordInFlightAsync(Membership member, IReadOnlyList<SagaId> sagas, CancellationToken cancellationToken);

    /// <summary>Clears the sagas that this process has survived for longer than the probation.</summary>
    /// <param name="member">The membership of this process.</param>
    /// <param name="probation">The time after which a saga is cleared.</param>
    /// <param name="cancellationToken">Cancels the write.</param>
    Task ClearSuspectsAsync(Membership member, TimeSpan probation, CancellationToken cancellationToken);

    /// <summary>Clears the sagas in flight that have ended, or completed a step since this process resumed them. Used in a crash loop.</summary>
    /// <param name="member">The membership of this process.</param>
    /// <param name="cancellationToken">Cancels the write.</param>
    /// <returns>True if sagas remain in flight.</returns>
    /// <remarks>A store that does not implement this clears none: each saga is in flight for the whole probation.</remarks>
    Task<bool> ClearProgressedAsync(Membership member, CancellationToken cancellationToken) => Task.FromResult(true);

    /// <summary>Records the crash loop of this coordinator, for its next processes.</summary>
    /// <param name="member">The membership of this process.</param>
    /// <param name="loop">The crash loop; null if there is none any more. If <see cref="CrashLoop.ClearsSuspects"/>, its suspects are cleared.</param>
    /// <param name="cancellationToken">Cancels the write.</param>
    /// <exception cref="CoordinatorFencedException">A newer incarnation has joined.</exception>
    /// <remarks>A store that does not implement this finds no saga that kills its process later than the probation.</remarks>
    Task RecordCrashLoopAsync(Membership member, CrashLoop? loop, CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>Publishes the profile of this process, writes heartbeats, and delivers notifications until it is canceled.</summary>
    /// <param name="member">The membership of this process.</param>
    /// <param name="profile">The profile to publish before the first heartbeat.</param>
    /// <param name="period">The interval between two heartbeats. The first one is written at once.</param>
    /// <param name="onNotification">
    /// The callback for notifications. Hints may be lost; <see cref="CoordinatorNotification.Listening"/> marks the moment from which they
    /// are delivered, and <see cref="CoordinatorNotification.HeartbeatWritten"/> each heartbeat.
    /// </param>
    /// <param name="cancellationToken">Stops the heartbeat.</param>
    /// <returns>A task that ends when a heartbeat fails. The caller then calls again.</returns>
    /// <exception cref="CoordinatorFencedException">A newer incarnation has joined.</exception>
    /// <remarks>
    /// Implementations must use a dedicated connection. Otherwise load could make a live process look dead. While that connection cannot be
    /// opened, write the heartbeats in another way.
    /// </remarks>
    Task RunHeartbeatAsync(
        Membership member, CoordinatorProfile profile, TimeSpan period, Action<CoordinatorNotification> onNotification, CancellationToken cancellationToken);

    /// <summary>Reports that a pass has processed all sagas that had been assigned to this coordinator.</summary>
    /// <param name="member">The membership of this process.</param>
    /// <param name="assignment">The number of the last assignment when the pass began; see <see cref="RecoveryControls.Assigned"/>.</param>
    /// <param name="notRunning">The number of sagas that the pass left without a run.</param>
    /// <param name="cancellationToken">Cancels the write.</param>
    Task ReportCaughtUpAsync(Membership member, long assignment, int notRunning, CancellationToken cancellationToken);

    /// <summary>Reports that this process shuts down in order and has no sagas in flight.</summary>
    /// <param name="member">The membership of this process.</param>
    /// <param name="cancellationToken">Cancels the write.</param>
    Task ReportShutdownAsync(Membership member, CancellationToken cancellationToken);

    /// <summary>Finds the sagas in progress of this coordinator whose last event is older than the threshold of their definition.</summary>
    /// <param name="member">The membership of this process.</param>
    /// <param name="patience">The thresholds.</param>
    /// <param name="among">The sagas to look at, while others wait for a slot of the executor; null for all. There may be a million others.</param>
    /// <param name="except">The sagas to leave out, because this process retries their steps.</param>
    /// <param name="cancellationToken">Cancels the read.</param>
    /// <returns>The stalled sagas.</returns>
    Task<StalledSagas> FindStalledAsync(
        Membership member,
        StalledThresholds patience,
        IReadOnlyCollection<SagaId>? among,
        IReadOnlyCollection<SagaId> except,
        CancellationToken cancellationToken);
}

/// <summary>The state that the previous process under the same coordinator id left behind.</summary>
/// <param name="Process">The end of that process; null if this is the first incarnation.</param>
/// <param name="Suspects">The sagas that it had in flight when it crashed, and the suspects of earlier crashes.</param>
public sealed record PreviousIncarnation(PreviousProcess? Process, IReadOnlyList<Suspect> Suspects)
{
    /// <summary>The end of that process; the default if the store does not implement <see cref="ISagaControls.RecordCrashLoopAsync"/>.</summary>
    public ProcessEnd End { get; init; }

    /// <summary>The crash loop before that process ended, or, if <see cref="IsLoopRecorded"/>, after it; null if there is none.</summary>
    public CrashLoop? Loop { get; init; }

    /// <summary>True if the present incarnation has recorded the crash loop.</summary>
    public bool IsLoopRecorded { get; init; }
}

/// <summary>The times without a new event after which a saga counts as stalled.</summary>
/// <param name="Default">The threshold for definitions that <paramref name="ByDefinition"/> does not name.</param>
/// <param name="ByDefinition">The thresholds for single definitions, by definition name.</param>
public sealed record StalledThresholds(TimeSpan Default, IReadOnlyDictionary<string, TimeSpan> ByDefinition);
