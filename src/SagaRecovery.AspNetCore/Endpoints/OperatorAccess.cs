using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Authorization.Policy;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace SagaRecovery.AspNetCore.Endpoints;

/// <summary>Who may pull levers.</summary>
internal sealed class OperatorAccess
{
    private readonly string? _policy;

    private OperatorAccess(bool areMapped, string? policy)
    {
        AreMapped = areMapped;
        _policy = policy;
    }

    /// <summary>Whether anybody may.</summary>
    public bool AreMapped { get; }

    /// <exception cref="InvalidOperationException">What is asked for would leave the levers open.</exception>
    public static OperatorAccess Of(SagaRecoveryEndpointOptions options, IServiceProvider services)
    {
        if (options.OperatorPolicy is { } policy)
        {
            bool canBeRequired = policy.Length > 0 && services.GetService<IAuthorizationPolicyProvider>() is not null;
            return canBeRequired ? new OperatorAccess(areMapped: true, policy) : throw new InvalidOperationException(
                "The levers of saga recovery are to require an authorization policy, and there is none: call "
                + "services.AddAuthorizationBuilder().AddPolicy(\"saga-operators\", …), and set OperatorPolicy = \"saga-operators\".");
        }

        if (options.ActionsWithoutPolicy && !services.GetRequiredService<IHostEnvironment>().IsDevelopment())
        {
            throw new InvalidOperationException(
                "The levers of saga recovery would be open to everybody: ActionsWithoutPolicy is for the Development environment only. Set "
                + "OperatorPolicy to the name of an authorization policy (services.AddAuthorizationBuilder().AddPolicy(…)), or map no levers.");
        }

        return new OperatorAccess(options.ActionsWithoutPolicy, policy: null);
    }

    /// <summary>Puts the policy before every lever.</summary>
    public RouteGroupBuilder Guard(RouteGroupBuilder actions)
    {
        if (_policy is not null)
        {
            actions.RequireAuthorization(_policy);

            // AllowAnonymous() on what MapSagaRecovery() returns is meant for those who look: it would switch the policy off.
            ((IEndpointConventionBuilder)actions).Finally(kind =>
            {
                foreach (object open in kind.Metadata.Where(about => about is IAllowAnonymous).ToArray())
                {
                    kind.Metadata.Remove(open);
                }
            });
        }

        return actions;
    }

    /// <summary>What whoever sends a request may do.</summary>
    public async Task<OperatorRights> RightsAsync(HttpContext context)
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
