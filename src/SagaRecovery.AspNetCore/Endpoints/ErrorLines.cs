using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using SagaRecovery.Storage;
using static SagaRecovery.Status.PlainText;

namespace SagaRecovery.AspNetCore.Endpoints;

/// <summary>
/// Renders the error of a node as lines: <c>code: message</c>, then its stack trace and the rest. The durable executor stores an error as JSON, in which a
/// stack trace is one line with escapes.
/// </summary>
internal static partial class ErrorLines
{
    private const int MatchTimeout = 1000; // ms

    /// <param name="data">The data of the event, which may be cut. Data of any other form is one line.</param>
    public static IReadOnlyList<string> Of(string data) =>
        Parse(data) is { } error && Text(error, "code") is { } code && Text(error, "message") is { } message
            ? [Safe($"{code}: {message}"), .. error.EnumerateObject().Where(one => one.Name is not ("code" or "message")).SelectMany(Describe)]
            : [Safe(data)];

    private static IEnumerable<string> Describe(JsonProperty property) => property switch
    {
        { Name: "exception", Value.ValueKind: JsonValueKind.String } => property.Value.GetString()!.Split('\n').Select(line => Safe(line.TrimEnd('\r'))),
        _ => [Safe($"{property.Name}: {property.Value.GetRawText()}")],
    };

    private static string? Text(JsonElement error, string name) =>
        error.TryGetProperty(name, out JsonElement value) && value.ValueKind is JsonValueKind.String ? value.GetString() : null;

    /// <summary>Parses an object of JSON, also one that was cut inside its last text; null for any other text.</summary>
    private static JsonElement? Parse(string data) => ParseWhole(data) ?? ParseWhole($"{CutEscapeRule().Replace(data, "")}…\"}}");

    private static JsonElement? ParseWhole(string json)
    {
        try
        {
            var reader = new Utf8JsonReader(Encoding.UTF8.GetBytes(json));
            JsonElement element = JsonElement.ParseValue(ref reader);
            return element.ValueKind is JsonValueKind.Object ? element : null;
        }
        catch (JsonException) // cut, or written by another executor
        {
            return null;
        }
    }

    private static string Safe(string text) => OneLine(text, SagaDetails.LongestText);

    [GeneratedRegex(@"\\(u[0-9a-fA-F]{0,3})?$", RegexOptions.ExplicitCapture, MatchTimeout)]
    private static partial Regex CutEscapeRule();
}
