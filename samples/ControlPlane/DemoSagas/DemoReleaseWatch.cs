namespace ControlPlane.DemoSagas;

/// <summary>Looks each second for demo sagas that were released at another process than the one that runs them.</summary>
internal sealed partial class DemoReleaseWatch(DemoReleases releases, TimeProvider time, ILogger<DemoReleaseWatch> logger) : BackgroundService
{
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(1);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Period, time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            try
            {
                await releases.TellReleasedAsync(stoppingToken);
            }
            catch (Exception exception) when (!stoppingToken.IsCancellationRequested)
            {
                LogFailed(exception); // Postgres is away: passes tell of that, and the next look tries again
            }
        }
    }

    [LoggerMessage(LogLevel.Debug, "looking for released demo sagas failed")]
    private partial void LogFailed(Exception exception);
}
