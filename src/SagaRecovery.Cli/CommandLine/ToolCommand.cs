using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;

namespace SagaRecovery.Cli.CommandLine;

/// <summary>A command with examples in its help.</summary>
internal sealed class ToolCommand(string name, string description, params IReadOnlyList<string> examples) : Command(name, description)
{
    public IReadOnlyList<string> Examples { get; } = examples;
}

/// <summary>Prints the default help, then the examples and the exit codes.</summary>
internal sealed class HelpWithExamples(HelpAction defaultHelp) : SynchronousCommandLineAction
{
    private const string ExitCodes = """
        Exit codes:
          0    success
          1    failure: the pass failed, a search took too long, some sagas were
               refused, the check found differences, sagas are left, or you declined
          2    invalid command line
          3    the saga, coordinator or problem does not exist, or the id is unknown
          4    superseded: the saga has ended, is not stuck, or has changed since the
               tool read it
          5    refused: the owner answers, more sagas match than --max, no coordinator
               can take the sagas, or you are not authorized
          6    the service or database cannot be reached
          130  Ctrl-C ('watch' ends with 0)
        """;

    public override bool ClearsParseErrors => true;

    public override int Invoke(ParseResult parseResult)
    {
        int exitCode = defaultHelp.Invoke(parseResult);
        TextWriter output = parseResult.InvocationConfiguration.Output;
        if (parseResult.CommandResult.Command is ToolCommand { Examples: { Count: > 0 } examples })
        {
            output.WriteLine("Examples:");
            foreach (string example in examples)
            {
                output.WriteLine($"  saga-recovery {example}");
            }

            output.WriteLine();
        }

        output.WriteLine(ExitCodes);
        return exitCode;
    }
}
