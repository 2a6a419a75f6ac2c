using System.Text.Json.Serialization;

namespace SagaRecovery.Operations;

/// <summary>The request body for acknowledging a problem.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)] // an unknown property may be a limit, misspelled
public sealed record AcknowledgeRequest
{
    /// <summary>The id of the problem, such as <c>stuck:0197…</c>.</summary>
    public required string Id { get; init; }

    /// <summary>The reason for other operators.</summary>
    public required string Reason { get; init; }

    /// <summary>The actor, if the caller is not signed in. Ignored otherwise.</summary>
    public string? Actor { get; init; }
}
