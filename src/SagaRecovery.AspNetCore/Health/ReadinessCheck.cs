using Microsoft.Extensions.Diagnostics.HealthChecks;
using SagaRecovery.Status;

namespace SagaRecovery.AspNetCore.Health;

/// <summary>The check for a readiness probe: this process can start sagas and recover them.</summary>
internal sealed class ReadinessCheck(SagaRecoveryStatus status, TimeSpan outageLimit) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
        Task.FromResult(RecoveryHealth.EvaluateReadiness(status.Current, status.Now, outageLimit));
}
