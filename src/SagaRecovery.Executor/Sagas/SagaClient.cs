namespace SagaRecovery;

/// <summary>
/// Starts sagas, and finds those that run in this process. A singleton of the container; thread-safe. Abstract so that a unit test can
/// supply its own.
/// </summary>
public abstract class SagaClient
{
    /// <summary>
    /// Starts a saga: once this returns, it is in the store, and will be carried to its end even if this process ends now. Waits until
    /// this process has joined as a coordinator.
    /// </summary>
    /// <typeparam name="TParameters">What the saga is started with.</typeparam>
    /// <param name="saga">The registered definition, from the container.</param>
    /// <param name="parameters">What to start it with.</param>
    /// <param name="options">Its id, or failures to put in; null: the defaults.</param>
    /// <param name="cancellationToken">Gives up the start. The saga may have been inserted nonetheless; then it is recovered.</param>
    /// <exception cref="ArgumentException">The saga is not registered, or an injection names a node that it lacks.</exception>
    /// <exception cref="InvalidOperationException">A saga with this id exists, or this process is draining or shutting down: nothing was started.</exception>
    /// <exception cref="Fencing.CoordinatorFencedException">A newer process runs under this coordinator id: nothing was started.</exception>
    /// <remarks>
    /// Any other exception is the store's, and leaves open whether the saga was inserted; if it was, recovery finds it. A caller that
    /// must not start it twice gives an id and tries again with the same.
    /// </remarks>
    public abstract Task<SagaHandle> StartAsync<TParameters>(
        Saga<TParameters> saga, TParameters parameters, SagaStartOptions? options = null, CancellationToken cancellationToken = default);

    /// <summary>The run of a saga in this process, started or recovered; null: there is none, or it is over.</summary>
    public abstract SagaHandle? Find(SagaId id);
}
