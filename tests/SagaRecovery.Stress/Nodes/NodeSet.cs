using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using SagaRecovery.Storage;

namespace SagaRecovery.Stress.Nodes;

/// <summary>Three places for control-plane processes on one database, and an operator's access from outside.</summary>
internal sealed class NodeSet : IAsyncDisposable
{
    private readonly Stage _stage;
    private readonly ServiceProvider _tool;

    public NodeSet(Stage stage, params IReadOnlyList<string> settings)
    {
        _stage = stage;
        All = [new Node(stage, "one", settings), new Node(stage, "two", settings), new Node(stage, "three", settings)];
        _tool = new ServiceCollection()
            .AddSingleton(NpgsqlDataSource.Create(stage.Superuser))
            .AddSingleton(TimeProvider.System)
            .AddSagaOperations()
            .BuildServiceProvider();
        Cluster = _tool.GetRequiredService<ISagaCluster>();
    }

    public IReadOnlyList<Node> All { get; }

    public ISagaCluster Cluster { get; }

    public IReadOnlyList<ProjectLoad> Loads => [.. All.Select(node => node.Load)];

    public int Promised => All.Sum(node => node.Load.Promised.Count);

    public async Task StartAsync()
    {
        foreach (Node node in All)
        {
            await node.StartAsync();
        }

        _stage.Present = All[0].Service;
    }

    public IEnumerable<Node> Except(Node node) => All.Where(other => other != node);

    /// <summary>Waits until each place has created projects again.</summary>
    public async Task AllWorkAsync(string after)
    {
        foreach (Node node in All)
        {
            int promised = node.Load.Promised.Count;
            await Eventually.HoldsAsync(() => node.Load.Promised.Count > promised + 3, $"{node.Name} made projects after {after}", TimeSpan.FromSeconds(60));
        }
    }

    public Task<long> InProgressOfAsync(CoordinatorId owner) => _stage.ScalarAsync<long>(
        $"select count(*) from saga_recovery.saga where current_coordinator = '{owner}' and state in ('running', 'unwinding')");

    /// <summary>Whether the others have caught up with all that was assigned to them.</summary>
    public async Task<bool> HaveCaughtUpAsync(Node except) => await _stage.ScalarAsync<long>(
        $"select count(*) from saga_recovery.saga_assignment where assigned > caught_up and coordinator_id in ({string.Join(", ", Except(except).Select(node => $"'{node.Id}'"))})") == 0;

    public Task<bool> WasTakenOverAsync(Node node) => _stage.ScalarAsync<bool>(
        $"select time_taken_over is not null from saga_recovery.saga_coordinator where id = '{node.Id}'");

    public async ValueTask DisposeAsync()
    {
        foreach (Node node in All)
        {
            await node.DisposeAsync();
        }

        await _tool.DisposeAsync();
    }
}
