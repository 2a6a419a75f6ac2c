using System.Text.Json;
using ControlPlane.Database;
using Microsoft.AspNetCore.Diagnostics;
using Npgsql;
using SagaRecovery;
using SagaRecovery.Execution;
using SagaRecovery.Fencing;

namespace ControlPlane.Hosting;

/// <summary>What clients are told when something is not as it should be: problem documents (RFC 9457).</summary>
internal sealed class Problems(IHostApplicationLifetime lifetime) : IExceptionHandler
{
    private const string RetryAfterSeconds = "1";

    public async ValueTask<bool> TryHandleAsync(HttpContext httpContext, Exception exception, CancellationToken cancellationToken)
    {
        IResult? problem = exception switch
        {
            CoordinatorFencedException => Results.Problem(
                statusCode: 503, title: "Taken over", detail: "A newer process runs under the coordinator id of this one, which takes no new work."),
            SagaStartRefusedException refused => TryAgain(httpContext, refused.Message),
            BadHttpRequestException bad => Results.Problem(statusCode: bad.StatusCode, detail: Explain(bad)),
            NotReadyException => TryAgain(httpContext, exception.Message),
            NpgsqlException database when ControlPlaneDatabase.IsNoAnswer(database) => TryAgain(httpContext, "Postgres does not answer."),
            _ when lifetime.ApplicationStopping.IsCancellationRequested => TryAgain(httpContext, "This process is shutting down."),
            _ => null,
        };
        if (problem is null)
        {
            return false; // logged, and answered with a bare 500
        }

        await problem.ExecuteAsync(httpContext);
        return true;
    }

    /// <summary>The answer where a saga did not succeed, and the reason is not one that its endpoint knows.</summary>
    public static IResult Of(HttpContext httpContext, SagaHandle saga, SagaResult? result) => result switch
    {
        null => Results.Accepted(uri: null, new { SagaId = saga.SagaId.Value }),
        SagaResult.Interrupted stopped => TryAgain(httpContext, $"This process stopped running the saga: {stopped.Reason}.", saga),
        SagaResult.Unwound unwound => Failed("Everything was undone.", unwound.FailedNode, saga),
        SagaResult.Stuck stuck => Failed("It could not be undone; an operator has to look.", stuck.FailedNode, saga),
        _ => throw new InvalidOperationException($"{result} is not a failure."),
    };

    private static IResult Failed(string detail, string node, SagaHandle saga) =>
        Results.Problem(statusCode: 500, title: $"The saga failed in '{node}'", detail: detail, extensions: Naming(saga));

    private static IResult TryAgain(HttpContext httpContext, string why, SagaHandle? saga = null)
    {
        httpContext.Response.Headers.RetryAfter = RetryAfterSeconds;
        return Results.Problem(statusCode: 503, detail: why, extensions: saga is null ? null : Naming(saga));
    }

    private static Dictionary<string, object?> Naming(SagaHandle saga) => new(StringComparer.Ordinal) { ["saga_id"] = saga.SagaId.Value };

    private static string Explain(BadHttpRequestException bad) => bad.InnerException switch
    {
        JsonException { Path: { Length: > 1 } path } => $"The value at {path} of the body is not what is expected there.",
        JsonException json => $"The body is not a JSON object that can be read (line {json.LineNumber + 1}, byte {json.BytePositionInLine + 1}).",
        _ => bad.Message,
    };
}
