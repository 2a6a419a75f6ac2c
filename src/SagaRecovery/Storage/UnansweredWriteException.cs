namespace SagaRecovery.Storage;

/// <summary>
/// The exception for a write of <see cref="ISagaTransactions.AppendAsync"/> that the store could not make or did not answer. It is unknown whether the
/// transaction was committed. A repeated call finds out.
/// </summary>
public sealed class UnansweredWriteException : Exception
{
    /// <summary>Creates the exception.</summary>
    /// <param name="cause">The failure of the connection or of the store.</param>
    public UnansweredWriteException(Exception cause)
        : base($"The event was not written, or the answer was lost: {cause.Message}", cause)
    {
    }
}
