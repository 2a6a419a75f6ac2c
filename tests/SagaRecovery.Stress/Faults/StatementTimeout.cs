using Npgsql;

namespace SagaRecovery.Stress.Faults;

/// <summary>Statements of the service have a minimal timeout, while another session locks the fence's table.</summary>
internal sealed class StatementTimeout : DatabaseFault
{
    private NpgsqlConnection? _other;

    public override string Name => "statement timeout";

    public override async Task StrikeAsync(Stage stage, Random dice)
    {
        await stage.ExecuteAsync($"alter role {Stage.Role} set statement_timeout = '20ms'");
        await EndConnectionsAsync(stage);
        _other = new NpgsqlConnection($"{stage.Superuser};Pooling=false");
        await _other.OpenAsync();
        await using var hold = new NpgsqlCommand("begin; lock table saga_recovery.saga_coordinator in access exclusive mode", _other);
        await hold.ExecuteNonQueryAsync();
    }

    public override async Task HealAsync(Stage stage)
    {
        await DisposeAsync(); // rolls back
        await stage.ExecuteAsync($"alter role {Stage.Role} reset statement_timeout");
        await EndConnectionsAsync(stage);
    }

    public override async ValueTask DisposeAsync()
    {
        await (_other?.DisposeAsync() ?? ValueTask.CompletedTask);
        await base.DisposeAsync();
    }
}
