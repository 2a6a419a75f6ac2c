using SagaRecovery.Status;

namespace SagaRecovery.Cli.Access;

/// <summary>How long an answer may take.</summary>
internal sealed class Deadline(TimeSpan longest, string whom, TimeProvider time)
{
    /// <summary>What a lever says that got no answer.</summary>
    public const string OutcomeUnknown = " Whether it was done is not known: look before you try again.";

    public string Whom => whom;

    /// <summary>For an answer that has to be waited for.</summary>
    public Deadline And(TimeSpan more) => new(longest + more, whom, time);

    public async Task<T> AskAsync<T>(Func<CancellationToken, Task<T>> ask, string unanswered, CancellationToken cancellationToken)
    {
        using var deadline = new CancellationTokenSource(longest, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, deadline.Token);
        try
        {
            return await ask(either.Token).ConfigureAwait(false);
        }
        catch (Exception late) when (late is OperationCanceledException or { InnerException: TimeoutException } && !cancellationToken.IsCancellationRequested)
        {
            throw new RefusalException(
                ExitCode.Unreachable, $"No answer from {whom} within {PlainText.Duration(longest)} (see --timeout).{unanswered}", late);
        }
    }
}
