using System.CommandLine;
using System.CommandLine.Invocation;

namespace SagaRecovery.Cli.CommandLine;

/// <summary>Runs a command line and returns its exit code.</summary>
internal static class Invocation
{
    private const string CommandMissing = "Required command was not provided.";

    public static async Task<int> RunAsync(Command root, IReadOnlyList<string> args, ToolEnvironment environment, CancellationToken cancellationToken = default)
    {
        ParseResult parsed = root.Parse(args, new ParserConfiguration { ResponseFileTokenReplacer = null }); // a comment may begin with @
        if (parsed.Action is ParseErrorAction)
        {
            return (int)ReportErrors(parsed, environment);
        }

        var configuration = new InvocationConfiguration
        {
            Output = environment.Out,
            Error = environment.Error,
            EnableDefaultExceptionHandler = false,
            ProcessTerminationTimeout = TimeSpan.FromSeconds(2), // time to cancel requests in flight cleanly
        };
        return await parsed.InvokeAsync(configuration, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Runs a command and reports any failure in one line.</summary>
    public static async Task<int> GuardAsync(ToolEnvironment environment, Func<Task<ExitCode>> run, CancellationToken cancellationToken)
    {
        try
        {
            return (int)await run().ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            return (int)ExitCode.Interrupted;
        }
        catch (IOException) when (environment.Out is StreamWriter)
        {
            return (int)ExitCode.Done; // the reader of the pipe has closed it, as head does
        }
#pragma warning disable CA1031 // outermost boundary: the operator gets one line, never a stack trace
        catch (Exception failure)
#pragma warning restore CA1031
        {
            (ExitCode exitCode, string message) = Failures.Of(failure);
            Note(environment, message);
            return (int)exitCode;
        }
    }

    /// <summary>Writes one line for the operator to standard error.</summary>
    public static void Note(ToolEnvironment environment, string message) =>
        environment.Error.WriteLine($"saga-recovery: {Status.PlainText.OneLine(message, longest: 2_000)}");

    private static ExitCode ReportErrors(ParseResult parsed, ToolEnvironment environment)
    {
        string command = string.Join(' ', Path(parsed.CommandResult.Command));
        string[] errors = [.. parsed.Errors.Select(error => error.Message.TrimEnd('.') + ".").Distinct()];
        string[] specific = [.. errors.Where(error => error != CommandMissing)]; // an unknown command also raises this error; the other one names the word
        Note(environment, $"{string.Join(' ', specific.Length > 0 ? specific : errors)} See: {command} --help");
        return ExitCode.Usage;
    }

    private static IEnumerable<string> Path(Command command) =>
        command.Parents.OfType<Command>().FirstOrDefault() is { } parent ? [.. Path(parent), command.Name] : ["saga-recovery"];
}
