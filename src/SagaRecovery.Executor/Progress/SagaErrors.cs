using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace SagaRecovery.Executor.Progress;

/// <summary>How errors stand in the log.</summary>
internal static class SagaErrors
{
    public static SagaError From(Exception exception) =>
        exception is SagaActionException failure
            ? new SagaError(failure.Code, failure.Message)
            : new SagaError(exception.GetType().Name, exception.Message);

    /// <summary>Why a node cannot be run again: the database lost the success of its parent, which then failed.</summary>
    public static SagaError LostInput(string parent) => new(
        "lost_input",
        $"The database had lost that '{parent}' had succeeded, and '{parent}' failed when it was run again: there is no input to go on with.");

    public static byte[] Write(SagaError error) => JsonSerializer.SerializeToUtf8Bytes(error, SagaErrorJson.Default.SagaError);

    /// <summary>Reads an error. What cannot be read is no reason to leave a saga alone: the error is for the caller and the operator only.</summary>
    public static SagaError Read(ReadOnlyMemory<byte> json)
    {
        if (json.IsEmpty)
        {
            return new SagaError("lost", "The database has lost why.");
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

    private static SagaError Unreadable(ReadOnlyMemory<byte> json) => new("unreadable", Encoding.UTF8.GetString(json.Span));
}

[JsonSourceGenerationOptions(JsonSerializerDefaults.Web)]
[JsonSerializable(typeof(SagaError))]
internal sealed partial class SagaErrorJson : JsonSerializerContext;
