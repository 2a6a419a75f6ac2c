using SagaRecovery.Cli.CommandLine;
using SagaRecovery.Cli.Commands;

namespace SagaRecovery.Cli.Tests.Support;

/// <summary>A person who confirms, but only after something has happened.</summary>
internal sealed class AnswerAfter(Func<Task> happens) : TextReader
{
    public override string? ReadLine()
    {
#pragma warning disable VSTHRD002 // a person's answer is read on a thread of its own, by a method that cannot await
        happens().GetAwaiter().GetResult();
#pragma warning restore VSTHRD002
        return "yes";
    }

    public async Task<ToolRun> RunAsync(SampleService sample, string way, params IReadOnlyList<string> args)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        var environment = new ToolEnvironment
        {
            Out = output,
            Error = error,
            In = this,
            CanPrompt = true,
            GetVariable = name => ToolStage.SignedIn.Variables.GetValueOrDefault(name),
            User = ToolRun.OsUser,
            Time = TimeProvider.System,
        };
        int exitCode = await Invocation.RunAsync(ToolCommands.Create(environment), [.. args, .. way == Way.Service ? ["--url", sample.Url] : new[] { "--connection", sample.Database }], environment);
        return new ToolRun((ExitCode)exitCode, output.ToString(), error.ToString());
    }
}
