using System.Text;
using System.Text.Json;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Operations;

/// <summary>
/// The rules of the operator actions on a stuck saga: what they refuse, and what they record. Pure. The store enforces the same refusals
/// under its lock.
/// </summary>
internal static class StuckSagaRules
{
    /// <returns>The refusal of an action on a stuck saga; null if the action may be tried.</returns>
    /// <remarks>The owner may answer: no process runs a stuck saga, so the action cannot disturb a run.</remarks>
    public static OperatorActionResult? Refusal(SagaDetails saga, OperatorActionCondition condition) => Refusal(saga, condition, "not stuck");

    /// <returns>The refusal to skip an undo, of a stuck saga or of one that unwinds; null if the action may be tried.</returns>
    public static OperatorActionResult? RefusalToSkip(SagaDetails saga, OperatorActionCondition condition) =>
        saga.Summary.State is SagaState.Unwinding ? OperatorActionRules.Refusal(saga, condition) : Refusal(saga, condition, "neither unwinding nor stuck");

    /// <summary>Returns the obstacle to an action on a node of the saga, as a clause for operators; null if the node exists.</summary>
    public static string? MissingNode(SagaDetails saga, string node) =>
        saga.Graph?.Find(node) is null ? $"it has no node '{PlainText.OneLine(node)}'" : null;

    /// <summary>Returns the obstacle to skipping an undo that has not begun, or that has finished, as a clause for operators.</summary>
    public static string NotToSkip(string node) => $"the undo of node '{PlainText.OneLine(node)}' has not failed and is not in flight";

    /// <summary>Returns the failures of the undos, in the order of writing. The details of a saga with very many events may lack some.</summary>
    public static IEnumerable<LoggedEvent> FailedUndos(SagaDetails saga) => saga.Events.Where(one => one.Type is NodeEventType.UndoFailed);

    /// <summary>Returns true for an undo that an operator skipped.</summary>
    public static bool IsSkippedUndo(LoggedEvent one) =>
        one is { Type: NodeEventType.UndoFinished, Data: { } data } && data.StartsWith("{\"skipped\"", StringComparison.Ordinal);

    /// <summary>Returns true for the failure of an action that an operator injected.</summary>
    public static bool IsInjected(LoggedEvent one) =>
        one is { Type: NodeEventType.Failed, Data: { } data } && TryReadError(data)?.ByOperator == true;

    /// <summary>Returns true for the failure of an action whose effect is uncertain, so that its node is undone all the same.</summary>
    public static bool IsUncertain(LoggedEvent one) =>
        one is { Type: NodeEventType.Failed, Data: { } data } && TryReadError(data)?.IsUncertain == true;

    /// <summary>Returns the reason to record. It keeps the errors of the undos, since the action takes them out of the log.</summary>
    /// <param name="note">The note of the operator.</param>
    /// <param name="failed">The failures that leave the log.</param>
    public static string ReasonToRecord(OperatorNote note, IEnumerable<LoggedEvent> failed)
    {
        string story = string.Join("; ", failed.Select(undo => $"the undo of '{undo.Node}' had failed: {ErrorOf(undo)}"));
        int room = OperatorNote.MaxLength - note.Reason.Length - " ()…".Length;
        return story.Length == 0 || room <= 0 ? note.Reason : $"{note.Reason} ({PlainText.OneLine(story, room)})";
    }

    /// <summary>Returns the error of a failed action or undo as <c>code: message</c>, or its data in another form, on one short line.</summary>
    public static string ErrorOf(LoggedEvent failed) =>
        failed.Data is not { } data ? "no error recorded" : PlainText.OneLine(TryReadError(data)?.Text ?? data);

    private static OperatorActionResult? Refusal(SagaDetails saga, OperatorActionCondition condition, string lacking) => saga.Summary.State is SagaState.Stuck
        ? OperatorActionRules.ChangeSince(saga.Summary, condition)
        : new OperatorActionResult.Superseded(saga.Summary, $"it is {SagaNames.Of(saga.Summary.State)}, {lacking}");

    /// <summary>Reads an error of the durable executor. Returns null for data of another form.</summary>
    private static (string Text, bool ByOperator, bool IsUncertain)? TryReadError(string data)
    {
        (string? code, string? message, bool byOperator, bool isUncertain) = (null, null, false, false);
        try
        {
            // The text may be truncated after its first properties: not a final block.
            var reader = new Utf8JsonReader(Encoding.UTF8.GetBytes(data), isFinalBlock: false, state: default);
            while (reader.Read())
            {
                if (reader is { TokenType: JsonTokenType.PropertyName, CurrentDepth: 1 })
                {
                    string name = reader.GetString()!;
                    string? value = reader.Read() && reader.TokenType is JsonTokenType.String ? reader.GetString() : null;
                    (code, message) = (name == "code" ? value : code, name == "message" ? value : message);
                    byOperator |= name == "byOperator" && reader.TokenType is JsonTokenType.True;
                    isUncertain |= name == "isUncertain" && reader.TokenType is JsonTokenType.True;
                }
            }
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException) // not JSON, or half of a surrogate pair
        {
            return null;
        }

        return code is null || message is null ? null : ($"{code}: {message}", byOperator, isUncertain);
    }
}
