using SagaRecovery.Cli.CommandLine;
using SagaRecovery.Cli.Output;
using SagaRecovery.Operations;
using SagaRecovery.Status;

namespace SagaRecovery.Cli.Commands;

/// <summary>Shows what is about to be done to which saga, and has a person agree to it.</summary>
internal static class Consent
{
    /// <returns>Null, always, if it may be done.</returns>
    /// <exception cref="RefusalException">It may not.</exception>
    public static async Task<LeverAnswer?> AskAsync(
        Call call, Lever lever, SagaDetails saga, LeverRequest request, string whatItMeans, bool consented, CancellationToken cancellationToken)
    {
        SagaSummary summary = saga.Summary;
        TextWriter error = call.Around.Error;
        string node = request.Node is null ? "" : $", node '{PlainText.OneLine(request.Node)}'";
        await error.WriteLineAsync($"{SagaWords.Of(lever)} saga {summary.Id}{node}").ConfigureAwait(false);
        await error.WriteLineAsync($"  {PlainText.OneLine(summary.Name)}, {SagaWords.Of(summary.State)}, generation {summary.Generation}").ConfigureAwait(false);
        await error.WriteLineAsync($"  owner: {Words.Owner(saga)}").ConfigureAwait(false);
        await error.WriteLineAsync($"  {whatItMeans}").ConfigureAwait(false);
        if (request.Force)
        {
            await error.WriteLineAsync("  Even if its owner answers (--force).").ConfigureAwait(false);
        }

        if (consented)
        {
            return null;
        }

        await error.WriteAsync("Do it? [y/N] ").ConfigureAwait(false);
        await error.FlushAsync(cancellationToken).ConfigureAwait(false);
        // On a thread of its own: reading from a terminal cannot be called off.
        string? answer = await Task.Run(call.Around.In.ReadLine, CancellationToken.None).WaitAsync(cancellationToken).ConfigureAwait(false);
        if (answer is null)
        {
            await error.WriteLineAsync().ConfigureAwait(false);
        }

        return answer?.Trim().ToLowerInvariant() is "y" or "yes" ? null : throw new RefusalException(ExitCode.Failed, "Nothing was done.");
    }
}
