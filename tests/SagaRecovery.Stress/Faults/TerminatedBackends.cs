namespace SagaRecovery.Stress.Faults;

/// <summary>Again and again, each of the service's connections is ended by the server with an even chance, in the middle of whatever it does.</summary>
internal sealed class TerminatedBackends : DatabaseFault
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(20);

    private readonly CancellationTokenSource _over = new();
    private Task _terminating = Task.CompletedTask;

    public override string Name => "terminated backends";

    public override Task StrikeAsync(Stage stage, Random dice)
    {
        double seed = (dice.NextDouble() * 2) - 1; // what setseed takes
        _terminating = TerminateAsync(stage, seed);
        return Task.CompletedTask;
    }

    public override async Task HealAsync(Stage stage)
    {
        await _over.CancelAsync();
        await _terminating;
    }

    public override async ValueTask DisposeAsync()
    {
        await _over.CancelAsync();
        await _terminating.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing); // it was awaited where it was healed
        _over.Dispose();
        await base.DisposeAsync();
    }

    private async Task TerminateAsync(Stage stage, double seed)
    {
        while (!_over.IsCancellationRequested)
        {
            await stage.ExecuteAsync(
                $"select setseed(@seed); select pg_terminate_backend(pid) from pg_stat_activity where usename = '{Stage.Role}' and random() < 0.5",
                new { seed });
            seed = (seed + 1.1) % 1;
            await Task.Delay(Pause, _over.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }
}
