using System.Diagnostics;

namespace EmbeddedPostgres;

/// <summary>Runs the server programs as the current user, or as <c>postgres</c> if the current user is root.</summary>
internal sealed class ServerCommands(PostgresBinaries binaries, TimeSpan timeout)
{
    /// <summary>The user for root, as which initdb and postgres refuse to run. Debian's package creates it.</summary>
    private const string ServerUser = "postgres";

    private static bool RunsAsOtherUser => Environment.IsPrivilegedProcess && !OperatingSystem.IsWindows();

    public Task<CommandResult> RunAsync(string program, IReadOnlyList<string> arguments, CancellationToken cancellationToken) =>
        RunAsServerUserAsync([binaries[program], .. arguments], cancellationToken);

    /// <summary>Gives a path that root created to the server user, and checks that this user can read it.</summary>
    public async Task ChangeOwnerAsync(string path, CancellationToken cancellationToken)
    {
        if (!RunsAsOtherUser)
        {
            return;
        }

        CommandResult chown = await ExecuteAsync(["chown", $"{ServerUser}:", path], cancellationToken);
        if (chown.ExitCode != 0)
        {
            throw new EmbeddedPostgresException($"Could not change the owner of {path} to {ServerUser}, the user that the server runs as: {chown.Output}");
        }

        CommandResult access = await RunAsServerUserAsync(["test", "-r", path], cancellationToken);
        if (access.ExitCode != 0)
        {
            throw new EmbeddedPostgresException(
                $"The user {ServerUser}, which the server runs as when this process is root, cannot read {path}. Choose a folder "
                + "that other users can enter.");
        }
    }

    private Task<CommandResult> RunAsServerUserAsync(IReadOnlyList<string> command, CancellationToken cancellationToken) =>
        ExecuteAsync(RunsAsOtherUser ? ["runuser", "-u", ServerUser, "--", .. command] : command, cancellationToken);

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
                WorkingDirectory = "/", // the server user may have no access to the current folder
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
            throw new EmbeddedPostgresException($"{Path.GetFileName(command[0])} did not finish within {timeout.TotalSeconds:F0} s.");
        }
    }
}

/// <summary>The exit code and the output of a program.</summary>
internal sealed record CommandResult(int ExitCode, string Output);
