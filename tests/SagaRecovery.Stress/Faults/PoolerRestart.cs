namespace SagaRecovery.Stress.Faults;

/// <summary>The pooler between the service and its server dies, and is started again.</summary>
internal sealed class PoolerRestart : DatabaseFault
{
    public override string Name => "pooler restart";

    public override Task StrikeAsync(Stage stage, Random dice) => stage.Pooler!.KillAsync();

    public override Task HealAsync(Stage stage)
    {
        stage.Pooler!.Start();
        return Task.CompletedTask;
    }
}
