using System.Text.Json.Serialization;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Operations;

/// <summary>The request body for an operator action on many sagas.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)] // an unknown property may be a limit, misspelled
public sealed record SagaBatchRequest
{
    /// <summary>The maximum number of sagas in one request. A caller with more sends several.</summary>
    public const int MaxSagas = 500;

    /// <summary>The sagas.</summary>
    public required IReadOnlyList<SagaId> Sagas { get; init; }

    /// <summary>The reason for the action.</summary>
    public required string Reason { get; init; }

    /// <summary>The actor, if the caller is not signed in. Ignored otherwise.</summary>
    public string? Actor { get; init; }

    /// <summary>A value indicating whether to abandon or reassign sagas although their owners answer.</summary>
    /// <value>The default is <see langword="false"/>.</value>
    public bool Force { get; init; }

    /// <summary>A value indicating whether a hold stops present runs as well, once their steps in flight have ended.</summary>
    /// <value>The default is <see langword="false"/>: present runs continue.</value>
    public bool StopRun { get; init; }

    /// <summary>The recipients of a reassignment; null or empty for all coordinators that are active and answer.</summary>
    public IReadOnlyList<CoordinatorId>? To { get; init; }

    /// <summary>Returns the action of the request.</summary>
    /// <param name="kind">The kind of action.</param>
    /// <param name="note">The actor and the reason.</param>
    public SagaAction ToAction(OperatorActionKind kind, OperatorNote note) =>
        new(kind, note) { Condition = new OperatorActionCondition { EvenIfOwnerAnswers = Force }, StopRun = StopRun };
}

/// <summary>The response body of an operator action on many sagas.</summary>
/// <param name="Done">The number of sagas on which the action took effect.</param>
/// <param name="Refused">The sagas on which it did not, with the reasons.</param>
public sealed record SagaBatchResponse(int Done, IReadOnlyList<SagaRefusal> Refused)
{
    /// <summary>The number of sagas that were as the action would make them, such as cancelled before. They are not among the refused ones.</summary>
    public int AlreadyDone { get; init; }

    /// <summary>Creates the response for results.</summary>
    /// <param name="kind">The action.</param>
    /// <param name="sagas">The sagas.</param>
    /// <param name="results">Their results, in the same order.</param>
    public static SagaBatchResponse Of(OperatorActionKind kind, IReadOnlyList<SagaId> sagas, IReadOnlyList<OperatorActionResult> results) => new(
        results.Count(result => result is OperatorActionResult.Done),
        [.. sagas.Zip(results)
            .Where(pair => pair.Second is not (OperatorActionResult.Done or OperatorActionResult.Superseded { IsAlreadyDone: true }))
            .Select(pair => SagaRefusal.Of(pair.First, OperatorActionResponse.Of(kind, pair.First, pair.Second)))])
    {
        AlreadyDone = results.Count(result => result is OperatorActionResult.Superseded { IsAlreadyDone: true }),
    };
}

/// <summary>A saga on which an operator action did not take effect.</summary>
/// <param name="SagaId">The saga.</param>
/// <param name="Result">The outcome as a code.</param>
/// <param name="Message">The outcome as a sentence.</param>
public sealed record SagaRefusal(SagaId SagaId, OperatorActionStatus Result, string Message)
{
    internal static SagaRefusal Of(SagaId sagaId, OperatorActionResponse response) => new(sagaId, response.Result, response.Message);
}
