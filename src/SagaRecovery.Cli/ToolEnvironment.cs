using System.Text;
using Microsoft.Win32.SafeHandles;

namespace SagaRecovery.Cli;

/// <summary>The streams, variables and clock of one run of the tool; tests replace them.</summary>
internal sealed record ToolEnvironment
{
    private static readonly (int Width, int Height) s_usualSize = (80, 25);

    /// <summary>The writer for results.</summary>
    public required TextWriter Out { get; init; }

    /// <summary>The writer for errors, notes and prompts.</summary>
    public required TextWriter Error { get; init; }

    /// <summary>The reader for the operator's answers.</summary>
    public required TextReader In { get; init; }

    /// <summary>True when standard input is a terminal, so that the tool can prompt.</summary>
    public bool CanPrompt { get; init; }

    /// <summary>True when results go to a terminal that supports colors and cursor movement, and NO_COLOR is not set.</summary>
    public bool SupportsAnsi { get; init; }

    /// <summary>True when results go to a terminal, so that tables are fitted into its width.</summary>
    public bool IsTerminal { get; init; }

    /// <summary>The size of the terminal in characters.</summary>
    public (int Width, int Height) Size { get; init; } = s_usualSize;

    /// <summary>Reads an environment variable.</summary>
    public required Func<string, string?> GetVariable { get; init; }

    /// <summary>The name of the user who runs the tool.</summary>
    public required string User { get; init; }

    public required TimeProvider Time { get; init; }

    /// <summary>Creates the environment of the current process.</summary>
    public static ToolEnvironment ForCurrentProcess()
    {
        bool supportsAnsi = !Console.IsOutputRedirected
            && string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR"))
            && Environment.GetEnvironmentVariable("TERM") is not (null or "" or "dumb");
        return new ToolEnvironment
        {
            Out = (Console.IsOutputRedirected && !OperatingSystem.IsWindows() ? OpenPipe() : null) ?? Console.Out,
            Error = Console.Error,
            In = Console.In,
            CanPrompt = !Console.IsInputRedirected,
            SupportsAnsi = supportsAnsi,
            IsTerminal = !Console.IsOutputRedirected,
            Size = Console.IsOutputRedirected ? s_usualSize : SizeOr(s_usualSize),
            GetVariable = Environment.GetEnvironmentVariable,
            User = Environment.UserName,
#pragma warning disable RS0030 // the only use of the real clock
            Time = TimeProvider.System,
#pragma warning restore RS0030
        };
    }

    /// <summary>Returns the size of the terminal, or the given one where the terminal does not tell its own.</summary>
    private static (int Width, int Height) SizeOr((int Width, int Height) unknown) => (
        Console.WindowWidth > 0 ? Math.Max(Console.WindowWidth, 40) : unknown.Width,
        Console.WindowHeight > 0 ? Math.Max(Console.WindowHeight, 10) : unknown.Height);

    /// <summary>Opens standard output as an unbuffered stream if it is a pipe.</summary>
    /// <returns>The writer, or null if standard output is not a pipe.</returns>
    /// <remarks>
    /// <see cref="Console.Out"/> hides the error when the reader of a pipe closes it, so <c>watch | head</c> would never end. A file keeps
    /// <see cref="Console.Out"/>: other processes may append to it, and a separate stream would not know the current end.
    /// </remarks>
    private static StreamWriter? OpenPipe()
    {
        var pipe = new FileStream(new SafeFileHandle(1, ownsHandle: false), FileAccess.Write, bufferSize: 0);
        return pipe.CanSeek ? null : new StreamWriter(pipe, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false)) { AutoFlush = true };
    }
}
