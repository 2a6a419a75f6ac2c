using System.Text;
using Microsoft.Win32.SafeHandles;

namespace SagaRecovery.Cli;

/// <summary>What the tool reads from and writes to.</summary>
internal sealed record Surroundings
{
    /// <summary>For results.</summary>
    public required TextWriter Out { get; init; }

    /// <summary>For refusals, notes and questions.</summary>
    public required TextWriter Error { get; init; }

    /// <summary>For answers.</summary>
    public required TextReader In { get; init; }

    /// <summary>Whether a person can be asked.</summary>
    public bool CanAsk { get; init; }

    /// <summary>Whether results go to a terminal that knows colours and is allowed them.</summary>
    public bool IsRich { get; init; }

    /// <summary>The terminal's size, in characters.</summary>
    public (int Width, int Height) Size { get; init; } = (80, 25);

    /// <summary>Reads an environment variable.</summary>
    public required Func<string, string?> Variable { get; init; }

    /// <summary>Who runs the tool.</summary>
    public required string User { get; init; }

    public required TimeProvider Time { get; init; }

    /// <summary>Those of this process.</summary>
    public static Surroundings OfProcess()
    {
        bool rich = !Console.IsOutputRedirected
            && string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR"))
            && Environment.GetEnvironmentVariable("TERM") is not (null or "" or "dumb");
        return new Surroundings
        {
            Out = (Console.IsOutputRedirected && !OperatingSystem.IsWindows() ? OpenPipe() : null) ?? Console.Out,
            Error = Console.Error,
            In = Console.In,
            CanAsk = !Console.IsInputRedirected,
            IsRich = rich,
            Size = Console.IsOutputRedirected ? (80, 25) : (Math.Max(Console.WindowWidth, 40), Math.Max(Console.WindowHeight, 10)),
            Variable = Environment.GetEnvironmentVariable,
            User = Environment.UserName,
#pragma warning disable RS0030 // the one place where the real clock comes in
            Time = TimeProvider.System,
#pragma warning restore RS0030
        };
    }

    /// <summary><see cref="Console.Out"/> keeps it to itself when the reader of a pipe has gone, and <c>watch | head</c> would never end.</summary>
    /// <returns>Null: it is no pipe. A file may have been written to by others, whose end a stream of its own would not know.</returns>
    private static StreamWriter? OpenPipe()
    {
        var pipe = new FileStream(new SafeFileHandle(1, ownsHandle: false), FileAccess.Write, bufferSize: 0);
        return pipe.CanSeek ? null : new StreamWriter(pipe, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false)) { AutoFlush = true };
    }
}
