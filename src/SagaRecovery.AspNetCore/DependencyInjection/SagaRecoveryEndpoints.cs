using System.Diagnostics.CodeAnalysis;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using SagaRecovery.AspNetCore;
using SagaRecovery.AspNetCore.Endpoints;
using SagaRecovery.Status;

namespace Microsoft.AspNetCore.Builder;

/// <summary>Maps the endpoints for operators: status, explanations, lists, the operator page and operator actions.</summary>
public static class SagaRecoveryEndpoints
{
    /// <summary>Maps the endpoints of saga recovery under a route prefix.</summary>
    /// <param name="endpoints">The route builder.</param>
    /// <param name="pattern">The route prefix. The default is <c>/saga-recovery</c>.</param>
    /// <param name="configure">Names the policies. Null only in the Development environment, to map the endpoints that read for every caller.</param>
    /// <returns>A convention builder for all mapped endpoints.</returns>
    /// <exception cref="InvalidOperationException">
    /// <c>AddSagaRecovery()</c> was not called, or the options would open an endpoint without authorization.
    /// </exception>
    /// <remarks>
    /// Reading requires <see cref="SagaRecoveryEndpointOptions.ReadingPolicy"/>, payloads
    /// <see cref="SagaRecoveryEndpointOptions.PayloadPolicy"/>, and operator actions
    /// <see cref="SagaRecoveryEndpointOptions.OperatorPolicy"/>. In the Development environment, all but the actions is open by default.
    /// <c>RequireAuthorization()</c> on the returned builder applies in addition. The health check and the metrics are not among these endpoints.
    /// </remarks>
    /// <example>
    /// <code>
    /// builder.Services.AddAuthorizationBuilder()
    ///     .AddPolicy("saga-readers", policy => policy.RequireRole("support", "operator"))
    ///     .AddPolicy("saga-operators", policy => policy.RequireRole("operator"));
    ///
    /// app.MapSagaRecovery(configure: options =>
    /// {
    ///     options.ReadingPolicy = "saga-readers";
    ///     options.PayloadPolicy = "saga-operators";
    ///     options.OperatorPolicy = "saga-operators";
    /// });
    /// </code>
    /// </example>
    public static IEndpointConventionBuilder MapSagaRecovery(
        this IEndpointRouteBuilder endpoints,
        [StringSyntax("Route")] string pattern = "/saga-recovery",
        Action<SagaRecoveryEndpointOptions>? configure = null)
    {
        if (endpoints.ServiceProvider.GetService<IServiceProviderIsService>() is { } services && !services.IsService(typeof(SagaRecoveryStatus)))
        {
            throw new InvalidOperationException("Saga recovery is not registered: call services.AddSagaRecovery() before MapSagaRecovery().");
        }

        var options = new SagaRecoveryEndpointOptions();
        configure?.Invoke(options);
        var access = OperatorAccess.Create(options, endpoints.ServiceProvider);

        RouteGroupBuilder all = endpoints.MapGroup(pattern);
        RouteGroupBuilder reads = access.RequireForReading(all.MapGroup(""));
        ReportEndpoints.Map(reads, access);
        SagaEndpoints.Map(reads, access);
        ProblemEndpoints.Map(reads, access);
        UnknownEndpoint.Map(reads);
        if (access.AreMapped)
        {
            RouteGroupBuilder actions = access.RequireForActions(all.MapGroup(""));
            SagaActionEndpoints.Map(actions, access);
            ProblemEndpoints.MapActions(actions, access);
            SagaBatchEndpoints.Map(actions);
            CoordinatorActionEndpoints.Map(actions);
            RetentionEndpoints.Map(actions);
        }

        return all;
    }
}
