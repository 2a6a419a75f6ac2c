namespace SagaRecovery.AspNetCore;

/// <summary>The options of the health checks of recovery.</summary>
public sealed class SagaRecoveryHealthOptions
{
    /// <summary>The time for which passes may fail before the process is not ready.</summary>
    /// <value>More than zero. The default is 1 minute.</value>
    /// <remarks>
    /// It must outlast a fail-over of the database: until then the process is degraded, and counts as ready. Patroni with its defaults needs up to
    /// 45 seconds. A service that the provider fails over may need two minutes.
    /// </remarks>
    public TimeSpan OutageLimit { get; set; } = TimeSpan.FromMinutes(1);

    /// <summary>The time without progress after which the recovery loop counts as hung.</summary>
    /// <value>More than zero. The default is null: 3 minutes and <see cref="SagaRecoveryOptions.ResumeTimeout"/>, together 3 minutes 30 seconds.</value>
    /// <remarks>
    /// It must exceed the longest wait for one answer of the store or of the executor, or an outage of the database restarts the process. With the
    /// defaults of Npgsql and three servers, a wait for the database ends after 80 seconds at most. Raise this limit if <c>Command Timeout</c> exceeds two
    /// minutes, or is 0.
    /// </remarks>
    public TimeSpan? HangLimit { get; set; }
}
