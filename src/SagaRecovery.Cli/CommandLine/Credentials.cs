using System.Diagnostics;
using System.Net.Http.Headers;
using System.Text;

namespace SagaRecovery.Cli.CommandLine;

/// <summary>Reads the credentials for a service. No option takes the token itself: other users of the machine can read the arguments of a process.</summary>
internal static class Credentials
{
    private static readonly TimeSpan s_commandLimit = TimeSpan.FromSeconds(30);

    /// <returns>The header: HTTP Basic with a user name, else a bearer token; null without a token.</returns>
    public static AuthenticationHeaderValue? Read(Call call, CommonOptions common)
    {
        string? user = call.Value(common.User) ?? call.Environment.GetVariable(CommonOptions.UserVariable);
        string? token = ReadToken(call, common);
        if (string.IsNullOrEmpty(token))
        {
            return string.IsNullOrEmpty(user) || call.Value(common.User) is null
                ? null // read access may not require credentials
                : throw new ToolException(
                    ExitCode.Usage, $"A user name is given without a token: set {CommonOptions.TokenVariable}, or pass --token-file or --token-command.");
        }

        if (token.Any(letter => letter is <= ' ' or > '~'))
        {
            throw new ToolException(ExitCode.Usage, "The token contains blanks or characters that no token has."); // without the token itself
        }

        return string.IsNullOrEmpty(user) ? new AuthenticationHeaderValue("Bearer", token)
            : user.Contains(':', StringComparison.Ordinal) ? throw new ToolException(ExitCode.Usage, "--user must not contain a colon.")
            : new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{user}:{token}")));
    }

    private static string? ReadToken(Call call, CommonOptions common)
    {
        FileInfo? file = call.Value(common.TokenFile);
        string? command = call.Value(common.TokenCommand);
        if (file is not null && command is not null)
        {
            throw new ToolException(ExitCode.Usage, "--token-file and --token-command cannot be combined: pass only one of them.");
        }

        return file is not null ? ReadFile(file)
            : command is not null ? Run(command)
            : call.Environment.GetVariable(CommonOptions.TokenVariable) is { Length: > 0 } token ? token
            : call.Environment.GetVariable(CommonOptions.TokenCommandVariable) is { Length: > 0 } variable ? Run(variable)
            : null;
    }

    private static string? ReadFile(FileInfo file)
    {
        try
        {
            using StreamReader reader = file.OpenText();
            return reader.ReadLine()?.Trim();
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException)
        {
            throw new ToolException(ExitCode.Usage, $"The token file cannot be read: {unreadable.Message}", unreadable);
        }
    }

    /// <summary>Runs a command by the shell, and returns the first line that it prints. What it prints to stderr is for the operator.</summary>
    private static string Run(string command)
    {
        string[] shell = OperatingSystem.IsWindows() ? ["cmd.exe", "/d", "/c", command] : ["/bin/sh", "-c", command];
        using Process process = Process.Start(new ProcessStartInfo(shell[0], shell.Skip(1)) { RedirectStandardOutput = true, UseShellExecute = false })
            ?? throw new ToolException(ExitCode.Usage, "The shell that runs --token-command cannot be started.");
        var output = new StringBuilder();
        process.OutputDataReceived += (_, line) => output.AppendLine(line.Data);
        process.BeginOutputReadLine();
        if (!process.WaitForExit(s_commandLimit))
        {
            process.Kill(entireProcessTree: true);
            throw new ToolException(ExitCode.Usage, $"--token-command did not end within {s_commandLimit.TotalSeconds:F0}s.");
        }

        process.WaitForExit(); // until all output has been read
        string token = output.ToString().Split('\n')[0].Trim();
        return process.ExitCode == 0 && token.Length > 0
            ? token
            : throw new ToolException(ExitCode.Usage, $"--token-command printed no token: it ended with exit code {process.ExitCode}.");
    }
}
