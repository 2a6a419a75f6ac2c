namespace SagaRecovery.Hosting;

/// <summary>
/// Passes a cancellation on to a store, on another thread. Callbacks run one after the other on the thread that cancels, and Npgsql's callback
/// asks the server to cancel the command and waits for the answer: twice its connection time-out if the server is frozen. Without this, a
/// host that stops would wait for each command under way, past its own time-out.
/// </summary>
internal sealed class DetachedCancellation : IDisposable
{
    private readonly CancellationTokenSource _source = new();
    private readonly CancellationTokenRegistration _registration;

    /// <summary>Follows a token.</summary>
    public DetachedCancellation(CancellationToken cancellationToken) => _registration = cancellationToken.UnsafeRegister(
        static source => _ = ((CancellationTokenSource)source!).CancelAsync(), _source);

    /// <summary>The token for the store.</summary>
    public CancellationToken Token => _source.Token;

    public void Dispose()
    {
        _registration.Dispose();
        _source.Dispose();
    }
}
