namespace SagaRecovery.AspNetCore;

/// <summary>The options of <c>MapSagaRecovery</c>. They control the operator actions.</summary>
public sealed class SagaRecoveryEndpointOptions
{
    /// <summary>The name of the authorization policy that a caller must satisfy to run operator actions.</summary>
    /// <value>The default is null: operator actions are not mapped, and all endpoints are read-only.</value>
    public string? OperatorPolicy { get; set; }

    /// <summary>Maps operator actions for every caller, in the Development environment only.</summary>
    /// <value>The default is false. Ignored if <see cref="OperatorPolicy"/> is set.</value>
    /// <remarks>In any other environment, <c>MapSagaRecovery</c> throws an <see cref="InvalidOperationException"/>.</remarks>
    public bool ActionsWithoutPolicy { get; set; }
}
