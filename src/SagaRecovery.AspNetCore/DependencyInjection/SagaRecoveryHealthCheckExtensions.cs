using Microsoft.Extensions.Diagnostics.HealthChecks;
using SagaRecovery.AspNetCore.Health;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Registers the health of recovery.</summary>
public static class SagaRecoveryHealthCheckExtensions
{
    /// <summary>
    /// Adds a health check of recovery: degraded until the process has joined, after one failed pass, and while it drains; unhealthy after
    /// three failed passes in a row or when a newer process has fenced this one. A pause, held sagas, such as do not progress, and orphaned
    /// or stranded ones are somebody's decision, a saga's or another node's trouble: they stand in its data. It asks nothing of the database.
    /// </summary>
    /// <param name="builder">Where to.</param>
    /// <param name="name">The name of the check. Default <c>saga-recovery</c>.</param>
    /// <param name="failureStatus">What is reported instead of unhealthy; null: unhealthy.</param>
    /// <param name="tags">For filtering checks.</param>
    public static IHealthChecksBuilder AddSagaRecovery(
        this IHealthChecksBuilder builder,
        string name = "saga-recovery",
        HealthStatus? failureStatus = null,
        IEnumerable<string>? tags = null) =>
        builder.AddCheck<SagaRecoveryHealthCheck>(name, failureStatus, tags ?? []);
}
