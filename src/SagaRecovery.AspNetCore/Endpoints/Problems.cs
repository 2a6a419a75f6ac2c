using Microsoft.AspNetCore.Http;

namespace SagaRecovery.AspNetCore.Endpoints;

/// <summary>Creates problem documents (RFC 9457).</summary>
internal static class Problems
{
    public static IResult Create(int status, string detail) => Results.Problem(statusCode: status, detail: detail);

    public static IResult BadRequest(string detail) => Create(StatusCodes.Status400BadRequest, detail);
}

/// <summary>A parsed request, or the problem that makes it invalid.</summary>
internal readonly record struct Parsed<T>(T? Value, IResult? Problem)
    where T : class
{
    public static implicit operator Parsed<T>(T value) => new(value, null);

    public static Parsed<T> Invalid(string detail) => new(null, Problems.BadRequest(detail));

    public static Parsed<T> Invalid(int status, string detail) => new(null, Problems.Create(status, detail));
}
