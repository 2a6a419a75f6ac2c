using System.Diagnostics.CodeAnalysis;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using SagaRecovery.AspNetCore;
using SagaRecovery.AspNetCore.Endpoints;
using SagaRecovery.Status;

namespace Microsoft.AspNetCore.Builder;

/// <summary>Maps what an operator sees and does: status, explanations, lists, a page, and the levers.</summary>
public static class SagaRecoveryEndpoints
{
    /// <summary>
    /// Maps the endpoints of saga recovery below a prefix. Those that only look are as open as the returned builder leaves them
    /// (<c>RequireAuthorization()</c> closes them, too); levers are mapped only under a policy of their own.
    /// </summary>
    /// <param name="endpoints">Where to.</param>
    /// <param name="pattern">The prefix. Default <c>/saga-recovery</c>.</param>
    /// <param name="configure">Says whether there are levers, and for whom.</param>
    /// <returns>Conventions for all of them together.</returns>
    /// <exception cref="InvalidOperationException">
    /// <c>AddSagaRecovery()</c> was not called, or levers are asked for in a way that would leave them open.
    /// </exception>
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
        var access = OperatorAccess.Of(options, endpoints.ServiceProvider);

        RouteGroupBuilder all = endpoints.MapGroup(pattern);
        ReportEndpoints.Map(all, access);
        SagaEndpoints.Map(all);
        if (access.AreMapped)
        {
            RouteGroupBuilder actions = access.Guard(all.MapGroup(""));
            SagaActionEndpoints.Map(actions);
            CoordinatorActionEndpoints.Map(actions);
        }

        return all;
    }
}
