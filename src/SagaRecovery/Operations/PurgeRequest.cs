using SagaRecovery.Storage;

namespace SagaRecovery.Operations;

/// <summary>The request body for a purge of ended sagas.</summary>
public sealed record PurgeRequest
{
    private static readonly TimeSpan s_longestAge = TimeSpan.FromDays(36_500);

    /// <summary>The time since their end after which sagas are deleted.</summary>
    /// <value>At least 1 second, at most 36,500 days.</value>
    public required TimeSpan OlderThan { get; init; }

    /// <summary>The reason for the purge.</summary>
    public required string Reason { get; init; }

    /// <summary>The actor, if the caller is not signed in. Ignored otherwise.</summary>
    public string? Actor { get; init; }

    /// <summary>The states of the sagas.</summary>
    /// <value>The default is <see langword="null"/>: succeeded and unwound. Stuck and abandoned sagas must be named.</value>
    public IReadOnlyList<SagaState>? States { get; init; }

    /// <summary>The name of their definition; null for all definitions.</summary>
    public string? Definition { get; init; }

    /// <summary>A value indicating whether the sagas are deleted. Otherwise they are only counted.</summary>
    /// <value>The default is <see langword="false"/>.</value>
    public bool Delete { get; init; }

    /// <summary>A value indicating whether the request continues an earlier one, which was recorded as an operator action.</summary>
    /// <value>The default is <see langword="false"/>.</value>
    public bool Continues { get; init; }

    /// <summary>Checks the request.</summary>
    /// <returns>The error, as a sentence; null if the request is valid.</returns>
    public string? Validate() =>
        OlderThan < TimeSpan.FromSeconds(1) || OlderThan > s_longestAge ? "'olderThan' must be from 00:00:01 to 36500 days."
        : States is not null && States.Any(state => state is not (SagaState.Succeeded or SagaState.Unwound or SagaState.Stuck or SagaState.Abandoned))
            ? "'states' may only have states of ended sagas: Succeeded, Unwound, Stuck, Abandoned."
        : null;
}

/// <summary>The response body of a purge.</summary>
/// <param name="Result">The outcome as a code.</param>
/// <param name="Message">The outcome as a sentence.</param>
public sealed record PurgeResponse(OperatorActionStatus Result, string Message)
{
    /// <summary>The counts of a dry run, by definition and state. Empty if sagas were deleted.</summary>
    public IReadOnlyList<PurgeCount> Counts { get; init; } = [];

    /// <summary>The number of deleted sagas.</summary>
    public long Deleted { get; init; }

    /// <summary>The number of sagas that were exported before.</summary>
    public long Archived { get; init; }

    /// <summary>A value indicating whether nothing is left to delete. If <see langword="false"/>, repeat the request.</summary>
    public bool IsComplete { get; init; }
}

/// <summary>The expired sagas of a definition and a state.</summary>
/// <param name="Definition">The name of the definition.</param>
/// <param name="State">The state.</param>
/// <param name="Sagas">The number of sagas.</param>
/// <param name="Bytes">The stored size of their parameters and logs, in bytes.</param>
/// <param name="Oldest">The time at which the first of them ended.</param>
public sealed record PurgeCount(string Definition, SagaState State, long Sagas, long Bytes, DateTimeOffset Oldest);
