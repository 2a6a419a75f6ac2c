using Microsoft.Extensions.Diagnostics.HealthChecks;
using SagaRecovery.AspNetCore.Health;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Registers the health check of saga recovery.</summary>
public static class SagaRecoveryHealthCheckExtensions
{
    /// <summary>Adds a health check of saga recovery.</summary>
    /// <param name="builder">The health checks builder.</param>
    /// <param name="name">The name of the check. The default is <c>saga-recovery</c>.</param>
    /// <param name="failureStatus">The status to report instead of unhealthy. Null for unhealthy.</param>
    /// <param name="tags">The tags for filtering checks. Null for none.</param>
    /// <returns>The same builder.</returns>
    /// <remarks>
    /// <para>
    /// The check is degraded until the process has joined, after one failed pass, and during a drain. It is unhealthy after three failed
    /// passes in a row, or when a newer process has fenced this one. It does not query the database.
    /// </para>
    /// <para>
    /// A pause and sagas that are held, stalled, orphaned or owned by a coordinator that is down do not change the status, since a restart
    /// of this process does not fix them. They appear in the data of the check.
    /// </para>
    /// </remarks>
    public static IHealthChecksBuilder AddSagaRecovery(
        this IHealthChecksBuilder builder,
        string name = "saga-recovery",
        HealthStatus? failureStatus = null,
        IEnumerable<string>? tags = null) =>
        builder.AddCheck<SagaRecoveryHealthCheck>(name, failureStatus, tags ?? []);
}
