using System.CommandLine;
using SagaRecovery.Cli.CommandLine;
using SagaRecovery.Cli.Output;
using SagaRecovery.Operations;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Cli.Commands;

/// <summary>Shows what is about to be done to which saga, and has a person agree to it.</summary>
internal static class Consent
{
    public static Option<bool> YesOption() => new("--yes") { Description = "Do not ask; needed where there is no terminal" };

    /// <summary>Shows lines that say what it means, and asks.</summary>
    /// <exception cref="RefusalException">It may not be done.</exception>
    public static async Task AskAsync(Call call, string command, IReadOnlyList<string> whatItMeans, CancellationToken cancellationToken)
    {
        ThrowIfNobodyCanBeAsked(call, command);
        foreach (string line in whatItMeans)
        {
            await call.Around.Error.WriteLineAsync(line).ConfigureAwait(false);
        }

        await AskAsync(call, cancellationToken).ConfigureAwait(false);
    }

    public static void ThrowIfNobodyCanBeAsked(Call call, string command)
    {
        if (!call.Around.CanAsk)
        {
            throw new RefusalException(ExitCode.Usage, $"'{command}' cannot be taken back, and there is no terminal to ask at: give --yes.");
        }
    }

    /// <returns>Null, always, if it may be done.</returns>
    /// <exception cref="RefusalException">It may not.</exception>
    public static async Task<OperatorActionResponse?> AskAsync(
        Call call, OperatorActionKind kind, SagaDetails saga, OperatorActionRequest request, string whatItMeans, bool consented, CancellationToken cancellationToken)
    {
        SagaSummary summary = saga.Summary;
        TextWriter error = call.Around.Error;
        string node = request.Node is null ? "" : $", node '{PlainText.OneLine(request.Node)}'";
        await error.WriteLineAsync($"{SagaNames.Of(kind)} saga {summary.Id}{node}").ConfigureAwait(false);
        await error.WriteLineAsync($"  {PlainText.OneLine(summary.Name)}, {SagaNames.Of(summary.State)}, generation {summary.Generation}").ConfigureAwait(false);
        await error.WriteLineAsync($"  owner: {Words.Owner(saga)}").ConfigureAwait(false);
        await error.WriteLineAsync($"  {whatItMeans}").ConfigureAwait(false);
        if (request.Force)
        {
            await error.WriteLineAsync("  Even if its owner answers (--force).").ConfigureAwait(false);
        }

        if (!consented)
        {
            await AskAsync(call, cancellationToken).ConfigureAwait(false);
        }

        return null;
    }

    private static async Task AskAsync(Call call, CancellationToken cancellationToken)
    {
        TextWriter error = call.Around.Error;
        await error.WriteAsync("Do it? [y/N] ").ConfigureAwait(false);
        await error.FlushAsync(cancellationToken).ConfigureAwait(false);
        // On a thread of its own: reading from a terminal cannot be called off.
        string? answer = await Task.Run(call.Around.In.ReadLine, CancellationToken.None).WaitAsync(cancellationToken).ConfigureAwait(false);
        if (answer is null)
        {
            await error.WriteLineAsync().ConfigureAwait(false);
        }

        if (answer?.Trim().ToLowerInvariant() is not ("y" or "yes"))
        {
            throw new RefusalException(ExitCode.Failed, "Nothing was done.");
        }
    }
}
