using SagaRecovery.Activation;
using SagaRecovery.Status;

namespace SagaRecovery;

/// <summary>Requests recovery passes outside the periodic schedule.</summary>
/// <remarks>Inject it where the application learns of something that recovery should act on at once. A singleton; thread-safe.</remarks>
public sealed class SagaRecoveryTrigger
{
    private readonly RecoveryWakeups _wakeups;

    internal SagaRecoveryTrigger(RecoveryWakeups wakeups) => _wakeups = wakeups;

    /// <summary>Requests a pass and returns at once.</summary>
    /// <remarks>Never blocks. One pass serves all requests that were made before it began.</remarks>
    public void Activate() => _wakeups.Request(PassReason.Explicit);

    /// <summary>Requests a pass and waits for its report.</summary>
    /// <param name="cancellationToken">Cancels the wait. The pass runs all the same.</param>
    /// <returns>The report of a pass that began after this call. The pass may have failed.</returns>
    /// <exception cref="InvalidOperationException">Recovery has stopped because the process is shutting down.</exception>
    /// <exception cref="OperationCanceledException">The wait was canceled, or recovery stopped before the pass began.</exception>
    public Task<PassReport> ActivateAsync(CancellationToken cancellationToken = default) => _wakeups.RequestAndWaitAsync(cancellationToken);
}
