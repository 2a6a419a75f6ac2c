using System.Net;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace SagaRecovery.Cli.Access;

/// <summary>A response of a service.</summary>
/// <param name="Target">The address of the service.</param>
/// <param name="SignedIn">True when the request carried credentials.</param>
/// <param name="Status">The status code.</param>
/// <param name="Body">The complete body.</param>
internal sealed record ServiceResponse(string Target, bool SignedIn, HttpStatusCode Status, string Body)
{
    /// <summary>Reads the body as JSON.</summary>
    /// <exception cref="JsonException">The body has another form.</exception>
    public T Read<T>(JsonTypeInfo<T> type) => JsonSerializer.Deserialize(Body, type) ?? throw new JsonException("The response is null.");

    /// <summary>Reads the body as JSON, or returns null if it has another form.</summary>
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

    /// <summary>Converts an unexpected response to an exception with a one-line message.</summary>
    public ToolException ToException() => Status switch
    {
        HttpStatusCode.BadRequest => new(ExitCode.Usage, $"The service rejected the request: {Detail()}"),
        HttpStatusCode.Unauthorized when SignedIn => new(ExitCode.Refused, $"The service at {Target} does not accept your credentials."),
        HttpStatusCode.Unauthorized => new(
            ExitCode.Refused,
            $"The service at {Target} requires you to sign in: pass your token in SAGA_RECOVERY_TOKEN, with --token-file or with --token-command, and --user if it uses HTTP Basic."),
        HttpStatusCode.Forbidden => new(ExitCode.Refused, $"You are not authorized to do this at {Target}."),
        HttpStatusCode.NotFound => new(ExitCode.Unreachable, $"No saga recovery endpoints are mapped at {Target}: check the path."),
        HttpStatusCode.UnprocessableEntity => new(ExitCode.Failed, Detail()),
        HttpStatusCode.NotImplemented => new(ExitCode.Failed, $"The service cannot do this: {Detail()}"),
        HttpStatusCode.BadGateway or HttpStatusCode.ServiceUnavailable or HttpStatusCode.GatewayTimeout =>
            new(ExitCode.Unreachable, $"The service at {Target} is not available now: {Detail()}"),
        _ => new(ExitCode.Failed, $"The service at {Target} answered {(int)Status}: {Detail()}"),
    };

    /// <summary>Returns a text of a problem document; null if the body is none, or lacks it.</summary>
    /// <param name="name">The property, such as <c>detail</c>.</param>
    public string? FindText(string name)
    {
        try
        {
            using var problem = JsonDocument.Parse(Body);
            JsonElement root = problem.RootElement;
            return root.ValueKind == JsonValueKind.Object && root.TryGetProperty(name, out JsonElement text) && text.ValueKind == JsonValueKind.String
                ? text.GetString() : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <summary>Returns the text of a problem document, or else the start of the body.</summary>
    private string Detail()
    {
        if ((FindText("detail") ?? FindText("title")) is { } detail)
        {
            return Status.ToString() == detail ? $"{(int)Status}" : detail;
        }

        return Body.Length == 0 ? $"{(int)Status} {Status}" : Status.ToString() + " " + Body[..Math.Min(Body.Length, 300)];
    }
}
