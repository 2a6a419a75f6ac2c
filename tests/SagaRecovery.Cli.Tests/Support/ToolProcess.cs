using System.Diagnostics;

namespace SagaRecovery.Cli.Tests.Support;

/// <summary>The real program, run by a shell as people and scripts run it; <c>$TOOL</c> expands to it.</summary>
internal static class ToolProcess
{
    public static async Task<(int ExitCode, string Out, string Error)> ShellAsync(string script, params IReadOnlyList<(string Name, string Value)> variables)
    {
        var start = new ProcessStartInfo("bash", ["-c", script])
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["TOOL"] = $"dotnet {Path.Combine(AppContext.BaseDirectory, "SagaRecovery.Cli.dll")}";
        start.Environment["DOTNET_EnableDiagnostics"] = "0"; // its pipes stay in the temporary folder when it is killed
        foreach ((string name, string value) in variables)
        {
            start.Environment[name] = value;
        }

        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        using Process shell = Process.Start(start)!;
        shell.StandardInput.Close();
        Task<string> output = shell.StandardOutput.ReadToEndAsync(deadline.Token);
        Task<string> error = shell.StandardError.ReadToEndAsync(deadline.Token);
        try
        {
            await shell.WaitForExitAsync(deadline.Token);
        }
        finally
        {
            if (!shell.HasExited)
            {
                shell.Kill(entireProcessTree: true);
            }
        }

        return (shell.ExitCode, await output, await error);
    }
}
