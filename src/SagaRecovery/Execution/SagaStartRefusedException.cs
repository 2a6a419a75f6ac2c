namespace SagaRecovery.Execution;

/// <summary>The exception that is thrown when a saga is started while this process is draining or shutting down.</summary>
/// <remarks>Nothing was started. Another process may accept the saga.</remarks>
public sealed class SagaStartRefusedException : InvalidOperationException
{
    internal SagaStartRefusedException(SagaId sagaId, string activity)
        : base($"Saga {sagaId} was not started: this process is {activity}.")
    {
    }
}
