using System.Diagnostics;
using System.Globalization;
using EmbeddedPostgres;

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

    /// <summary>Ends both. Postgres in a hurry but by itself, so that it leaves no shared memory behind.</summary>
    public async ValueTask DisposeAsync() => await EndAsync("QUIT");

    private async Task EndAsync(string signal)
    {
        await (_patroni?.DisposeAsync() ?? ValueTask.CompletedTask);
        if (PostgresProcess() is { } postgres)
        {
            using var kill = Process.Start("kill", ["-" + signal, postgres.ToString(CultureInfo.InvariantCulture)]);
            await kill.WaitForExitAsync();
            await Eventually.HoldsAsync(() => PostgresProcess() is null, $"the Postgres of {name} had ended");
        }
    }

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
