using System.Text.Json.Serialization;
using SagaRecovery.Storage;

namespace SagaRecovery.Operations;

/// <summary>The request body for reassigning sagas.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)] // an unknown property may be a limit, misspelled
public sealed record ReassignRequest
{
    /// <summary>The maximum of <see cref="Wait"/>, in seconds: 10 minutes.</summary>
    public const double LongestWait = 600;

    /// <summary>The reason for the reassignment.</summary>
    public required string Reason { get; init; }

    /// <summary>The actor, if the caller is not signed in. Ignored otherwise.</summary>
    public string? Actor { get; init; }

    /// <summary>The recipients; null or empty for all coordinators that are active and answer.</summary>
    /// <remarks>Recipients whose recovery is paused receive no sagas, unless the request names one recipient alone.</remarks>
    public IReadOnlyList<CoordinatorId>? To { get; init; }

    /// <summary>A value indicating whether to reassign the sagas although their owner answers.</summary>
    /// <value>The default is <see langword="false"/>.</value>
    public bool EvenIfOwnerAnswers { get; init; }

    /// <summary>The time to wait until the recipients have recovered the sagas.</summary>
    /// <value>Seconds, from 0 to <see cref="LongestWait"/>. The default is 0: no wait.</value>
    public double Wait { get; init; }
}

/// <summary>The response body of a reassignment.</summary>
/// <param name="Result">The outcome as a code.</param>
/// <param name="Message">The outcome as a sentence.</param>
public sealed record ReassignResponse(OperatorActionStatus Result, string Message)
{
    /// <summary>The recipients with their shares.</summary>
    public IReadOnlyList<Receipt> Receipts { get; init; } = [];

    /// <summary>The number of sagas that no recipient can run. They keep their owner.</summary>
    public long Left { get; init; }

    /// <summary>The possible recipients that received nothing because their recovery is paused.</summary>
    public IReadOnlyList<CoordinatorId> Paused { get; init; } = [];

    /// <summary>The recipients that have recovered their sagas; null if the request did not wait, or the wait timed out.</summary>
    public IReadOnlyList<CaughtUp>? CaughtUp { get; init; }

    /// <summary>The owner, if it answers.</summary>
    public CoordinatorDetails? Owner { get; init; }
}
