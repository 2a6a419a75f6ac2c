using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Npgsql;
using SagaRecovery.AspNetCore.Diagnostics;
using SagaRecovery.Fencing;
using SagaRecovery.Postgres;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.AspNetCore.Endpoints;

/// <summary>Wraps the handler of every endpoint with common headers and error responses.</summary>
internal static class EndpointHandler
{
    /// <summary>The value of the Retry-After header of a 503 response.</summary>
    private const string RetryAfterSeconds = "2";

    /// <summary>
    /// The time that a request which reads has beyond that of a query. A query whose server does not respond ends one second after its time, and
    /// its error says more.
    /// </summary>
    private static readonly TimeSpan s_margin = TimeSpan.FromSeconds(2);

    /// <summary>Wraps the handler of an endpoint that reads. All that it waits for shares one deadline: <see cref="HttpContext.RequestAborted"/>.</summary>
    /// <param name="handler">The handler. It must pass the token of the request to everything that it awaits.</param>
    /// <param name="late">The sentence for operators if the deadline passes.</param>
    public static RequestDelegate WrapRead(
        Func<HttpContext, Task<IResult>> handler, string late = "Postgres does not respond, or responds slowly.") =>
        Wrap(context => WithinDeadlineAsync(context, handler, late));

    public static RequestDelegate Wrap(Func<HttpContext, Task<IResult>> handler) => async context =>
    {
        IHeaderDictionary headers = context.Response.Headers;
        headers.CacheControl = "no-store"; // an operator must see the current state
        headers.XContentTypeOptions = "nosniff"; // responses contain names and errors from outside
        IResult result = await AnswerAsync(context, handler).ConfigureAwait(false);
        await result.ExecuteAsync(context).ConfigureAwait(false);
    };

    /// <summary>Runs an action that needs the recovery loop, and responds with 503 if the loop has stopped.</summary>
    public static async Task<IResult> WithRecoveryLoopAsync(HttpContext context, Func<Task<IResult>> action)
    {
        try
        {
            return await action().ConfigureAwait(false);
        }
        catch (InvalidOperationException stopped)
        {
            return ServiceUnavailable(context, stopped, stopped.Message);
        }
        catch (OperationCanceledException stopped) when (!context.RequestAborted.IsCancellationRequested)
        {
            return ServiceUnavailable(context, stopped, "Recovery stopped before it handled the request: this process is shutting down.");
        }
    }

    /// <exception cref="TimeoutException">The deadline has passed.</exception>
    private static async Task<IResult> WithinDeadlineAsync(HttpContext context, Func<HttpContext, Task<IResult>> handler, string late)
    {
        IServiceProvider services = context.RequestServices;
        CancellationToken aborted = context.RequestAborted;
        using var deadline = new CancellationTokenSource(
            services.GetRequiredService<IOptions<PostgresStoreOptions>>().Value.QueryTimeout + s_margin, services.GetRequiredService<TimeProvider>());
        using var either = CancellationTokenSource.CreateLinkedTokenSource(aborted, deadline.Token);
        context.RequestAborted = either.Token;
        try
        {
            return await handler(context).ConfigureAwait(false);
        }
        catch (OperationCanceledException cancelled) when (deadline.IsCancellationRequested && !aborted.IsCancellationRequested)
        {
            throw new TimeoutException(late, cancelled);
        }
        finally
        {
            context.RequestAborted = aborted; // the response is written without the deadline
        }
    }

    private static async Task<IResult> AnswerAsync(HttpContext context, Func<HttpContext, Task<IResult>> handler)
    {
        try
        {
            return await handler(context).ConfigureAwait(false);
        }
        catch (NotSupportedException unsupported)
        {
            return Problems.Create(StatusCodes.Status501NotImplemented, unsupported.Message);
        }
        catch (CoordinatorFencedException fenced)
        {
            return ServiceUnavailable(context, fenced, fenced.Message);
        }
        catch (IncompatibleStoreException incompatible)
        {
            return ServiceUnavailable(context, incompatible, incompatible.Message);
        }
        catch (PostgresException refused) when (refused.SqlState == PostgresErrorCodes.InsufficientPrivilege)
        {
            string detail = $"The database role of this service lacks a privilege: {PlainText.OneLine(refused.MessageText)}";
            Log.Failed(LoggerOf(context), detail, refused);
            return Problems.Create(StatusCodes.Status500InternalServerError, detail); // a repeat would not help
        }
        catch (PostgresException rejected)
        {
            return ServiceUnavailable(context, rejected, $"Postgres rejected the command: {PlainText.OneLine(rejected.MessageText)} ({rejected.SqlState})");
        }
        catch (SearchTimeoutException narrow)
        {
            return Problems.Create(StatusCodes.Status422UnprocessableEntity, narrow.Message); // the same request would end the same way
        }
        catch (TimeoutException late)
        {
            return ServiceUnavailable(context, late, late.Message);
        }
        catch (NpgsqlException unavailable)
        {
            return ServiceUnavailable(context, unavailable, "Postgres does not respond.");
        }
        catch (OperationCanceledException) when (context.RequestAborted.IsCancellationRequested)
        {
            return Results.Empty; // the caller has disconnected
        }
    }

    private static ILogger LoggerOf(HttpContext context) =>
        context.RequestServices.GetRequiredService<ILoggerFactory>().CreateLogger(typeof(SagaRecoveryEndpoints));

    private static IResult ServiceUnavailable(HttpContext context, Exception exception, string detail)
    {
        Log.ServiceUnavailable(LoggerOf(context), detail, exception);
        context.Response.Headers.RetryAfter = RetryAfterSeconds;
        return Problems.Create(StatusCodes.Status503ServiceUnavailable, detail);
    }
}
