using System.Text.Json.Serialization;

namespace SagaRecovery.Operations;

/// <summary>The request body for draining a process.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)] // an unknown property may be a limit, misspelled
public sealed record DrainRequest
{
    /// <summary>The maximum of <see cref="GracePeriod"/>, in seconds: one day.</summary>
    public const double LongestGracePeriod = 86_400;

    /// <summary>The reason for the drain.</summary>
    public required string Reason { get; init; }

    /// <summary>The actor, if the caller is not signed in. Ignored otherwise.</summary>
    public string? Actor { get; init; }

    /// <summary>The time that running sagas have to finish before the unfinished ones are reassigned.</summary>
    /// <value>Seconds, from 0 to <see cref="LongestGracePeriod"/>. The default is 0: they are reassigned at once.</value>
    public double GracePeriod { get; init; }
}
