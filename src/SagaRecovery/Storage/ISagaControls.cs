using SagaRecovery.Bookkeeping;
using SagaRecovery.Fencing;
using SagaRecovery.Status;

namespace SagaRecovery.Storage;

/// <summary>
/// What recovery keeps beside the sagas: that this process lives, what it has in hand, and what operators have asked for. A store that
/// implements it as well gets the crash-loop guard, holds and pauses; one that does not goes without. Implementations are thread-safe.
/// </summary>
public interface ISagaControls
{
    /// <summary>Reads what operators have asked for of this coordinator and its sagas.</summary>
    Task<RecoveryControls> ReadControlsAsync(Membership member, CancellationToken cancellationToken);

    /// <summary>
    /// Tells how the process before this one ended, and makes suspects of what it had in hand when it died. Called until it has
    /// succeeded once, before anything is handed over.
    /// </summary>
    /// <exception cref="CoordinatorFencedException">A newer incarnation has joined.</exception>
    Task<PreviousIncarnation> ReadPreviousIncarnationAsync(Membership member, CancellationToken cancellationToken);

    /// <summary>Notes that these sagas are about to be handed over: durable when it returns.</summary>
    /// <exception cref="CoordinatorFencedException">A newer incarnation has joined.</exception>
    Task RecordInFlightAsync(Membership member, IReadOnlyList<SagaId> sagas, CancellationToken cancellationToken);

    /// <summary>Forgets what this process has had in hand for longer than the probation: it did not kill it.</summary>
    Task ClearSuspectsAsync(Membership member, TimeSpan probation, CancellationToken cancellationToken);

    /// <summary>
    /// Says what this process is, then that it lives, now and after each period; and hears hints. On a connection of its own, so that
    /// load does not make a live process look dead. Runs until it is cancelled or the connection breaks: then it is to be called again.
    /// </summary>
    /// <param name="member">Who lives.</param>
    /// <param name="profile">What it is.</param>
    /// <param name="period">The time between two signs of life.</param>
    /// <param name="onNotification">Is told of news. Hints may get lost; <see cref="CoordinatorNotification.Listening"/> says when.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="CoordinatorFencedException">A newer incarnation has joined.</exception>
    Task RunHeartbeatAsync(
        Membership member, CoordinatorProfile profile, TimeSpan period, Action<CoordinatorNotification> onNotification, CancellationToken cancellationToken);

    /// <summary>Says that a pass has come to everything that had been assigned to this coordinator.</summary>
    /// <param name="member">Who says so.</param>
    /// <param name="assignment">The number of the last assignment when the pass began; see <see cref="RecoveryControls.Assigned"/>.</param>
    /// <param name="notRunning">How many sagas it left aside.</param>
    /// <param name="cancellationToken">Gives up.</param>
    Task ReportCaughtUpAsync(Membership member, long assignment, int notRunning, CancellationToken cancellationToken);

    /// <summary>Says that this process ends by shutting down, and has nothing in hand any more.</summary>
    Task ReportShutdownAsync(Membership member, CancellationToken cancellationToken);

    /// <summary>Finds the sagas in progress and ours whose last event is older than their definition is given.</summary>
    /// <param name="member">Who asks.</param>
    /// <param name="patience">The threshold, and those of single definitions by name.</param>
    /// <param name="cancellationToken">Gives up.</param>
    Task<StalledSagas> FindStalledAsync(Membership member, StalledThresholds patience, CancellationToken cancellationToken);
}

/// <summary>What a process takes over from the one before it under the same coordinator id.</summary>
/// <param name="Process">How that ended; null: there was none.</param>
/// <param name="Suspects">What it had in hand, and what is under suspicion since earlier deaths.</param>
public sealed record PreviousIncarnation(PreviousProcess? Process, IReadOnlyList<Suspect> Suspects);

/// <summary>For how long a saga may stand still.</summary>
/// <param name="Usual">Where its definition is not named.</param>
/// <param name="ByDefinition">By the name of the definition.</param>
public sealed record StalledThresholds(TimeSpan Usual, IReadOnlyDictionary<string, TimeSpan> ByDefinition);
