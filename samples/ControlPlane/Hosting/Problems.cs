using System.Text.Json;
using ControlPlane.Database;
using Microsoft.AspNetCore.Diagnostics;
using Npgsql;
using SagaRecovery;
using SagaRecovery.Execution;
using SagaRecovery.Fencing;
using SagaRecovery.Storage;

namespace ControlPlane.Hosting;

/// <summary>Converts exceptions and failed sagas to problem documents (RFC 9457).</summary>
internal sealed class Problems(IHostApplicationLifetime lifetime) : IExceptionHandler
{
    private const string RetryAfterSeconds = "1";

    public async ValueTask<bool> TryHandleAsync(HttpContext httpContext, Exception exception, CancellationToken cancellationToken)
    {
        IResult? problem = exception switch
        {
            CoordinatorFencedException => Results.Problem(
                statusCode: 503, title: "Taken over", detail: "A newer process runs under this coordinator id. This process accepts no new work."),
            SagaConflictException => Results.Problem(
                statusCode: 422, title: "The key was used", detail: "An earlier request with this idempotency key was another one."),
            IncompatibleStoreException incompatible => TryAgain(httpContext, incompatible.Message),
            SagaStartRefusedException refused => TryAgain(httpContext, refused.Message),
            BadHttpRequestException bad => Results.Problem(statusCode: bad.StatusCode, detail: Explain(bad)),
            NotReadyException => TryAgain(httpContext, exception.Message),
            NpgsqlException database when ControlPlaneDatabase.IsIndefinite(database) => TryAgain(httpContext, "Postgres does not answer."),
            _ when lifetime.ApplicationStopping.IsCancellationRequested => TryAgain(httpContext, "This process is shutting down."),
            _ => null,
        };
        if (problem is null)
        {
            return false; // the default handler logs it and answers with a plain 500
        }

        await problem.ExecuteAsync(httpContext);
        return true;
    }

    /// <summary>Returns the response for a saga that did not succeed, for reasons that its endpoint does not handle.</summary>
    public static IResult Of(HttpContext httpContext, SagaHandle saga, SagaResult? result) => result switch
    {
        null => Results.Accepted(uri: null, new { SagaId = saga.SagaId.Value }),
        SagaResult.Interrupted interrupted => TryAgain(httpContext, $"This process stopped running the saga: {interrupted.Reason}.", saga),
        SagaResult.Unwound unwound => Failed("Everything was undone.", unwound.FailedNode, saga),
        SagaResult.Cancelled cancelled => Results.Problem(
            statusCode: 409,
            title: "The saga was cancelled",
            detail: $"{cancelled.By}: {cancelled.Reason}. Everything was undone.",
            extensions: SagaIdExtension(saga)),
        SagaResult.Stuck stuck => Failed("It could not be undone. An operator must intervene.", stuck.FailedNode, saga),
        SagaResult.Abandoned abandoned => Results.Problem(
            statusCode: 500, title: "The saga was abandoned", detail: $"{abandoned.Reason}: {abandoned.Comment}", extensions: SagaIdExtension(saga)),
        _ => throw new InvalidOperationException($"{result} is not a failure."),
    };

    private static IResult Failed(string detail, string? node, SagaHandle saga) => Results.Problem(
        statusCode: 500,
        title: node is null ? "The saga was cancelled" : $"The saga failed in '{node}'",
        detail: detail,
        extensions: SagaIdExtension(saga));

    private static IResult TryAgain(HttpContext httpContext, string detail, SagaHandle? saga = null)
    {
        httpContext.Response.Headers.RetryAfter = RetryAfterSeconds;
        return Results.Problem(statusCode: 503, detail: detail, extensions: saga is null ? null : SagaIdExtension(saga));
    }

    private static Dictionary<string, object?> SagaIdExtension(SagaHandle saga) => new(StringComparer.Ordinal) { ["saga_id"] = saga.SagaId.Value };

    private static string Explain(BadHttpRequestException bad) => bad.InnerException switch
    {
        JsonException { Path: { Length: > 1 } path } => $"The value at {path} of the body is not valid.",
        JsonException json => $"The body is not a valid JSON object (line {json.LineNumber + 1}, byte {json.BytePositionInLine + 1}).",
        _ => bad.Message,
    };
}
