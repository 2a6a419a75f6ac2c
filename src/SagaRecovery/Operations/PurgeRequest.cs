using System.Text.Json.Serialization;
using SagaRecovery.Storage;

namespace SagaRecovery.Operations;

/// <summary>The request body for a purge of ended sagas.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)] // an unknown property may be a limit, misspelled
public sealed record PurgeRequest
{
    private static readonly TimeSpan s_longestAge = TimeSpan.FromDays(36_500);

    private static readonly SagaState[] s_defaultStates = [SagaState.Succeeded, SagaState.Unwound];

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

    /// <summary>The name of their definition; null for all definitions except those that the settings of retention keep.</summary>
    public string? Definition { get; init; }

    /// <summary>The version of <see cref="Definition"/>; null for all versions.</summary>
    public int? Version { get; init; }

    /// <summary>A value indicating whether the sagas are deleted. Otherwise they are only counted.</summary>
    /// <value>The default is <see langword="false"/>.</value>
    public bool Delete { get; init; }

    /// <summary>The <see cref="PurgeResponse.Continuation"/> of the last response to this request.</summary>
    /// <value>The default is <see langword="null"/>: the purge begins, and is recorded as an operator action if it deletes.</value>
    public string? Continuation { get; init; }

    internal IReadOnlyList<SagaState> StatesOrDefault => States is { Count: > 0 } named ? named : s_defaultStates;

    /// <summary>Checks the request.</summary>
    /// <returns>The error, as a sentence; null if the request is valid.</returns>
    public string? Validate() =>
        OlderThan < TimeSpan.FromSeconds(1) || OlderThan > s_longestAge ? "'olderThan' must be from 00:00:01 to 36500 days."
        : States is not null && States.Any(state => state is not (SagaState.Succeeded or SagaState.Unwound or SagaState.Stuck or SagaState.Abandoned))
            ? "'states' may only have states of ended sagas: Succeeded, Unwound, Stuck, Abandoned."
        : Version is not null && Definition is null ? "'version' needs a 'definition'."
        : Continuation is not null && PurgeContinuation.Read(this) is null
            ? "'continuation' must be that of the last response to a request of the same scope, unchanged."
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

    /// <summary>The names of the definitions that were left out, because the settings of retention keep their sagas.</summary>
    public IReadOnlyList<string> KeptDefinitions { get; init; } = [];

    /// <summary>The position at which to continue, for <see cref="PurgeRequest.Continuation"/>; null if the purge is complete.</summary>
    public string? Continuation { get; init; }

    /// <summary>A value indicating whether all sagas of the scope were visited. If <see langword="false"/>, repeat the request with the continuation.</summary>
    public bool IsComplete => Continuation is null;
}

/// <summary>The expired sagas of a definition and a state.</summary>
/// <param name="Definition">The name of the definition.</param>
/// <param name="State">The state.</param>
/// <param name="Sagas">The number of sagas.</param>
/// <param name="Bytes">The stored size of their parameters and logs, in bytes.</param>
/// <param name="Oldest">The time at which the first of them ended.</param>
public sealed record PurgeCount(string Definition, SagaState State, long Sagas, long Bytes, DateTimeOffset Oldest);
