using System.CommandLine;
using System.CommandLine.Invocation;

namespace SagaRecovery.Cli.CommandLine;

/// <summary>From a command line to an exit code.</summary>
internal static class Invocation
{
    private const string CommandMissing = "Required command was not provided.";

    public static async Task<int> RunAsync(Command root, IReadOnlyList<string> args, Surroundings around, CancellationToken cancellationToken = default)
    {
        ParseResult parsed = root.Parse(args);
        if (parsed.Action is ParseErrorAction)
        {
            return (int)ReportErrors(parsed, around);
        }

        var configuration = new InvocationConfiguration
        {
            Output = around.Out,
            Error = around.Error,
            EnableDefaultExceptionHandler = false,
            ProcessTerminationTimeout = TimeSpan.FromSeconds(2), // for what is under way to be called off in good order
        };
        return await parsed.InvokeAsync(configuration, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Runs a command, and puts whatever keeps it from being done into one line.</summary>
    public static async Task<int> GuardAsync(Surroundings around, Func<Task<ExitCode>> run, CancellationToken cancellationToken)
    {
        try
        {
            return (int)await run().ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            return (int)ExitCode.Interrupted;
        }
        catch (IOException) when (around.Out is StreamWriter)
        {
            return (int)ExitCode.Done; // whoever read our output has seen enough
        }
#pragma warning disable CA1031 // the outermost boundary: an operator gets a line, never a stack trace
        catch (Exception failure)
#pragma warning restore CA1031
        {
            (ExitCode exitCode, string message) = Failures.Of(failure);
            Note(around, message);
            return (int)exitCode;
        }
    }

    /// <summary>A line for people, beside the results.</summary>
    public static void Note(Surroundings around, string message) =>
        around.Error.WriteLine($"saga-recovery: {Status.PlainText.OneLine(message, longest: 2_000)}");

    private static ExitCode ReportErrors(ParseResult parsed, Surroundings around)
    {
        string command = string.Join(' ', Path(parsed.CommandResult.Command));
        string[] errors = [.. parsed.Errors.Select(error => error.Message.TrimEnd('.') + ".").Distinct()];
        string[] telling = [.. errors.Where(error => error != CommandMissing)]; // a word that is no command says the same, and which
        Note(around, $"{string.Join(' ', telling.Length > 0 ? telling : errors)} See: {command} --help");
        return ExitCode.Usage;
    }

    private static IEnumerable<string> Path(Command command) =>
        command.Parents.OfType<Command>().FirstOrDefault() is { } parent ? [.. Path(parent), command.Name] : ["saga-recovery"];
}
