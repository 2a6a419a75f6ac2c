using System.Text.Json.Serialization;
using SagaRecovery.Fencing;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Operations;

/// <summary>The request body for an operator action.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)] // an unknown property may be a limit, misspelled
public sealed record OperatorActionRequest
{
    /// <summary>The reason for the action.</summary>
    public required string Reason { get; init; }

    /// <summary>The actor, if the caller is not signed in. Ignored otherwise.</summary>
    public string? Actor { get; init; }

    /// <summary>A value indicating whether to act although the owner answers.</summary>
    /// <value>The default is <see langword="false"/>.</value>
    public bool Force { get; init; }

    /// <summary>The state in which the operator saw the saga; null for any state.</summary>
    public SagaState? State { get; init; }

    /// <summary>The generation at which the operator saw the saga; null for any generation.</summary>
    public AdoptGeneration? Generation { get; init; }

    /// <summary>The name of the node, for an injected error or a skipped undo.</summary>
    public string? Node { get; init; }

    /// <summary>A value indicating whether a hold stops a present run as well, once its steps in flight have ended.</summary>
    /// <value>The default is <see langword="false"/>: a present run continues.</value>
    public bool StopRun { get; init; }

    /// <summary>Returns the conditions of the request.</summary>
    public OperatorActionCondition ToCondition() => new() { EvenIfOwnerAnswers = Force, State = State, Generation = Generation };
}

/// <summary>The response body of an operator action.</summary>
/// <param name="Result">The outcome as a code.</param>
/// <param name="Message">The outcome as a sentence.</param>
/// <param name="Present">The saga as it is now, if it is superseded.</param>
/// <param name="Owner">The owner, if it answers.</param>
public sealed record OperatorActionResponse(OperatorActionStatus Result, string Message, SagaSummary? Present = null, CoordinatorDetails? Owner = null)
{
    /// <summary>Creates the response for a result.</summary>
    /// <param name="kind">The action.</param>
    /// <param name="sagaId">The saga.</param>
    /// <param name="outcome">The result of the action.</param>
    public static OperatorActionResponse Of(OperatorActionKind kind, SagaId sagaId, OperatorActionResult outcome) => outcome switch
    {
        OperatorActionResult.Done => new(OperatorActionStatus.Done, $"{SagaNames.Of(kind)}: done, saga {sagaId}"),
        OperatorActionResult.NoSuchSaga => new(OperatorActionStatus.NoSuchSaga, $"There is no saga {sagaId}."),
        OperatorActionResult.Superseded superseded => new(
            OperatorActionStatus.Superseded,
            $"{SagaNames.Of(kind)}: not done, {superseded.Reason}; saga {sagaId} is {SagaNames.Of(superseded.Present.State)} "
                + $"at generation {superseded.Present.Generation}.",
            superseded.Present),
        OperatorActionResult.OwnerAnswers answers => new(
            OperatorActionStatus.OwnerAnswers,
            $"{SagaNames.Of(kind)}: not done, the owner of saga {sagaId} answers ({answers.Owner.Host}, process {answers.Owner.ProcessId}, "
                + $"last seen {PlainText.Duration(answers.Owner.Silence)} ago). {(kind == OperatorActionKind.Reassign ? "Drain that process" : "Run the action in that process")}, or force it.",
            Owner: answers.Owner),
        _ => throw new ArgumentOutOfRangeException(nameof(outcome), outcome, message: null),
    };
}

/// <summary>The outcome of an operator action, as a code.</summary>
public enum OperatorActionStatus
{
    /// <summary>The action took effect.</summary>
    Done,

    /// <summary>No saga has this id.</summary>
    NoSuchSaga,

    /// <summary>Nothing was done: the action does not apply to the saga as it is now.</summary>
    Superseded,

    /// <summary>Nothing was done: the owner answers.</summary>
    OwnerAnswers,

    /// <summary>No coordinator has this id.</summary>
    NoSuchCoordinator,

    /// <summary>Nothing was done: no recipient is active and answers.</summary>
    NoTaker,

    /// <summary>Nothing was done: the coordinator owns unfinished sagas.</summary>
    OwnsSagas,

    /// <summary>No stored definition has this name and version.</summary>
    NoSuchDefinition,
}
