namespace SagaRecovery.Storage;

/// <summary>The exception that is thrown when the contents of a store are of a version that this process cannot work with.</summary>
/// <remarks>
/// A store throws it from <see cref="ISagaStore.JoinAsync"/>. All callers that wait for the join get it, and so do later ones, until an
/// attempt to join succeeds. Recovery retries as after any failed pass.
/// </remarks>
public class IncompatibleStoreException : InvalidOperationException
{
    /// <summary>Initializes the exception.</summary>
    /// <param name="message">The present and the required version, and what an operator should do. Logs and the health check show it.</param>
    /// <param name="innerException">The cause; null for none.</param>
    public IncompatibleStoreException(string message, Exception? innerException = null)
        : base(message, innerException)
    {
    }
}
