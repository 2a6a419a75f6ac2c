using Microsoft.Extensions.Diagnostics.HealthChecks;
using SagaRecovery.Status;

namespace SagaRecovery.AspNetCore.Health;

/// <summary>The health check of recovery, derived from its current report.</summary>
internal sealed class SagaRecoveryHealthCheck(SagaRecoveryStatus status) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
        Task.FromResult(RecoveryHealth.Evaluate(status.Current, context.Registration.FailureStatus));
}
