using System.CommandLine;
using SagaRecovery.Cli.CommandLine;
using SagaRecovery.Cli.Output;
using SagaRecovery.Operations;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Cli.Commands;

/// <summary>Shows what a command is about to do and asks the operator to confirm it.</summary>
internal static class Confirmation
{
    public static Option<bool> YesOption() => new("--yes") { Description = "Do not ask for confirmation; required without a terminal" };

    /// <summary>Prints the consequences and asks for confirmation.</summary>
    /// <exception cref="ToolException">The operator declined, or no terminal is available.</exception>
    public static async Task AskAsync(Call call, string command, IReadOnlyList<string> consequences, CancellationToken cancellationToken)
    {
        ThrowIfNotInteractive(call, command);
        foreach (string line in consequences)
        {
            await call.Environment.Error.WriteLineAsync(line).ConfigureAwait(false);
        }

        await AskAsync(call, cancellationToken).ConfigureAwait(false);
    }

    public static void ThrowIfNotInteractive(Call call, string command)
    {
        if (!call.Environment.CanPrompt)
        {
            throw new ToolException(
                ExitCode.Usage, $"'{command}' cannot be undone, and there is no terminal to ask for confirmation: pass --yes.");
        }
    }

    /// <summary>Prints the saga and the consequence, and asks for confirmation unless it was given.</summary>
    /// <returns>Always null, so that callers can chain it with <c>??</c>.</returns>
    /// <exception cref="ToolException">The operator declined.</exception>
    public static async Task<OperatorActionResponse?> AskAsync(
        Call call,
        OperatorActionKind kind,
        SagaDetails saga,
        OperatorActionRequest request,
        string consequence,
        bool confirmed,
        CancellationToken cancellationToken)
    {
        SagaSummary summary = saga.Summary;
        TextWriter error = call.Environment.Error;
        string node = request.Node is null ? "" : $", node '{PlainText.OneLine(request.Node)}'";
        await error.WriteLineAsync($"{SagaNames.Of(kind)} saga {summary.Id}{node}").ConfigureAwait(false);
        await error.WriteLineAsync($"  {PlainText.OneLine(summary.Name)}, {SagaNames.Of(summary.State)}, generation {summary.Generation}").ConfigureAwait(false);
        await error.WriteLineAsync($"  owner: {Words.Owner(saga)}").ConfigureAwait(false);
        await error.WriteLineAsync($"  {consequence}").ConfigureAwait(false);
        if (request.Force)
        {
            await error.WriteLineAsync("  It applies even if the owner answers (--force).").ConfigureAwait(false);
        }

        if (!confirmed)
        {
            await AskAsync(call, cancellationToken).ConfigureAwait(false);
        }

        return null;
    }

    private static async Task AskAsync(Call call, CancellationToken cancellationToken)
    {
        TextWriter error = call.Environment.Error;
        await error.WriteAsync("Proceed? [y/N] ").ConfigureAwait(false);
        await error.FlushAsync(cancellationToken).ConfigureAwait(false);
        // On another thread, because a read from a terminal cannot be canceled.
        string? answer = await Task.Run(call.Environment.In.ReadLine, CancellationToken.None).WaitAsync(cancellationToken).ConfigureAwait(false);
        if (answer is null)
        {
            await error.WriteLineAsync().ConfigureAwait(false);
        }

        if (answer?.Trim().ToLowerInvariant() is not ("y" or "yes"))
        {
            throw new ToolException(ExitCode.Failed, "Nothing was done.");
        }
    }
}
