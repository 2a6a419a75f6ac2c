using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Options;
using SagaRecovery;
using SagaRecovery.AspNetCore;
using SagaRecovery.AspNetCore.Health;
using SagaRecovery.Status;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Registers the health checks of saga recovery.</summary>
public static class SagaRecoveryHealthCheckExtensions
{
    /// <summary>Adds two health checks of saga recovery: <c>saga-recovery-live</c> for liveness, and <c>saga-recovery-ready</c> for readiness.</summary>
    /// <param name="builder">The health checks builder.</param>
    /// <param name="configure">Sets the limits of the checks. Null for the defaults.</param>
    /// <returns>The same builder.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A limit is not positive.</exception>
    /// <remarks>
    /// <para>
    /// The liveness check has the tag <c>live</c>. It is unhealthy if the recovery loop has made no progress for
    /// <see cref="SagaRecoveryHealthOptions.HangLimit"/>, which only a restart ends. An outage of the database, a drain or a fence does not change it.
    /// </para>
    /// <para>
    /// The readiness check has the tag <c>ready</c>. It is unhealthy until the process has joined, during a drain, after a newer process has fenced
    /// this one, if the store is incompatible, and if passes have failed for <see cref="SagaRecoveryHealthOptions.OutageLimit"/>. It is degraded while
    /// passes fail for less than that, and if three runs of retention in a row have failed. A degraded process counts as ready.
    /// </para>
    /// <para>
    /// A pause and sagas that are held, stalled, orphaned or owned by a coordinator that is down change neither. They appear in the data of the
    /// readiness check. The checks do not query the database.
    /// </para>
    /// </remarks>
    /// <example>
    /// <code>
    /// builder.Services.AddHealthChecks().AddSagaRecovery();
    ///
    /// app.MapHealthChecks("/live", new HealthCheckOptions { Predicate = check =&gt; check.Tags.Contains("live") });
    /// app.MapHealthChecks("/ready", new HealthCheckOptions { Predicate = check =&gt; check.Tags.Contains("ready") });
    /// </code>
    /// </example>
    public static IHealthChecksBuilder AddSagaRecovery(this IHealthChecksBuilder builder, Action<SagaRecoveryHealthOptions>? configure = null)
    {
        var options = new SagaRecoveryHealthOptions();
        configure?.Invoke(options);
        if (options.OutageLimit <= TimeSpan.Zero || options.HangLimit <= TimeSpan.Zero)
        {
            throw new ArgumentOutOfRangeException(
                nameof(configure), $"{nameof(options.OutageLimit)} ({options.OutageLimit}) and {nameof(options.HangLimit)} ({options.HangLimit}) must be more than zero.");
        }

        builder.Add(new HealthCheckRegistration("saga-recovery-live", provider => CreateLivenessCheck(provider, options), failureStatus: null, ["live"]));
        return builder.Add(new HealthCheckRegistration("saga-recovery-ready", provider => CreateReadinessCheck(provider, options), failureStatus: null, ["ready"]));
    }

    private static LivenessCheck CreateLivenessCheck(IServiceProvider provider, SagaRecoveryHealthOptions options)
    {
        TimeSpan resumeTimeout = provider.GetRequiredService<IOptions<SagaRecoveryOptions>>().Value.ResumeTimeout;
        return new LivenessCheck(provider.GetRequiredService<SagaRecoveryStatus>(), options.HangLimit ?? RecoveryHealth.LongestAnswerOfStore + resumeTimeout);
    }

    private static ReadinessCheck CreateReadinessCheck(IServiceProvider provider, SagaRecoveryHealthOptions options) =>
        new(provider.GetRequiredService<SagaRecoveryStatus>(), options.OutageLimit);
}
