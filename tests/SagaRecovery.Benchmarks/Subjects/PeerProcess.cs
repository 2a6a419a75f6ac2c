using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Npgsql;
using SagaRecovery.Benchmarks.Reports;
using Tests.Shared;

namespace SagaRecovery.Benchmarks.Subjects;

/// <summary>
/// A process of the program with the peers, which restores their packages, and which the benchmarks start. Ended when disposed. Used by one flow;
/// not thread-safe.
/// </summary>
internal sealed class PeerProcess : IDisposable
{
    private const string Program = "SagaRecovery.Benchmarks.Peers";

    private const int PatientSeconds = 300;

    private static readonly TimeSpan WaitTimeout = TimeSpan.FromMinutes(9);

    private readonly Process _process;
    private readonly string _what;
    private readonly Task<string> _errors;

    private PeerProcess(params IReadOnlyList<string> arguments)
    {
        _what = string.Join(' ', arguments.Take(2));
        _process = Process.Start(new ProcessStartInfo("dotnet", [Path.Combine(Folder(), Program + ".dll"), .. arguments])
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        _errors = _process.StandardError.ReadToEndAsync();
    }

    /// <summary>The peers with their settings and guarantees.</summary>
    public static async Task<IReadOnlyList<PeerDescription>> DescribeAsync()
    {
        using var process = new PeerProcess("describe");
        return JsonSerializer.Deserialize<PeerDescription[]>(await process.ReadAsync("peers"))!;
    }

    /// <summary>Kills a process of the peer in the middle of its jobs, and measures the next one.</summary>
    /// <param name="peer">The name of the peer.</param>
    /// <param name="connectionString">An empty database.</param>
    /// <param name="jobs">The number of jobs.</param>
    /// <param name="settle">Prepares the database for the next process.</param>
    /// <param name="deadline">The longest measured time.</param>
    /// <param name="watch">The time in which further entries are counted after the last job has entered.</param>
    public static async Task<SubjectResult> RecoverAsync(
        string peer, string connectionString, int jobs, Func<Task> settle, TimeSpan deadline, TimeSpan watch)
    {
        // the kill of a client loses no commit, so that these need not wait for the disk
        string hasty = new NpgsqlConnectionStringBuilder(Patient(connectionString)) { Options = "-c synchronous_commit=off" }.ConnectionString;
        using (var killed = new PeerProcess("seed", peer, hasty, Text(jobs)))
        {
            await killed.ReadAsync("ready");
            killed._process.Kill(); // SIGKILL
            await killed._process.WaitForExitAsync();
        }

        await settle();
        using var next = new PeerProcess(
            "recover", peer, Patient(connectionString), Text(jobs), Text(Stopwatch.GetTimestamp()), Text((long)deadline.TotalSeconds), Text((long)watch.TotalSeconds));
        return await next.ReadResultAsync();
    }

    /// <summary>Measures jobs from start to end.</summary>
    public static async Task<SubjectResult> RunSteadilyAsync(string peer, string connectionString, int warmUp, int jobs)
    {
        using var process = new PeerProcess("steady", peer, Patient(connectionString), Text(warmUp), Text(jobs));
        return await process.ReadResultAsync();
    }

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
        }

        _process.Dispose();
    }

    /// <summary>The folder of the program: it was built beside this one, with the same configuration.</summary>
    private static string Folder()
    {
        string[] output = AppContext.BaseDirectory.TrimEnd(Path.DirectorySeparatorChar).Split(Path.DirectorySeparatorChar)[^3..]; // as bin/Release/net10.0
        return Path.Combine([Repository.Root, "tests", Program, .. output]);
    }

    /// <summary>A busy machine must not end a run: some peers end at the first time-out of a connection or command.</summary>
    private static string Patient(string connectionString) =>
        new NpgsqlConnectionStringBuilder(connectionString) { Timeout = PatientSeconds, CommandTimeout = PatientSeconds }.ConnectionString;

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);

    private async Task<SubjectResult> ReadResultAsync() => new(JsonSerializer.Deserialize<Dictionary<string, double>>(await ReadAsync("result"))!);

    /// <summary>Waits for a line with a word in front, and returns the rest of it.</summary>
    /// <exception cref="InvalidOperationException">The process ended before; the message holds its output.</exception>
    private async Task<string> ReadAsync(string word)
    {
        using var deadline = new CancellationTokenSource(WaitTimeout);
        List<string> output = [];
        while (await _process.StandardOutput.ReadLineAsync(deadline.Token) is { } line)
        {
            if (line.StartsWith(word + ' ', StringComparison.Ordinal))
            {
                return line[(word.Length + 1)..];
            }

            output.Add(line);
        }

        throw new InvalidOperationException($"The process '{_what}' ended without '{word}':\n{string.Join('\n', output)}\n{await _errors}");
    }
}
