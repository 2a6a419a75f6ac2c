using Microsoft.AspNetCore.Http;

namespace SagaRecovery.AspNetCore.Endpoints;

/// <summary>What a caller is told who asks for what cannot be: a problem document (RFC 9457).</summary>
internal static class Refusal
{
    public static IResult Of(int status, string detail) => Results.Problem(statusCode: status, detail: detail);

    public static IResult BadRequest(string detail) => Of(StatusCodes.Status400BadRequest, detail);
}

/// <summary>What was asked for, or why it cannot be read: one of both.</summary>
internal readonly record struct Asked<T>(T? Value, IResult? Refusal)
    where T : class
{
    public static implicit operator Asked<T>(T value) => new(value, null);

    public static Asked<T> No(string detail) => new(null, Endpoints.Refusal.BadRequest(detail));

    public static Asked<T> No(int status, string detail) => new(null, Endpoints.Refusal.Of(status, detail));
}
