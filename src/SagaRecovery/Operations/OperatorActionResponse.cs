using SagaRecovery.Fencing;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Operations;

/// <summary>A lever as it is asked for over the wire. Who pulls it is known from elsewhere, unless nobody is signed in.</summary>
public sealed record OperatorActionRequest
{
    /// <summary>Why.</summary>
    public required string Reason { get; init; }

    /// <summary>Who, where the caller is not signed in; otherwise ignored.</summary>
    public string? Actor { get; init; }

    /// <summary>Pull it although the owner answers.</summary>
    public bool Force { get; init; }

    /// <summary>The state in which the operator saw the saga; null: any.</summary>
    public SagaState? State { get; init; }

    /// <summary>The generation at which the operator saw it; null: any.</summary>
    public AdoptGeneration? Generation { get; init; }

    /// <summary>The node, for an injected error.</summary>
    public string? Node { get; init; }

    /// <summary>What of it is a condition.</summary>
    public OperatorActionCondition ToCondition() => new() { EvenIfOwnerAnswers = Force, State = State, Generation = Generation };
}

/// <summary>What became of a lever, for whoever pulled it from afar.</summary>
/// <param name="Result">In a word.</param>
/// <param name="Message">In a sentence.</param>
/// <param name="Present">The saga as it is now, where it moved on.</param>
/// <param name="Owner">Its owner, where that answers.</param>
public sealed record OperatorActionResponse(OperatorActionStatus Result, string Message, SagaSummary? Present = null, CoordinatorDetails? Owner = null)
{
    /// <summary>An outcome in words.</summary>
    public static OperatorActionResponse Of(OperatorActionKind kind, SagaId sagaId, OperatorActionResult outcome) => outcome switch
    {
        OperatorActionResult.Done => new(OperatorActionStatus.Done, $"{SagaNames.Of(kind)}: done, saga {sagaId}"),
        OperatorActionResult.NoSuchSaga => new(OperatorActionStatus.NoSuchSaga, $"There is no saga {sagaId}."),
        OperatorActionResult.Superseded moved => new(
            OperatorActionStatus.Superseded,
            $"{SagaNames.Of(kind)}: not done, {moved.Why}; saga {sagaId} is {SagaNames.Of(moved.Present.State)} at generation {moved.Present.Generation}.",
            moved.Present),
        OperatorActionResult.OwnerAnswers answers => new(
            OperatorActionStatus.OwnerAnswers,
            $"{SagaNames.Of(kind)}: not done, the owner of saga {sagaId} answers ({answers.Owner.Host}, process {answers.Owner.ProcessId}, last seen {PlainText.Duration(answers.Owner.Silence)} ago). Ask it, or force.",
            Owner: answers.Owner),
        _ => throw new ArgumentOutOfRangeException(nameof(outcome), outcome, message: null),
    };
}

/// <summary>What became of a lever, in a word.</summary>
public enum OperatorActionStatus
{
    /// <summary>It was pulled.</summary>
    Done,

    /// <summary>There is no such saga.</summary>
    NoSuchSaga,

    /// <summary>The saga is not, or no longer, where the lever would move it.</summary>
    Superseded,

    /// <summary>The owner answers.</summary>
    OwnerAnswers,

    /// <summary>There is no such coordinator.</summary>
    NoSuchCoordinator,

    /// <summary>Nobody who could take the sagas is active and answers.</summary>
    NoTaker,
}
