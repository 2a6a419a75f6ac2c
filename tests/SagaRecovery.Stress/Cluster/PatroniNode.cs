namespace SagaRecovery.Stress.Cluster;

/// <summary>One member of the cluster: a Patroni and the Postgres that it runs.</summary>
internal sealed class PatroniNode(string name, string folder, string configuration, int postgresPort, int restPort) : IAsyncDisposable
{
    private ServerProgram? _patroni;

    public string Name => name;

    public int PostgresPort => postgresPort;

    /// <summary>The address of its Patroni.</summary>
    public Uri Rest { get; } = new($"http://{PatroniConfiguration.Host}:{restPort}");

    public bool Runs => _patroni is { HasExited: false };

    public string LastWords => _patroni?.LastWords ?? "it was not started";

    private string DataFolder => Path.Combine(folder, PatroniConfiguration.Data);

    public void Start() => _patroni = new ServerProgram(folder, "patroni", ServerProgram.Find("patroni")!, configuration);

    /// <summary>SIGKILL to Patroni, which would start Postgres again, and to Postgres with all its processes: the machine is gone.</summary>
    public Task KillAsync() => EndAsync("KILL");

    /// <summary>SIGSTOP to both: to all others the machine hangs. The server before its children, or it would start more.</summary>
    public async Task FreezeAsync()
    {
        await _patroni!.SignalAsync("STOP");
        int server = ServerProcesses.Of(DataFolder)!.Value;
        await ServerProcesses.SignalAsync("STOP", server);
        await ServerProcesses.SignalAsync("STOP", [.. ServerProcesses.ChildrenOf(server)]);
    }

    /// <summary>SIGCONT: the frozen server considers itself the primary until its Patroni has checked.</summary>
    public async Task ThawAsync()
    {
        int server = ServerProcesses.Of(DataFolder)!.Value;
        await ServerProcesses.SignalAsync("CONT", [.. ServerProcesses.ChildrenOf(server), server]);
        await _patroni!.SignalAsync("CONT");
    }

    /// <summary>Ends both. Postgres in a hurry but by itself, so that it leaves no shared memory behind.</summary>
    public async ValueTask DisposeAsync() => await EndAsync("QUIT");

    private async Task EndAsync(string signal)
    {
        await (_patroni?.DisposeAsync() ?? ValueTask.CompletedTask);
        if (ServerProcesses.Of(DataFolder) is { } server)
        {
            int[] children = [.. ServerProcesses.ChildrenOf(server)];
            await ServerProcesses.SignalAsync("CONT", [.. children, server]); // a frozen process does not react
            // Idle backends can outlive a killed server by minutes, and it does not start again while one of them holds its shared memory.
            await ServerProcesses.SignalAsync(signal, signal == "KILL" ? [server, .. children] : [server]);
            await Eventually.HoldsAsync(() => ServerProcesses.Of(DataFolder) is null, $"the Postgres of {name} had ended");
        }
    }
}
