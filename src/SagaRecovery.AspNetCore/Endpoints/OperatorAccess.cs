using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Authorization.Policy;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace SagaRecovery.AspNetCore.Endpoints;

/// <summary>The access to operator actions.</summary>
internal sealed class OperatorAccess
{
    private readonly string? _policy;

    private OperatorAccess(bool areMapped, string? policy)
    {
        AreMapped = areMapped;
        _policy = policy;
    }

    /// <summary>True if operator actions are mapped.</summary>
    public bool AreMapped { get; }

    /// <exception cref="InvalidOperationException">The options would expose operator actions without authorization.</exception>
    public static OperatorAccess Create(SagaRecoveryEndpointOptions options, IServiceProvider services)
    {
        if (options.OperatorPolicy is { } policy)
        {
            bool canBeRequired = policy.Length > 0 && services.GetService<IAuthorizationPolicyProvider>() is not null;
            return canBeRequired ? new OperatorAccess(areMapped: true, policy) : throw new InvalidOperationException(
                "OperatorPolicy requires an authorization policy, but none is registered. Call "
                + "services.AddAuthorizationBuilder().AddPolicy(\"saga-operators\", …) and set OperatorPolicy = \"saga-operators\".");
        }

        if (options.ActionsWithoutPolicy && !services.GetRequiredService<IHostEnvironment>().IsDevelopment())
        {
            throw new InvalidOperationException(
                "ActionsWithoutPolicy is allowed in the Development environment only, since it opens operator actions to every caller. Set "
                + "OperatorPolicy to the name of an authorization policy (services.AddAuthorizationBuilder().AddPolicy(…)), or leave "
                + "both unset to map no operator actions.");
        }

        return new OperatorAccess(options.ActionsWithoutPolicy, policy: null);
    }

    /// <summary>Requires the policy for every operator action.</summary>
    public RouteGroupBuilder RequirePolicy(RouteGroupBuilder actions)
    {
        if (_policy is not null)
        {
            actions.RequireAuthorization(_policy);

            // AllowAnonymous() on the builder of MapSagaRecovery() is meant for the read-only endpoints. Here it would disable the policy.
            ((IEndpointConventionBuilder)actions).Finally(endpoint =>
            {
                foreach (object metadata in endpoint.Metadata.Where(item => item is IAllowAnonymous).ToArray())
                {
                    endpoint.Metadata.Remove(metadata);
                }
            });
        }

        return actions;
    }

    /// <summary>Returns the rights of the caller of a request.</summary>
    public async Task<OperatorRights> GetRightsAsync(HttpContext context)
    {
        if (!AreMapped || _policy is null)
        {
            return AreMapped ? OperatorRights.Open : OperatorRights.NotMapped;
        }

        IServiceProvider services = context.RequestServices;
        AuthorizationPolicy? policy = await services.GetRequiredService<IAuthorizationPolicyProvider>().GetPolicyAsync(_policy).ConfigureAwait(false);
        if (policy is null || services.GetService<IPolicyEvaluator>() is not { } evaluator)
        {
            return OperatorRights.Refused;
        }

        AuthenticateResult signedIn = await evaluator.AuthenticateAsync(policy, context).ConfigureAwait(false);
        PolicyAuthorizationResult result = await evaluator.AuthorizeAsync(policy, signedIn, context, resource: null).ConfigureAwait(false);
        return result.Succeeded ? OperatorRights.Allowed : result.Challenged ? OperatorRights.AfterSigningIn : OperatorRights.Refused;
    }
}
