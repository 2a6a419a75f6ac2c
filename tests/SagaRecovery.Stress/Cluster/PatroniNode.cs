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
    public async Task KillAsync()
    {
        await EndPatroniAsync();
        await ServerProcesses.KillServerAsync(ServerProcesses.Of(DataFolder)!.Value);
    }

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
    public async ValueTask DisposeAsync()
    {
        await EndPatroniAsync();
        if (ServerProcesses.Of(DataFolder) is { } server)
        {
            await ServerProcesses.SignalAsync("CONT", [.. ServerProcesses.ChildrenOf(server), server]); // a frozen process does not react
            await ServerProcesses.SignalAsync("QUIT", server);
            await Eventually.HoldsAsync(() => ServerProcesses.Of(DataFolder) is null, $"the Postgres of {name} had ended");
        }
    }

    private ValueTask EndPatroniAsync() => _patroni?.DisposeAsync() ?? ValueTask.CompletedTask;
}
