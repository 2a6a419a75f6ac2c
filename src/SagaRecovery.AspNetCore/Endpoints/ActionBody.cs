using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.Http;
using Microsoft.Net.Http.Headers;
using SagaRecovery.Operations;
using SagaRecovery.Status;

namespace SagaRecovery.AspNetCore.Endpoints;

/// <summary>
/// The reader of the body of an operator action. It accepts JSON, or a form with an antiforgery token. A page of another site can make a
/// browser send its user's credentials. It cannot send JSON without a CORS preflight, which is not answered, and it does not know the token.
/// </summary>
internal static class ActionBody
{
    /// <summary>The space for the longest actor and reason with every character escaped.</summary>
    private const int MaxBytes = 32 * 1024;

    public static Task<Parsed<OperatorActionRequest>> ReadAsync(HttpContext context, OperatorActionKind kind) =>
        ReadAsync(context, RecoveryReportJson.Default.OperatorActionRequest, ActionForm.Read, request => Validate(kind, request));

    /// <param name="context">The request.</param>
    /// <param name="type">The JSON contract of the body.</param>
    /// <param name="fromForm">Reads the same body from a form; null if only JSON is accepted.</param>
    /// <param name="validate">Returns the error of the body as a sentence; null if it is valid.</param>
    public static async Task<Parsed<T>> ReadAsync<T>(
        HttpContext context, JsonTypeInfo<T> type, Func<IFormCollection, Parsed<T>>? fromForm, Func<T, string?> validate)
        where T : class
    {
        if (await TryBufferAsync(context.Request).ConfigureAwait(false) is not { } body)
        {
            return Parsed<T>.Invalid(StatusCodes.Status413PayloadTooLarge, $"The body is longer than {MaxBytes} bytes.");
        }

        Parsed<T> request = IsJson(context.Request) ? FromJson(body, type)
            : fromForm is not null && context.Request.HasFormContentType ? await ActionForm.ReadAsync(context, fromForm).ConfigureAwait(false)
            : Parsed<T>.Invalid(StatusCodes.Status415UnsupportedMediaType, "The body must be application/json, such as {\"reason\": \"…\"}.");
        return request.Value is null || validate(request.Value) is not { } error ? request : Parsed<T>.Invalid(error);
    }

    /// <summary>Returns the problem of a request that needs no body; null if it is valid. Browsers send an origin header, tools do not.</summary>
    public static async Task<IResult?> ValidateEmptyAsync(HttpContext context)
    {
        HttpRequest request = context.Request;
        if (await TryBufferAsync(request).ConfigureAwait(false) is null)
        {
            return Problems.Create(StatusCodes.Status413PayloadTooLarge, $"The body is longer than {MaxBytes} bytes.");
        }

        bool fromBrowser = request.Headers.ContainsKey(HeaderNames.Origin) || request.Headers.ContainsKey("Sec-Fetch-Site");
        if (IsJson(request) || (string.IsNullOrEmpty(request.ContentType) && !fromBrowser))
        {
            return null;
        }

        return request.HasFormContentType
            ? await ActionForm.ValidateAntiforgeryAsync(context).ConfigureAwait(false)
            : Problems.Create(StatusCodes.Status415UnsupportedMediaType, "Send application/json. Only a client that is not a browser may omit the body.");
    }

    private static bool IsJson(HttpRequest request) =>
        MediaTypeHeaderValue.TryParse(request.ContentType, out MediaTypeHeaderValue? type)
        && type.MediaType.Equals(MediaTypes.Json, StringComparison.OrdinalIgnoreCase);

    private static Parsed<T> FromJson<T>(ReadOnlyMemory<byte> body, JsonTypeInfo<T> type)
        where T : class
    {
        try
        {
            return JsonSerializer.Deserialize(body.Span, type) is { } request
                ? request
                : Parsed<T>.Invalid(Describe(type));
        }
        catch (JsonException exception)
        {
            return Parsed<T>.Invalid(FindWrongProperty(body, type) ?? (exception.Path is { Length: > 1 } path
                ? $"The value at {PlainText.OneLine(path)} of the body is not valid."
                : Describe(type)));
        }
    }

    private static string Describe(JsonTypeInfo type) =>
        $"The body must be a JSON object with {string.Join(" and ", type.Properties.Where(property => property.IsRequired).Select(property => $"'{property.Name}'"))}.";

    /// <summary>Returns the error of a body with an unknown property, or without a required one; null if it has neither fault.</summary>
    private static string? FindWrongProperty(ReadOnlyMemory<byte> body, JsonTypeInfo type)
    {
        try
        {
            using var document = JsonDocument.Parse(body);
            if (document.RootElement.ValueKind != JsonValueKind.Object)
            {
                return null;
            }

            HashSet<string> present = [.. document.RootElement.EnumerateObject().Select(property => property.Name)];
            return present.FirstOrDefault(name => type.Properties.All(property => property.Name != name)) is { } unknown
                    ? $"The body must not have '{PlainText.OneLine(unknown, longest: 80)}'. It may have {string.Join(", ", type.Properties.Select(property => $"'{property.Name}'"))}."
                : type.Properties.FirstOrDefault(property => property.IsRequired && !present.Contains(property.Name)) is { } missing
                    ? $"'{missing.Name}' is missing."
                : null;
        }
        catch (JsonException)
        {
            return null; // not JSON at all
        }
    }

    private static string? Validate(OperatorActionKind kind, OperatorActionRequest request) =>
        request.State is { } state && !Enum.IsDefined(state) ? "'state' must be the name of a state, such as Running."
        : !string.IsNullOrEmpty(request.Node) ? null
        : kind switch
        {
            OperatorActionKind.InjectError => "'node' is missing. It names the node to fail.",
            OperatorActionKind.SkipUndo => "'node' is missing. It names the node whose undo to skip.",
            _ => null,
        };

    /// <summary>Buffers the body, from which a form is read as well. Returns null if the body is too long.</summary>
    private static async Task<ReadOnlyMemory<byte>?> TryBufferAsync(HttpRequest request)
    {
        byte[] body = new byte[MaxBytes + 1];
        int length = request.ContentLength > MaxBytes
            ? body.Length
            : await request.Body.ReadAtLeastAsync(body, body.Length, throwOnEndOfStream: false, request.HttpContext.RequestAborted).ConfigureAwait(false);
        if (length > MaxBytes)
        {
            return null;
        }

        request.Body = new MemoryStream(body, 0, length, writable: false);
        return body.AsMemory(0, length);
    }
}
