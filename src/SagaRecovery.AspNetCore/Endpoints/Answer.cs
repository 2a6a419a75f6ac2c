using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.Http;

namespace SagaRecovery.AspNetCore.Endpoints;

/// <summary>An answer in the form that the caller likes best.</summary>
internal static class Answer
{
    public static IResult Json<T>(T value, JsonTypeInfo<T> type, int status = StatusCodes.Status200OK) =>
        Results.Text(JsonSerializer.Serialize(value, type), MediaTypes.Json, statusCode: status);

    public static IResult Text(string text, int status = StatusCodes.Status200OK) =>
        Results.Text(text, $"{MediaTypes.Text}; charset=utf-8", statusCode: status);

    /// <summary>Text, unless the caller likes JSON better.</summary>
    public static IResult TextOrJson<T>(
        HttpRequest request, Func<string> render, T value, JsonTypeInfo<T> type, int status = StatusCodes.Status200OK) =>
        MediaTypes.Prefers(request, MediaTypes.Json, over: MediaTypes.Text) ? Json(value, type, status) : Text(render(), status);
}
