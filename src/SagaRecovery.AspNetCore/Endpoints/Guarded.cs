using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Npgsql;
using SagaRecovery.AspNetCore.Diagnostics;
using SagaRecovery.Fencing;
using SagaRecovery.Status;

namespace SagaRecovery.AspNetCore.Endpoints;

/// <summary>What every endpoint has in common: headers, and what callers are told when something is away.</summary>
internal static class Guarded
{
    /// <summary>For callers that try again.</summary>
    private const string RetryAfterSeconds = "2";

    public static RequestDelegate Of(Func<HttpContext, Task<IResult>> answer) => async context =>
    {
        IHeaderDictionary headers = context.Response.Headers;
        headers.CacheControl = "no-store"; // what an operator sees is of now
        headers.XContentTypeOptions = "nosniff"; // names and errors from outside are in it
        IResult result = await AnswerAsync(context, answer).ConfigureAwait(false);
        await result.ExecuteAsync(context).ConfigureAwait(false);
    };

    /// <summary>Asks the loop of recovery for something, and says so where that has stopped.</summary>
    public static async Task<IResult> WhileItRunsAsync(HttpContext context, Func<Task<IResult>> ask)
    {
        try
        {
            return await ask().ConfigureAwait(false);
        }
        catch (InvalidOperationException stopped)
        {
            return NotNow(context, stopped, stopped.Message);
        }
        catch (OperationCanceledException stopped) when (!context.RequestAborted.IsCancellationRequested)
        {
            return NotNow(context, stopped, "Recovery stopped before it came to this: this process is shutting down.");
        }
    }

    private static async Task<IResult> AnswerAsync(HttpContext context, Func<HttpContext, Task<IResult>> answer)
    {
        try
        {
            return await answer(context).ConfigureAwait(false);
        }
        catch (NotSupportedException cannot)
        {
            return Refusal.Of(StatusCodes.Status501NotImplemented, cannot.Message);
        }
        catch (CoordinatorFencedException fenced)
        {
            return NotNow(context, fenced, fenced.Message);
        }
        catch (PostgresException refused)
        {
            return NotNow(context, refused, $"Postgres refuses: {PlainText.OneLine(refused.MessageText)} ({refused.SqlState})");
        }
        catch (Exception away) when (away is NpgsqlException or TimeoutException)
        {
            return NotNow(context, away, "Postgres does not answer.");
        }
        catch (OperationCanceledException) when (context.RequestAborted.IsCancellationRequested)
        {
            return Results.Empty; // nobody is left to be answered
        }
    }

    private static IResult NotNow(HttpContext context, Exception why, string detail)
    {
        Log.NotNow(context.RequestServices.GetRequiredService<ILoggerFactory>().CreateLogger(typeof(SagaRecoveryEndpoints)), detail, why);
        context.Response.Headers.RetryAfter = RetryAfterSeconds;
        return Refusal.Of(StatusCodes.Status503ServiceUnavailable, detail);
    }
}
