using Microsoft.Extensions.Diagnostics.HealthChecks;
using SagaRecovery.Status;

namespace SagaRecovery.AspNetCore.Health;

/// <summary>The check for a liveness probe: the recovery loop moves.</summary>
internal sealed class LivenessCheck(SagaRecoveryStatus status, TimeSpan hangLimit) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
        Task.FromResult(RecoveryHealth.EvaluateLiveness(status.Current, status.SinceProgress, hangLimit));
}
