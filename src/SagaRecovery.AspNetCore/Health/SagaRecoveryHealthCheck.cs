using Microsoft.Extensions.Diagnostics.HealthChecks;
using SagaRecovery.Status;

namespace SagaRecovery.AspNetCore.Health;

/// <summary>Whether recovery does its work, as of its report.</summary>
internal sealed class SagaRecoveryHealthCheck(SagaRecoveryStatus status) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
        Task.FromResult(RecoveryHealth.Of(status.Current, context.Registration.FailureStatus));
}
