namespace SagaRecovery.Stress.Faults;

/// <summary>The server reads and does not write, as one whose disk is full or that is being replaced. Passes only read, and so continue.</summary>
internal sealed class ReadOnlyServer : DatabaseFault
{
    public override string Name => "read-only server";

    public override bool FailsPasses => false;

    public override async Task StrikeAsync(Stage stage, Random dice)
    {
        await stage.ExecuteAsync($"alter role {Stage.Role} set default_transaction_read_only = on");
        await EndConnectionsAsync(stage);
    }

    public override async Task HealAsync(Stage stage)
    {
        await stage.ExecuteAsync($"alter role {Stage.Role} reset default_transaction_read_only");
        await EndConnectionsAsync(stage);
    }
}
