using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.Http;

namespace SagaRecovery.AspNetCore.Endpoints;

/// <summary>Creates responses in the media type that the caller prefers.</summary>
internal static class Responses
{
    public static IResult Json<T>(T value, JsonTypeInfo<T> type, int status = StatusCodes.Status200OK) =>
        Results.Text(JsonSerializer.Serialize(value, type), MediaTypes.Json, statusCode: status);

    public static IResult Text(string text, int status = StatusCodes.Status200OK) =>
        Results.Text(text, $"{MediaTypes.Text}; charset=utf-8", statusCode: status);

    /// <summary>Responds with text unless the caller prefers JSON.</summary>
    public static IResult TextOrJson<T>(
        HttpRequest request, Func<string> render, T value, JsonTypeInfo<T> type, int status = StatusCodes.Status200OK) =>
        MediaTypes.Prefers(request, MediaTypes.Json, others: MediaTypes.Text) ? Json(value, type, status) : Text(render(), status);
}
