using System.Diagnostics;
using System.Globalization;

namespace SagaRecovery.Stress.Cluster;

/// <summary>One member of the cluster: a Patroni and the Postgres that it runs.</summary>
internal sealed class PatroniNode(string name, string folder, string configuration, int postgresPort, int restPort) : IAsyncDisposable
{
    private ServerProgram? _patroni;

    public string Name => name;

    public int PostgresPort => postgresPort;

    /// <summary>Where its Patroni answers.</summary>
    public Uri Rest { get; } = new($"http://{PatroniConfiguration.Host}:{restPort}");

    public bool Runs => _patroni is { HasExited: false };

    public string LastWords => _patroni?.LastWords ?? "it was not started";

    private string DataFolder => Path.Combine(folder, PatroniConfiguration.Data);

    public void Start() => _patroni = new ServerProgram(folder, "patroni", ServerProgram.Find("patroni")!, configuration);

    /// <summary>SIGKILL to both: Patroni first, which would start Postgres again.</summary>
    public Task KillAsync() => EndAsync("KILL");

    /// <summary>SIGSTOP to both: to everybody else the machine hangs. The server before its children, or it would start more.</summary>
    public async Task FreezeAsync()
    {
        await _patroni!.SignalAsync("STOP");
        int server = PostgresProcess()!.Value;
        await SignalAsync("STOP", server);
        await SignalAsync("STOP", [.. ChildrenOf(server)]);
    }

    /// <summary>SIGCONT: the one that was frozen takes itself for the primary still, until its Patroni has looked.</summary>
    public async Task ThawAsync()
    {
        int server = PostgresProcess()!.Value;
        await SignalAsync("CONT", [.. ChildrenOf(server), server]);
        await _patroni!.SignalAsync("CONT");
    }

    /// <summary>Ends both. Postgres in a hurry but by itself, so that it leaves no shared memory behind.</summary>
    public async ValueTask DisposeAsync() => await EndAsync("QUIT");

    private async Task EndAsync(string signal)
    {
        await (_patroni?.DisposeAsync() ?? ValueTask.CompletedTask);
        if (PostgresProcess() is { } server)
        {
            await SignalAsync("CONT", [.. ChildrenOf(server), server]); // one that is frozen does not hear
            await SignalAsync(signal, server);
            await Eventually.HoldsAsync(() => PostgresProcess() is null, $"the Postgres of {name} had ended");
        }
    }

    private static async Task SignalAsync(string signal, params IReadOnlyList<int> processes)
    {
        using var kill = Process.Start("kill", ["-" + signal, .. processes.Select(id => id.ToString(CultureInfo.InvariantCulture))]);
        await kill.WaitForExitAsync();
    }

    private static IEnumerable<int> ChildrenOf(int process) =>
        File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{process}/task/{process}/children"))
            .Split(' ', StringSplitOptions.RemoveEmptyEntries)
            .Select(id => int.Parse(id, CultureInfo.InvariantCulture));

    /// <summary>The server's process, if it is alive and not another's by now.</summary>
    private int? PostgresProcess()
    {
        try
        {
            string first = File.ReadLines(Path.Combine(DataFolder, "postmaster.pid")).First();
            return File.ReadAllText($"/proc/{first}/cmdline").Contains(DataFolder, StringComparison.Ordinal)
                ? int.Parse(first, CultureInfo.InvariantCulture)
                : null;
        }
        catch (Exception gone) when (gone is IOException or UnauthorizedAccessException or InvalidOperationException)
        {
            return null;
        }
    }
}
