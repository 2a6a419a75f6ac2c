using System.Collections.Concurrent;
using System.Diagnostics;

namespace Tests.Shared;

/// <summary>A program under test, as a process of its own. Disposing it kills it.</summary>
internal class RunningProgram : IAsyncDisposable
{
    /// <summary>A test run in the background of a script ignores SIGINT, and so would its children: env starts them as a terminal does.</summary>
    protected static readonly string[] WithInterrupt = OperatingSystem.IsLinux() ? ["env", "--default-signal=INT"] : [];

    private readonly Process _process;
    private readonly ConcurrentQueue<string> _output = new();
    private readonly ConcurrentQueue<string> _errors = new();

    /// <summary>The id of its process.</summary>
    public int ProcessId => _process.Id;

    /// <param name="assembly">The name of its assembly, which is beside ours.</param>
    /// <param name="arguments">Its arguments.</param>
    public RunningProgram(string assembly, params IReadOnlyList<string> arguments)
        : this([], assembly, arguments)
    {
    }

    /// <param name="through">A command that execs the rest of its line, as <c>env</c> does.</param>
    /// <param name="assembly">The name of its assembly, which is beside ours.</param>
    /// <param name="arguments">Its arguments.</param>
    public RunningProgram(IReadOnlyList<string> through, string assembly, IReadOnlyList<string> arguments)
        : this([.. through, .. WithInterrupt, "dotnet", Path.Combine(AppContext.BaseDirectory, assembly + ".dll"), .. arguments])
    {
    }

    /// <param name="command">The command line, of a program that need not be one of ours.</param>
    protected RunningProgram(IReadOnlyList<string> command)
    {
        _process = new Process
        {
            StartInfo = new ProcessStartInfo(command[0], command.Skip(1))
            {
                UseShellExecute = false,
                RedirectStandardOutput = true,
                RedirectStandardError = true,
                WorkingDirectory = AppContext.BaseDirectory,
            },
        };
        _process.StartInfo.Environment["DOTNET_EnableDiagnostics"] = "0"; // its pipes stay in the temporary folder when it is killed
        _process.OutputDataReceived += (_, line) => Keep(_output, line.Data);
        _process.ErrorDataReceived += (_, line) => Keep(_errors, line.Data);
        LaunchedAt = DateTimeOffset.UtcNow;
        _process.Start();
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    public int Id => _process.Id;

    public DateTimeOffset LaunchedAt { get; }

    public bool HasExited => _process.HasExited;

    public IReadOnlyCollection<string> Output => _output;

    public IReadOnlyCollection<string> Errors => _errors;

    /// <summary>SIGKILL.</summary>
    public async Task KillAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync();
    }

    /// <summary>SIGTERM.</summary>
    /// <returns>The exit code.</returns>
    public async Task<int> TerminateAsync()
    {
        await SignalAsync("TERM");
        return await ExitCodeAsync();
    }

    /// <summary>Sends a signal by name.</summary>
    public async Task SignalAsync(string signal)
    {
        using var kill = Process.Start("sh", ["-c", $"kill -{signal} {_process.Id}"]);
        await kill.WaitForExitAsync();
    }

    /// <summary>Waits until it ends.</summary>
    public async Task<int> ExitCodeAsync()
    {
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        await _process.WaitForExitAsync(deadline.Token);
        return _process.ExitCode;
    }

    public virtual async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            await KillAsync();
        }

        _process.Dispose();
    }

    private static void Keep(ConcurrentQueue<string> lines, string? line)
    {
        if (line is not null)
        {
            lines.Enqueue(line);
        }
    }
}
