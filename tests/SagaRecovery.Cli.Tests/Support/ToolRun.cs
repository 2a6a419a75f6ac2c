using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using SagaRecovery.Cli.CommandLine;
using SagaRecovery.Cli.Commands;

namespace SagaRecovery.Cli.Tests.Support;

/// <summary>One run of the tool in this process, with its result.</summary>
internal sealed record ToolRun(ExitCode ExitCode, string Out, string Error)
{
    public const string OsUser = "someone";

    public string[] Lines => Out.TrimEnd('\n').Split('\n');

    public T Read<T>(JsonTypeInfo<T> type) => JsonSerializer.Deserialize(Out, type)!;

    public static Task<ToolRun> OfAsync(params IReadOnlyList<string> args) => OfAsync(new ToolStage(), args);

    public static async Task<ToolRun> OfAsync(ToolStage stage, params IReadOnlyList<string> args)
    {
        using var output = new StringWriter();
        using StringWriter error = stage.Error ?? new StringWriter();
        using var input = new StringReader(stage.Answer ?? "");
        var environment = new ToolEnvironment
        {
            Out = output,
            Error = error,
            In = input,
            CanPrompt = stage.Answer is not null,
            SupportsAnsi = stage.IsRich,
            IsTerminal = stage.Width is not null,
            Size = (stage.Width ?? 80, 25),
            GetVariable = name => stage.Variables.GetValueOrDefault(name),
            User = OsUser,
            Time = stage.Time,
        };
        int exitCode = await Invocation.RunAsync(ToolCommands.Create(environment), args, environment, stage.CancellationToken);
        return new ToolRun((ExitCode)exitCode, output.ToString(), error.ToString());
    }

    /// <summary>Asserts success without a message on standard error.</summary>
    public ToolRun ShouldBeDone() => Should(ExitCode.Done);

    public ToolRun Should(ExitCode expected)
    {
        ExitCode.Should().Be(expected, "the tool printed: {0} {1}", Out, Error);
        return this;
    }

    /// <summary>Asserts a refusal in one line.</summary>
    public ToolRun ShouldRefuse(ExitCode expected, string because)
    {
        Should(expected);
        string last = Error.TrimEnd('\n').Split('\n')[^1];
        string line = last.Replace("Proceed? [y/N] ", "", StringComparison.Ordinal); // on a terminal, the answer ends that line
        line.Should().StartWith("saga-recovery: ").And.Contain(because);
        return this;
    }
}

/// <summary>The environment that the tool runs in.</summary>
internal sealed record ToolStage
{
    /// <summary>The input of the person at the terminal; null: no terminal.</summary>
    public string? Answer { get; init; }

    public bool IsRich { get; init; }

    /// <summary>The width of the terminal that shows the output; null: no terminal.</summary>
    public int? Width { get; init; }

    public Dictionary<string, string> Variables { get; init; } = [];

    public CancellationToken CancellationToken { get; init; }

    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>The standard error of the tool; null for one of its own.</summary>
    public StringWriter? Error { get; init; }

    /// <summary>Signed in to the sample service.</summary>
    public static ToolStage SignedIn { get; } = new()
    {
        Variables = new() { ["SAGA_RECOVERY_USER"] = "ada", ["SAGA_RECOVERY_TOKEN"] = ServiceProcess.OperatorToken },
    };
}
