using System.Text.Json.Nodes;
using EmbeddedPostgres;
using SagaRecovery.Stress.Faults;
using SagaRecovery.Stress.Reconciliation;

namespace SagaRecovery.Stress.Scenarios;

/// <summary>
/// The database fails in every known way, under load, one after the other; each time the service has to recover by itself.
/// </summary>
internal class DatabaseScenario : Scenario
{
    private const int Clients = 16;

    public override string Name => "database";

    /// <summary>Settings of the service's connection string.</summary>
    protected virtual string Connection => "";

    protected virtual IReadOnlyList<Func<DatabaseFault>> Faults { get; } =
        [() => new ServerCrash(), () => new ConnectionLimit(), () => new TerminatedBackends(), () => new StatementTimeout(), () => new ReadOnlyServer()];

    /// <summary>Few connections, so that they can run out; a server that notices within seconds that a client has vanished.</summary>
    private static ClusterOptions Cluster { get; } = new()
    {
        MaxConnections = 60,
        Settings = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["tcp_keepalives_idle"] = "5", ["tcp_keepalives_interval"] = "1", ["tcp_keepalives_count"] = "3",
        },
    };

    public override async Task RunAsync(StressRun run)
    {
        await using Stage stage = await Stage.SetAsync(Cluster, Connection);
        await PrepareAsync(stage);
        ServiceProcess service = await stage.StartAsync();
        await service.FirstPassAsync();
        await using var load = new ProjectLoad(() => stage.Present, Clients, pause: run.ClientPause);
        // While connections are being opened, a fault that strikes the open ones may strike none that a pass uses.
        await Eventually.HoldsAsync(() => load.Promised.Count > 2 * Clients, "the load was in full swing", TimeSpan.FromSeconds(60));
        var round = new FaultRound(run, stage, service, load, Clients);
        Dictionary<string, FaultRecord> records = [];
        do
        {
            Func<DatabaseFault>[] order = [.. Faults];
            run.Dice.Shuffle(order);
            foreach (Func<DatabaseFault> make in order)
            {
                await using DatabaseFault fault = make();
                records.TryAdd(fault.Name, new FaultRecord(fault.Name));
                await round.StrikeAsync(fault, records[fault.Name]);
            }
        }
        while (run.Continues(load.Promised.Count > 4 * Clients));

        run.Figures["faults"] = new JsonArray([.. records.Values.Select(record => record.ToJson())]);
        await Reckoning.ReconcileAsync(run, stage, load);
        run.Require(await service.TerminateAsync() == 0, "the service did not end cleanly");
    }

    /// <summary>The work before the service starts.</summary>
    protected virtual Task PrepareAsync(Stage stage) => Task.CompletedTask;
}
