namespace SagaRecovery.AspNetCore;

/// <summary>The right of a caller to run operator actions, and the reason if the caller has none.</summary>
internal enum OperatorRights
{
    /// <summary>The service maps no operator actions.</summary>
    NotMapped,

    /// <summary>Every caller has the right, in the Development environment.</summary>
    Open,

    /// <summary>The signed-in user has the right.</summary>
    Allowed,

    /// <summary>The caller has to sign in first.</summary>
    AfterSigningIn,

    /// <summary>The signed-in user lacks the right.</summary>
    Refused,
}
