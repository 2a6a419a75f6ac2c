namespace ControlPlane.DemoSagas;

/// <summary>Polls each second for demo sagas of this process that were released at another process.</summary>
internal sealed partial class DemoReleasePoller(DemoReleases releases, TimeProvider time, ILogger<DemoReleasePoller> logger) : BackgroundService
{
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(1);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Period, time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            try
            {
                await releases.NotifyReleasedAsync(stoppingToken);
            }
            catch (Exception exception) when (!stoppingToken.IsCancellationRequested)
            {
                LogFailed(exception); // recovery passes already report an unavailable Postgres; the next poll retries
            }
        }
    }

    [LoggerMessage(LogLevel.Debug, "polling for released demo sagas failed")]
    private partial void LogFailed(Exception exception);
}
