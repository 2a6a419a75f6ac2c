using System.Diagnostics;

namespace EmbeddedPostgres;

/// <summary>Runs the programs of the server as the user that may run them: ours, or <c>postgres</c> where we are root.</summary>
internal sealed class ServerCommands(PostgresBinaries binaries, TimeSpan timeout)
{
    /// <summary>initdb and postgres refuse to run as root; Debian's package makes this user.</summary>
    private const string ServerUser = "postgres";

    private static bool AsOtherUser => Environment.IsPrivilegedProcess && !OperatingSystem.IsWindows();

    public Task<CommandResult> RunAsync(string program, IReadOnlyList<string> arguments, CancellationToken cancellationToken) =>
        RunAsServerUserAsync([binaries[program], .. arguments], cancellationToken);

    /// <summary>Gives what root has made to the user that the server runs as.</summary>
    public async Task HandOverAsync(string path, CancellationToken cancellationToken)
    {
        if (!AsOtherUser)
        {
            return;
        }

        CommandResult given = await ExecuteAsync(["chown", $"{ServerUser}:", path], cancellationToken);
        if (given.ExitCode != 0)
        {
            throw new EmbeddedPostgresException($"{path} could not be given to the user {ServerUser}, as whom the server runs: {given.Output}");
        }

        CommandResult reached = await RunAsServerUserAsync(["test", "-r", path], cancellationToken);
        if (reached.ExitCode != 0)
        {
            throw new EmbeddedPostgresException(
                $"The folder {path} is out of reach for the user {ServerUser}, as whom the server runs when this process is root. Choose one "
                + "that other users may enter.");
        }
    }

    private Task<CommandResult> RunAsServerUserAsync(IReadOnlyList<string> command, CancellationToken cancellationToken) =>
        ExecuteAsync(AsOtherUser ? ["runuser", "-u", ServerUser, "--", .. command] : command, cancellationToken);

    private async Task<CommandResult> ExecuteAsync(IReadOnlyList<string> command, CancellationToken cancellationToken)
    {
        using var process = new Process
        {
            StartInfo = new ProcessStartInfo(command[0], command.Skip(1))
            {
                UseShellExecute = false,
                RedirectStandardInput = true,
                RedirectStandardOutput = true,
                RedirectStandardError = true,
                WorkingDirectory = "/", // the server user may not be able to enter ours
            },
        };
        process.Start();
        process.StandardInput.Close();
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        deadline.CancelAfter(timeout);
        try
        {
            Task<string> output = process.StandardOutput.ReadToEndAsync(deadline.Token);
            Task<string> errors = process.StandardError.ReadToEndAsync(deadline.Token);
            await process.WaitForExitAsync(deadline.Token);
            return new CommandResult(process.ExitCode, $"{await output}{await errors}".Trim());
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            process.Kill(entireProcessTree: true);
            throw new EmbeddedPostgresException($"{Path.GetFileName(command[0])} took longer than {timeout.TotalSeconds:F0} s.");
        }
    }
}

/// <summary>How a program ended, and what it said.</summary>
internal sealed record CommandResult(int ExitCode, string Output);
