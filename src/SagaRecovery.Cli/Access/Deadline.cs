using Npgsql;
using SagaRecovery.Status;

namespace SagaRecovery.Cli.Access;

/// <summary>A time limit for requests to one target.</summary>
internal sealed class Deadline(TimeSpan limit, string target, TimeProvider time)
{
    /// <summary>The note for an operator action that was sent and has no answer.</summary>
    public const string OutcomeUnknown = " The outcome is unknown: check the status before you retry.";

    public string Target => target;

    /// <summary>The time limit of a request.</summary>
    public TimeSpan Limit => limit;

    /// <summary>Returns a deadline that allows more time, for a request that waits at the service.</summary>
    public Deadline Extend(TimeSpan extra) => new(limit + extra, target, time);

    /// <summary>Runs a request and cancels it when the time limit expires.</summary>
    /// <param name="request">The request.</param>
    /// <param name="unansweredNote">The text that follows the error message if the request was sent and has no answer; may be empty.</param>
    /// <param name="cancellationToken">Cancels the request.</param>
    /// <exception cref="ToolException">The request timed out, or its connection ended before the answer.</exception>
    public async Task<T> RunAsync<T>(Func<CancellationToken, Task<T>> request, string unansweredNote, CancellationToken cancellationToken)
    {
        using var deadline = new CancellationTokenSource(limit, time);
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, deadline.Token);
        try
        {
            return await request(linked.Token).ConfigureAwait(false);
        }
        catch (Exception timedOut)
            when (timedOut is OperationCanceledException or { InnerException: TimeoutException } && !cancellationToken.IsCancellationRequested)
        {
            throw new ToolException(
                ExitCode.Unreachable, $"No answer from {target} within {PlainText.Duration(limit)} (see --timeout).{unansweredNote}", timedOut);
        }
        catch (Exception lost) when (unansweredNote.Length > 0 && IsUnanswered(lost))
        {
            throw new ToolException(ExitCode.Unreachable, $"The connection to {target} ended before the answer.{unansweredNote}", lost);
        }
    }

    /// <summary>Returns true for a connection that ended after the request may have been sent.</summary>
    private static bool IsUnanswered(Exception exception) => exception switch
    {
        HttpRequestException http => http.HttpRequestError
            is not (HttpRequestError.NameResolutionError or HttpRequestError.ConnectionError or HttpRequestError.SecureConnectionError or HttpRequestError.ProxyTunnelError),
        NpgsqlException database => database is not PostgresException && database.InnerException is IOException,
        _ => false,
    };
}
