using System.Diagnostics;
using System.Text.Json;

namespace SagaRecovery.Benchmarks.Subjects;

/// <summary>One turn of a subject in a process of its own, so that peak memory and compiled code are its own.</summary>
internal static class SubjectProcess
{
    /// <summary>The argument that makes this program a subject process.</summary>
    public const string Verb = "subject";

    private const string ResultPrefix = "result ";

    private static readonly TimeSpan WaitTimeout = TimeSpan.FromMinutes(9);

    /// <summary>Runs one to its end.</summary>
    /// <exception cref="InvalidOperationException">It gave no result; the message holds its output.</exception>
    public static async Task<SubjectResult> StartAsync(string subject, SubjectTask task)
    {
        string assembly = Path.Combine(AppContext.BaseDirectory, typeof(SubjectProcess).Assembly.GetName().Name + ".dll");
        IReadOnlyList<string> given = (task with { LaunchedAt = Stopwatch.GetTimestamp() }).ToArguments();
        using var process = new Process
        {
            StartInfo = new ProcessStartInfo("dotnet", [assembly, Verb, subject, .. given])
            {
                UseShellExecute = false,
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            },
        };
        var named = Subject.Named(subject);
        foreach ((string name, string value) in named.IsCold ? named.Runtime : named.Runtime.Append(WarmUp.Setting))
        {
            process.StartInfo.Environment[name] = value;
        }

        process.Start();
        using var deadline = new CancellationTokenSource(WaitTimeout);
        try
        {
            Task<string> errors = process.StandardError.ReadToEndAsync(deadline.Token);
            string output = await process.StandardOutput.ReadToEndAsync(deadline.Token);
            await process.WaitForExitAsync(deadline.Token);
            string? result = Array.Find(output.Split('\n'), line => line.StartsWith(ResultPrefix, StringComparison.Ordinal));
            return result is not null && process.ExitCode == 0
                ? new SubjectResult(JsonSerializer.Deserialize<Dictionary<string, double>>(result[ResultPrefix.Length..])!)
                : throw new InvalidOperationException($"The subject '{subject}' ended with {process.ExitCode} and no result:\n{output}\n{await errors}");
        }
        finally
        {
            if (!process.HasExited)
            {
                process.Kill();
            }
        }
    }

    /// <summary>Runs as one. Its services are not stopped: the process ends.</summary>
    public static async Task<int> RunInsideAsync(string subject, SubjectTask task)
    {
        using var meter = new Meter();
        await Subject.Named(subject).RunAsync(task, meter);
        await Console.Out.WriteLineAsync(ResultPrefix + JsonSerializer.Serialize(meter.Result.Figures));
        return 0;
    }
}
