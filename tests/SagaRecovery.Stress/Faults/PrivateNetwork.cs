using System.ComponentModel;
using System.Diagnostics;

namespace SagaRecovery.Stress.Faults;

/// <summary>A network namespace with nothing but a loopback device, where packets can be filtered without an effect on other processes.</summary>
internal static class PrivateNetwork
{
    /// <summary>Runs the command that follows in a new namespace, which ends with it.</summary>
    public static IReadOnlyList<string> Through { get; } = ["unshare", "--net", "sh", "-c", "ip link set lo up && exec \"$@\"", "sh"];

    /// <summary>The reason why this machine cannot provide one; null: it can.</summary>
    public static async Task<string?> WhyNotAsync()
    {
        if (!OperatingSystem.IsLinux())
        {
            return "network namespaces are Linux's";
        }

        const string Try = "table inet stress { chain cut { type filter hook output priority 0; tcp dport 1 reject with tcp reset; }; }";
        (int exitCode, string output) = await RunAsync([.. Through, "nft", Try]);
        return exitCode == 0 ? null : output.ReplaceLineEndings(" ").Trim();
    }

    /// <summary>Runs commands of the packet filter in the namespace of this process.</summary>
    public static async Task FilterAsync(string commands)
    {
        (int exitCode, string output) = await RunAsync(["nft", commands]);
        if (exitCode != 0)
        {
            throw new InvalidOperationException($"nft refused '{commands}': {output}");
        }
    }

    private static async Task<(int ExitCode, string Output)> RunAsync(IReadOnlyList<string> command)
    {
        using var process = new Process
        {
            StartInfo = new ProcessStartInfo(command[0], command.Skip(1))
            {
                UseShellExecute = false,
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            },
        };
        try
        {
            process.Start();
        }
        catch (Win32Exception missing)
        {
            return (127, missing.Message);
        }

        Task<string> output = process.StandardOutput.ReadToEndAsync();
        string errors = await process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        return (process.ExitCode, await output + errors);
    }
}
