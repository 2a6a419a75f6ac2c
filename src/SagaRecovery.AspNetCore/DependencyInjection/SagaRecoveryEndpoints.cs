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
    /// <param name="configure">Configures operator actions. Null to map the read-only endpoints only.</param>
    /// <returns>A convention builder for all mapped endpoints.</returns>
    /// <exception cref="InvalidOperationException">
    /// <c>AddSagaRecovery()</c> was not called, or the options would expose operator actions without authorization.
    /// </exception>
    /// <remarks>
    /// The read-only endpoints require no authorization by default. <c>RequireAuthorization()</c> on the returned builder protects all
    /// endpoints. Operator actions are mapped only under <see cref="SagaRecoveryEndpointOptions.OperatorPolicy"/>.
    /// </remarks>
    /// <example>
    /// <code>
    /// builder.Services.AddAuthorizationBuilder().AddPolicy("saga-operators", policy => policy.RequireRole("operator"));
    ///
    /// app.MapSagaRecovery(configure: options => options.OperatorPolicy = "saga-operators");
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
        ReportEndpoints.Map(all, access);
        SagaEndpoints.Map(all);
        if (access.AreMapped)
        {
            RouteGroupBuilder actions = access.RequirePolicy(all.MapGroup(""));
            SagaActionEndpoints.Map(actions);
            SagaBatchEndpoints.Map(actions);
            CoordinatorActionEndpoints.Map(actions);
            RetentionEndpoints.Map(actions);
        }

        return all;
    }
}
