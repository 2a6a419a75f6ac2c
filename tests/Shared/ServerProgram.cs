using System.Diagnostics;
using System.Globalization;
using EmbeddedPostgres;

namespace Tests.Shared;

/// <summary>
/// A server of a test's own that is not Postgres itself: it runs as the user that servers run as, and all that it writes is in one
/// folder. Its process id is there too, for the cleanup after a test that was aborted. Disposing it kills it.
/// </summary>
internal sealed class ServerProgram : IAsyncDisposable
{
    /// <summary>Records the process id, sends all output to the log, and execs the program.</summary>
    private const string Become = "echo $$ > \"$0.pid\"; log=\"$0.log\"; exec \"$@\" >> \"$log\" 2>&1";

    private readonly Process _process;
    private readonly string _log;

    /// <param name="folder">Belongs to the user that servers run as: see <see cref="ChownAsync"/>.</param>
    /// <param name="name">The name of its files in there.</param>
    /// <param name="command">The program and its arguments, of which one names the folder: that identifies the process later.</param>
    public ServerProgram(string folder, string name, params IReadOnlyList<string> command)
    {
        string[] asServerUser = Environment.IsPrivilegedProcess ? ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", "--"] : [];
        string[] line = [.. asServerUser, "sh", "-c", Become, Path.Combine(folder, name), .. command];
        _log = Path.Combine(folder, $"{name}.log");
        _process = Process.Start(new ProcessStartInfo(line[0], line[1..]) { UseShellExecute = false, WorkingDirectory = "/" })!;
    }

    public bool HasExited => _process.HasExited;

    /// <summary>The end of its log, for the message of a failure.</summary>
    public string LastWords => File.Exists(_log) ? string.Join('\n', File.ReadLines(_log).TakeLast(15)) : "it logged nothing";

    /// <summary>The path of a program; null: it is not installed.</summary>
    public static string? Find(string program) => (Environment.GetEnvironmentVariable("PATH") ?? "")
        .Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
        .Append("/usr/sbin") // Debian puts daemons there, and it is not always on the PATH
        .Select(folder => Path.Combine(folder, program))
        .FirstOrDefault(File.Exists);

    /// <summary>Makes the user that servers run as the owner of a folder or file.</summary>
    public static Task ChownAsync(string path) =>
        new ServerCommands(PostgresBinaries.Find(), TimeSpan.FromSeconds(10)).ChangeOwnerAsync(path, CancellationToken.None);

    /// <summary>Sends a signal by name.</summary>
    public async Task SignalAsync(string signal)
    {
        using var kill = Process.Start("kill", ["-" + signal, _process.Id.ToString(CultureInfo.InvariantCulture)]);
        await kill.WaitForExitAsync();
    }

    /// <summary>SIGKILL.</summary>
    public async Task KillAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            await KillAsync();
        }

        _process.Dispose();
    }
}
