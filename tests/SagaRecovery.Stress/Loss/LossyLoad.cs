namespace SagaRecovery.Stress.Loss;

/// <summary>The clients of a run in which the database loses commits: some run short sagas, others long ones, which are in flight over a loss.</summary>
internal sealed class LossyLoad : IAsyncDisposable
{
    /// <summary>The interval between two passes: well within the time that the reconciliation allows.</summary>
    public const string Period = "--SagaRecovery:Period=00:00:05";

    private const int ShortClients = 8;
    private const int SlowClients = 12;

    private static readonly TimeSpan SlowStep = TimeSpan.FromMilliseconds(400);

    /// <summary>Clients that wait for a paused process switch to its successor.</summary>
    private static readonly TimeSpan ClientPatience = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan WaitTimeout = TimeSpan.FromSeconds(60);

    private readonly Stage _stage;

    public LossyLoad(StressRun run, Stage stage)
    {
        _stage = stage;
        Projects = new ProjectLoad(() => stage.Present, ShortClients, patience: ClientPatience, pause: run.ClientPause);
        Slow = new SlowLoad(() => stage.Present, SlowClients, SlowStep);
    }

    public ProjectLoad Projects { get; }

    public SlowLoad Slow { get; }

    /// <summary>Waits until projects are being created, and many long sagas are in flight.</summary>
    public async Task IsInFullSwingAsync()
    {
        const string SlowInProgress = "select count(*) from saga_recovery.saga where name = 'demo-slow' and state in ('running', 'unwinding')";
        await MakesProjectsAsync();
        await Eventually.HoldsAsync(
            async () => await _stage.ScalarAsync<long>(SlowInProgress) >= SlowClients / 2, "long sagas were in flight", WaitTimeout);
    }

    /// <summary>Waits for one project more than the number of clients: the last of them was requested after the call.</summary>
    public async Task MakesProjectsAsync()
    {
        int promised = Projects.Promised.Count;
        await Eventually.HoldsAsync(() => Projects.Promised.Count > promised + ShortClients, "projects were made", WaitTimeout);
    }

    /// <summary>Sends no more requests, and waits for the outstanding answers.</summary>
    public Task EndAsync() => Task.WhenAll(Projects.EndAsync(), Slow.EndAsync());

    public async ValueTask DisposeAsync()
    {
        await Projects.DisposeAsync();
        await Slow.DisposeAsync();
    }
}
