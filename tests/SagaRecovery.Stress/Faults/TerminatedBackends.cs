namespace SagaRecovery.Stress.Faults;

/// <summary>
/// Again and again, each of the service's connections is ended by the server with an even chance, at a random moment. Each
/// costs a try on another connection: nothing fails as a rule.
/// </summary>
internal sealed class TerminatedBackends : DatabaseFault
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(20);

    /// <summary>Enough to have hit the service at work.</summary>
    private const int Enough = 30;

    private readonly CancellationTokenSource _over = new();
    private readonly TaskCompletionSource _struck = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Task _terminating = Task.CompletedTask;

    public override string Name => "terminated backends";

    public override bool IsNoticed => false;

    public override Task StrikeAsync(Stage stage, Random dice)
    {
        double seed = (dice.NextDouble() * 2) - 1; // what setseed takes
        _terminating = TerminateAsync(stage, seed);
        return Task.WhenAny(_struck.Task, _terminating);
    }

    public override async Task HealAsync(Stage stage)
    {
        await _over.CancelAsync();
        await _terminating;
    }

    public override async ValueTask DisposeAsync()
    {
        await _over.CancelAsync();
        await _terminating.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing); // it was awaited when the fault was healed
        _over.Dispose();
        await base.DisposeAsync();
    }

    private async Task TerminateAsync(Stage stage, double seed)
    {
        for (long ended = 0; !_over.IsCancellationRequested;)
        {
            ended += await stage.ScalarAsync<long>(FormattableString.Invariant(
                $"""
                with seeded as materialized (select setseed({seed}))
                select count(pg_terminate_backend(pid)) from seeded, pg_stat_activity where usename = '{Stage.Role}' and random() < 0.5
                """));
            if (ended >= Enough)
            {
                _struck.TrySetResult();
            }

            seed = (seed + 1.1) % 1;
            await Task.Delay(Pause, _over.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }
}
