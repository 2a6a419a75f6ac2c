using SagaRecovery.Operations;

namespace SagaRecovery.AspNetCore;

/// <summary>The options of <c>MapSagaRecovery</c>. They control who may read, who sees payloads, and who runs operator actions.</summary>
/// <remarks>Each policy stands alone: a caller who satisfies only <see cref="OperatorPolicy"/> runs operator actions, and reads nothing.</remarks>
public sealed class SagaRecoveryEndpointOptions
{
    /// <summary>The name of the authorization policy that a caller must satisfy to read: the report, the page, the lists, the plan and the details.</summary>
    /// <value>
    /// The default is null. In the Development environment every caller may then read. In any other, <c>MapSagaRecovery</c> throws an
    /// <see cref="InvalidOperationException"/>, unless <see cref="AllowAnonymousReading"/> is set.
    /// </value>
    public string? ReadingPolicy { get; set; }

    /// <summary>Opens the endpoints that read to every caller, in any environment.</summary>
    /// <value>The default is false. Ignored if <see cref="ReadingPolicy"/> is set.</value>
    /// <remarks>
    /// Callers see names of sagas, nodes, hosts and operators, tags, error codes and the reasons of operators. Payloads stay hidden without
    /// <see cref="PayloadPolicy"/>.
    /// </remarks>
    public bool AllowAnonymousReading { get; set; }

    /// <summary>The name of the authorization policy that a caller must satisfy to see payloads: parameters, outputs and the texts of errors.</summary>
    /// <value>
    /// The default is null. In the Development environment every caller then sees them. In any other, none does. A hidden payload reads
    /// <c>(hidden)</c>.
    /// </value>
    /// <remarks>A caller must also satisfy the policy of the endpoint. An <see cref="ISagaRedactor"/> decides what of a payload is shown.</remarks>
    public string? PayloadPolicy { get; set; }

    /// <summary>The name of the authorization policy that a caller must satisfy to run operator actions.</summary>
    /// <value>The default is null: operator actions are not mapped, and all endpoints are read-only.</value>
    public string? OperatorPolicy { get; set; }

    /// <summary>Maps operator actions for every caller, in the Development environment only.</summary>
    /// <value>The default is false. Ignored if <see cref="OperatorPolicy"/> is set.</value>
    /// <remarks>In any other environment, <c>MapSagaRecovery</c> throws an <see cref="InvalidOperationException"/>.</remarks>
    public bool ActionsWithoutPolicy { get; set; }
}
