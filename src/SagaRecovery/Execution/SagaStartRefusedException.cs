namespace SagaRecovery.Execution;

/// <summary>This process starts no sagas any more, because it is draining or shutting down: nothing was started. Another process may.</summary>
public sealed class SagaStartRefusedException : InvalidOperationException
{
    internal SagaStartRefusedException(SagaId sagaId, string because)
        : base($"Saga {sagaId} was not started: this process is {because}.")
    {
    }
}
