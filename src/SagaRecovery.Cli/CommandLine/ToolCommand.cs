using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;

namespace SagaRecovery.Cli.CommandLine;

/// <summary>A command whose help has examples.</summary>
internal sealed class ToolCommand(string name, string description, params IReadOnlyList<string> examples) : Command(name, description)
{
    public IReadOnlyList<string> Examples { get; } = examples;
}

/// <summary>The usual help, then examples and exit codes.</summary>
internal sealed class HelpWithExamples(HelpAction usual) : SynchronousCommandLineAction
{
    private const string ExitCodes = """
        Exit codes:
          0  done
          1  failed: the pass failed, the check found differences, sagas are left, or you said no
          2  wrong usage
          3  no such saga or coordinator
          4  the saga has moved on since it was looked at
          5  refused: its owner answers, nobody can take its sagas, or you have no rights
          6  service or database cannot be reached
        """;

    public override bool ClearsParseErrors => true;

    public override int Invoke(ParseResult parseResult)
    {
        int exitCode = usual.Invoke(parseResult);
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
