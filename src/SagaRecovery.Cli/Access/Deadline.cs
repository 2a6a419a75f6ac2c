using SagaRecovery.Status;

namespace SagaRecovery.Cli.Access;

/// <summary>A time limit for requests to one target.</summary>
internal sealed class Deadline(TimeSpan limit, string target, TimeProvider time)
{
    /// <summary>The note for an operator action that timed out.</summary>
    public const string OutcomeUnknown = " The outcome is unknown: check the status before you retry.";

    public string Target => target;

    /// <summary>The time limit of a request.</summary>
    public TimeSpan Limit => limit;

    /// <summary>Returns a deadline that allows more time, for a request that waits at the service.</summary>
    public Deadline Extend(TimeSpan extra) => new(limit + extra, target, time);

    /// <summary>Runs a request and cancels it when the time limit expires.</summary>
    /// <param name="request">The request.</param>
    /// <param name="timeoutNote">The text that follows the error message after a timeout; may be empty.</param>
    /// <param name="cancellationToken">Cancels the request.</param>
    /// <exception cref="ToolException">The request timed out.</exception>
    public async Task<T> RunAsync<T>(Func<CancellationToken, Task<T>> request, string timeoutNote, CancellationToken cancellationToken)
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
                ExitCode.Unreachable, $"No answer from {target} within {PlainText.Duration(limit)} (see --timeout).{timeoutNote}", timedOut);
        }
    }
}
