using SagaRecovery.Activation;
using SagaRecovery.Status;

namespace SagaRecovery;

/// <summary>Asks for a recovery pass: inject it wherever something happened that recovery should look at now. Thread-safe.</summary>
public sealed class SagaRecoveryTrigger
{
    private readonly RecoveryWakeups _wakeups;

    internal SagaRecoveryTrigger(RecoveryWakeups wakeups) => _wakeups = wakeups;

    /// <summary>Asks for a pass soon. Never blocks; however often it is called before the pass begins, one pass answers all.</summary>
    public void Activate() => _wakeups.Request(PassReason.Explicit);

    /// <summary>Asks for a pass, and waits for it.</summary>
    /// <param name="cancellationToken">Gives up waiting; the pass is run all the same.</param>
    /// <returns>The report of a pass that began after this call, a failed one included.</returns>
    /// <exception cref="InvalidOperationException">Recovery has stopped, because the process is shutting down.</exception>
    /// <exception cref="OperationCanceledException">The waiting was given up, or recovery stopped before the pass began.</exception>
    public Task<PassReport> ActivateAsync(CancellationToken cancellationToken = default) => _wakeups.RequestAndWaitAsync(cancellationToken);
}
