namespace SagaRecovery.AspNetCore;

/// <summary>What <c>MapSagaRecovery</c> maps besides what only looks.</summary>
public sealed class SagaRecoveryEndpointOptions
{
    /// <summary>
    /// The name of the authorization policy that a caller must satisfy to pull levers. Default null: levers are not mapped, and what is
    /// mapped changes nothing.
    /// </summary>
    public string? OperatorPolicy { get; set; }

    /// <summary>
    /// Maps the levers for everybody, in the Development environment; anywhere else mapping fails. Default false. Ignored where
    /// <see cref="OperatorPolicy"/> is set.
    /// </summary>
    public bool ActionsWithoutPolicy { get; set; }
}
