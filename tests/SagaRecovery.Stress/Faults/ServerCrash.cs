using EmbeddedPostgres;

namespace SagaRecovery.Stress.Faults;

/// <summary>The server dies as in a crash, is away for a while, and recovers from its log.</summary>
internal sealed class ServerCrash : DatabaseFault
{
    public override string Name => "server crash";

    public override Task StrikeAsync(Stage stage, Random dice) => stage.Cluster.StopAsync(StopMode.Immediate);

    public override Task HealAsync(Stage stage) => stage.Cluster.StartAsync();
}
