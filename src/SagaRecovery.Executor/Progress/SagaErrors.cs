using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace SagaRecovery.Executor.Progress;

/// <summary>Converts errors to and from the form in which the log stores them.</summary>
internal static class SagaErrors
{
    public static SagaError From(Exception exception) =>
        exception is SagaActionException failure
            ? new SagaError(failure.Code, failure.Message)
            : new SagaError(exception.GetType().Name, exception.Message);

    /// <summary>Creates the error of a node that cannot run again: the database lost the output of its parent, and the parent then failed.</summary>
    public static SagaError LostInput(string parent) => new(
        "lost_input",
        $"The database lost the output of '{parent}', and '{parent}' failed when it ran again: the input of this node is missing.");

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

    private static SagaError Unreadable(ReadOnlyMemory<byte> json) => new("unreadable", Encoding.UTF8.GetString(json.Span));
}

[JsonSourceGenerationOptions(JsonSerializerDefaults.Web)]
[JsonSerializable(typeof(SagaError))]
internal sealed partial class SagaErrorJson : JsonSerializerContext;
