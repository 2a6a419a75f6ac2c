using System.Diagnostics.CodeAnalysis;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using SagaRecovery.Status;

namespace SagaRecovery.Executor.Progress;

/// <summary>Converts errors to and from the form in which the log stores them.</summary>
[SuppressMessage("Design", "CA1031", Justification = "Serialization runs code of the user's types.")]
internal static class SagaErrors
{
    /// <summary>The longest story of an exception in the log, in characters. A runaway chain of causes must not fill the log.</summary>
    private const int LongestException = 8_000;

    private const int LongestMessage = 4_000;

    /// <summary>Creates the error of an exception. A detail that cannot be stored as it is must not keep the saga from unwinding.</summary>
    public static SagaError From(Exception exception, int attempts, JsonSerializerOptions json)
    {
        var failure = exception as SagaActionException;
        string code = exception is InjectedFailureException ? SagaInjections.ErrorCode : failure?.Code ?? exception.GetType().Name;
        (JsonElement? detail, string? mistake) = DetailOf(failure, json);
        string lost = mistake is null ? "" : $"The detail of this error was not stored: {mistake}.{Environment.NewLine}";
        return new SagaError(code, CutMessage(exception.Message))
        {
            Exception = Cut(lost + exception, LongestException),
            Attempts = attempts,
            Detail = detail,
        };
    }

    /// <summary>Cuts the message of an exception to the length that is stored and logged.</summary>
    public static string CutMessage(string message) => Cut(message, LongestMessage);

    /// <summary>Creates the error of an exception for people: code and message alone.</summary>
    public static SagaError Brief(Exception exception) =>
        new(exception is SagaActionException failure ? failure.Code : exception.GetType().Name, CutMessage(exception.Message));

    /// <summary>Creates the error of a node that cannot run again: the database lost the output of its parent, and the parent then failed.</summary>
    public static SagaError LostInput(string parent) => new(
        "lost_input",
        $"The database lost the output of '{parent}', and '{parent}' failed when it ran again: the input of this node is missing.");

    /// <summary>The error of an action that had started in an earlier process, and does not run again because the saga was cancelled.</summary>
    public static SagaError Cancelled { get; } =
        new("cancelled", "The saga was cancelled before this process knew whether the action had taken effect.") { IsUncertain = true };

    /// <summary>Creates the cause of an unwind that was requested.</summary>
    public static SagaError OfCancellation(OperatorNote note) => new(Cancelled.Code, $"{note.Actor}: {note.Reason}");

    /// <summary>The data of an undo that began although the action of its node had failed. The log then proves that failure, even without it.</summary>
    public static ReadOnlyMemory<byte> AfterFailure { get; } = "{\"afterFailure\":true}"u8.ToArray();

    public static bool IsAfterFailure(ReadOnlyMemory<byte> undoStarted) => undoStarted.Span.SequenceEqual(AfterFailure.Span);

    /// <summary>Returns true for a failure after which the undo of its node runs.</summary>
    public static bool IsUncertain(ReadOnlyMemory<byte> failed) => !failed.IsEmpty && Read(failed).IsUncertain;

    /// <summary>Returns true for a failure that an operator injected. The store does not know whether the undo of the node bears that.</summary>
    public static bool IsByOperator(ReadOnlyMemory<byte> failed) => !failed.IsEmpty && Read(failed).ByOperator;

    /// <summary>The error of an action whose failure the database has lost, while the undo that followed it is in the log.</summary>
    public static SagaError LostFailure { get; } = new("lost", "The database has lost the error.") { IsUncertain = true };

    public static byte[] Write(SagaError error) => JsonSerializer.SerializeToUtf8Bytes(error, SagaErrorJson.Default.SagaError);

    /// <summary>
    /// Reads an error. An unreadable error must not make its saga unrecoverable, since only the caller and the operator use the text.
    /// </summary>
    public static SagaError Read(ReadOnlyMemory<byte> json)
    {
        if (json.IsEmpty)
        {
            return new SagaError("lost", "The database has lost the error.");
        }

        try
        {
            return JsonSerializer.Deserialize(json.Span, SagaErrorJson.Default.SagaError) ?? Unreadable(json);
        }
        catch (JsonException)
        {
            return Unreadable(json);
        }
    }

    private static (JsonElement? Detail, string? Mistake) DetailOf(SagaActionException? failure, JsonSerializerOptions json)
    {
        if (failure?.Detail is not { } detail)
        {
            return (null, null);
        }

        try
        {
            return JsonRoundTrip.FindMistake(detail.GetType(), json) is { } mistake
                ? (null, mistake)
                : (JsonSerializer.SerializeToElement(detail, json.TypeInfo(detail.GetType())), null);
        }
        catch (Exception e) // code of the user's types
        {
            return (null, $"it cannot be serialized to JSON: {e.Message}");
        }
    }

    private static string Cut(string text, int longest) => text.Length <= longest ? text : text[..longest] + "…";

    private static SagaError Unreadable(ReadOnlyMemory<byte> json) => new("unreadable", Encoding.UTF8.GetString(json.Span));
}

[JsonSourceGenerationOptions(JsonSerializerDefaults.Web)]
[JsonSerializable(typeof(SagaError))]
internal sealed partial class SagaErrorJson : JsonSerializerContext;
