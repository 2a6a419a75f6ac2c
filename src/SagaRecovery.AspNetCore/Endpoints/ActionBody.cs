using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.Http;
using Microsoft.Net.Http.Headers;
using SagaRecovery.Operations;
using SagaRecovery.Status;

namespace SagaRecovery.AspNetCore.Endpoints;

/// <summary>
/// Reads what a lever is asked with. A page of another site can make a browser send its user's credentials along; it cannot make it
/// send JSON without asking first (a CORS preflight, which is not answered), nor know the antiforgery token of a form. So a body is
/// JSON, or a form with its token.
/// </summary>
internal static class ActionBody
{
    /// <summary>Enough for the longest actor and reason, every character of both escaped.</summary>
    private const int MaxBytes = 32 * 1024;

    public static Task<Asked<OperatorActionRequest>> ReadAsync(HttpContext context, OperatorActionKind kind) =>
        ReadAsync(context, RecoveryReportJson.Default.OperatorActionRequest, ActionForm.Read, request => Wrong(kind, request));

    /// <param name="context">The request.</param>
    /// <param name="type">Its form as JSON.</param>
    /// <param name="fromForm">Reads the same from a form.</param>
    /// <param name="wrong">What is wrong with it, as a sentence; null: nothing.</param>
    public static async Task<Asked<T>> ReadAsync<T>(
        HttpContext context, JsonTypeInfo<T> type, Func<IFormCollection, Asked<T>> fromForm, Func<T, string?> wrong)
        where T : class
    {
        if (await TryBufferAsync(context.Request).ConfigureAwait(false) is not { } body)
        {
            return Asked<T>.No(StatusCodes.Status413PayloadTooLarge, $"The body is longer than {MaxBytes} bytes.");
        }

        Asked<T> request = IsJson(context.Request) ? FromJson(body, type)
            : context.Request.HasFormContentType ? await ActionForm.ReadAsync(context, fromForm).ConfigureAwait(false)
            : Asked<T>.No(StatusCodes.Status415UnsupportedMediaType, "The body is to be application/json: {\"reason\": \"…\"}");
        return request.Value is null || wrong(request.Value) is not { } told ? request : Asked<T>.No(told);
    }

    /// <summary>Why a request that needs no body is refused; null: it is not. Browsers say where a request comes from; tools do not.</summary>
    public static async Task<IResult?> RefusalOfBareAsync(HttpContext context)
    {
        HttpRequest request = context.Request;
        if (await TryBufferAsync(request).ConfigureAwait(false) is null)
        {
            return Refusal.Of(StatusCodes.Status413PayloadTooLarge, $"The body is longer than {MaxBytes} bytes.");
        }

        bool fromBrowser = request.Headers.ContainsKey(HeaderNames.Origin) || request.Headers.ContainsKey("Sec-Fetch-Site");
        if (IsJson(request) || (string.IsNullOrEmpty(request.ContentType) && !fromBrowser))
        {
            return null;
        }

        return request.HasFormContentType
            ? await ActionForm.RefusalAsync(context).ConfigureAwait(false)
            : Refusal.Of(StatusCodes.Status415UnsupportedMediaType, "Send no body, or application/json; a browser sends the latter.");
    }

    private static bool IsJson(HttpRequest request) =>
        MediaTypeHeaderValue.TryParse(request.ContentType, out MediaTypeHeaderValue? type)
        && type.MediaType.Equals(MediaTypes.Json, StringComparison.OrdinalIgnoreCase);

    private static Asked<T> FromJson<T>(ReadOnlyMemory<byte> body, JsonTypeInfo<T> type)
        where T : class
    {
        try
        {
            return JsonSerializer.Deserialize(body.Span, type) is { } request
                ? request
                : Asked<T>.No("The body is to be a JSON object with a 'reason'.");
        }
        catch (JsonException unreadable)
        {
            return Asked<T>.No(unreadable.Path is { Length: > 1 } path
                ? $"The value at {PlainText.OneLine(path)} of the body is not what is expected there."
                : "The body is to be a JSON object with a 'reason'.");
        }
    }

    private static string? Wrong(OperatorActionKind kind, OperatorActionRequest request) =>
        request.State is { } state && !Enum.IsDefined(state) ? "'state' is the name of a state, as in Running."
        : kind == OperatorActionKind.InjectError && string.IsNullOrEmpty(request.Node) ? "'node' is missing: the name of the node that is to fail."
        : null;

    /// <summary>Reads the body into memory, from where forms are read, too. Null: it is too long.</summary>
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
