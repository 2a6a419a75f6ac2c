using System.Net;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace SagaRecovery.Cli.Access;

/// <summary>What a service answered.</summary>
/// <param name="Where">Which service.</param>
/// <param name="SignedIn">Whether it was given a name and a token.</param>
/// <param name="Status">The status.</param>
/// <param name="Body">The whole body.</param>
internal sealed record ServiceAnswer(string Where, bool SignedIn, HttpStatusCode Status, string Body)
{
    /// <exception cref="JsonException">It is of another form.</exception>
    public T Read<T>(JsonTypeInfo<T> type) => JsonSerializer.Deserialize(Body, type) ?? throw new JsonException("The answer is null.");

    /// <returns>Null: it is of another form.</returns>
    public T? TryRead<T>(JsonTypeInfo<T> type)
        where T : class
    {
        try
        {
            return JsonSerializer.Deserialize(Body, type);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <summary>An answer that is not the one hoped for, in a line.</summary>
    public RefusalException ToRefusal() => Status switch
    {
        HttpStatusCode.BadRequest => new(ExitCode.Usage, $"The service refuses the request: {Detail()}"),
        HttpStatusCode.Unauthorized when SignedIn => new(ExitCode.Refused, $"The service at {Where} does not accept your name and token."),
        HttpStatusCode.Unauthorized => new(ExitCode.Refused, $"The service at {Where} does not know you: give --user, and your token in SAGA_RECOVERY_TOKEN or with --token-file."),
        HttpStatusCode.Forbidden => new(ExitCode.Refused, $"The service at {Where} gives you no rights to do this."),
        HttpStatusCode.NotFound => new(ExitCode.Unreachable, $"There is no saga recovery at {Where}: look at the path."),
        HttpStatusCode.NotImplemented => new(ExitCode.Failed, $"The service cannot do this: {Detail()}"),
        HttpStatusCode.BadGateway or HttpStatusCode.ServiceUnavailable or HttpStatusCode.GatewayTimeout =>
            new(ExitCode.Unreachable, $"The service at {Where} cannot answer now: {Detail()}"),
        _ => new(ExitCode.Failed, $"The service at {Where} answers {(int)Status}: {Detail()}"),
    };

    /// <summary>What a problem document says; otherwise the beginning of the body.</summary>
    private string Detail()
    {
        try
        {
            using var problem = JsonDocument.Parse(Body);
            JsonElement root = problem.RootElement;
            foreach (string name in new[] { "detail", "title" })
            {
                if (root.ValueKind == JsonValueKind.Object && root.TryGetProperty(name, out JsonElement text) && text.ValueKind == JsonValueKind.String)
                {
                    return Status.ToString() == text.GetString() ? $"{(int)Status}" : text.GetString()!;
                }
            }
        }
        catch (JsonException)
        {
            // no problem document
        }

        return Body.Length == 0 ? $"{(int)Status} {Status}" : Status.ToString() + " " + Body[..Math.Min(Body.Length, 300)];
    }
}
