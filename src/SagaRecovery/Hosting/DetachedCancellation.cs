namespace SagaRecovery.Hosting;

/// <summary>
/// Forwards a cancellation to a store on another thread. Callbacks run one after the other on the thread that cancels. Npgsql's callback
/// asks the server to cancel the command and waits for the answer, for up to twice its connection time-out if the server is frozen.
/// Without this class, a stopping host would wait for each running command, past its own time-out.
/// </summary>
internal sealed class DetachedCancellation : IDisposable
{
    private readonly CancellationTokenSource _source = new();
    private readonly CancellationTokenRegistration _registration;

    /// <summary>Forwards the cancellation of a token to <see cref="Token"/>.</summary>
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
