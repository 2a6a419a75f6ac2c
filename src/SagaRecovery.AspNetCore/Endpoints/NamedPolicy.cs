using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Authorization.Policy;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace SagaRecovery.AspNetCore.Endpoints;

/// <summary>An authorization policy of the service, by its name.</summary>
internal sealed class NamedPolicy
{
    private readonly string _name;

    private NamedPolicy(string name) => _name = name;

    /// <param name="setting">The option that names the policy.</param>
    /// <param name="name">Its value; null for no policy.</param>
    /// <param name="example">A name for the message of the exception.</param>
    /// <param name="services">The services of the host.</param>
    /// <exception cref="InvalidOperationException">No policy can have the name, or authorization is not registered.</exception>
    public static NamedPolicy? Create(string setting, string? name, string example, IServiceProvider services)
    {
        if (name is null)
        {
            return null;
        }

        bool canBeRequired = name.Length > 0 && services.GetService<IAuthorizationPolicyProvider>() is not null;
        return canBeRequired ? new NamedPolicy(name) : throw new InvalidOperationException(
            $"{setting} requires an authorization policy, but none is registered. Call "
            + $"services.AddAuthorizationBuilder().AddPolicy(\"{example}\", …) and set {setting} = \"{example}\".");
    }

    /// <summary>Requires the policy for every endpoint of a group.</summary>
    public RouteGroupBuilder Require(RouteGroupBuilder group)
    {
        group.RequireAuthorization(_name);

        // AllowAnonymous() on the builder of MapSagaRecovery() would disable the policy, which the options named on purpose.
        ((IEndpointConventionBuilder)group).Finally(endpoint =>
        {
            foreach (object metadata in endpoint.Metadata.Where(item => item is IAllowAnonymous).ToArray())
            {
                endpoint.Metadata.Remove(metadata);
            }
        });
        return group;
    }

    /// <summary>Returns the rights of the caller of a request under the policy.</summary>
    public async Task<OperatorRights> EvaluateAsync(HttpContext context)
    {
        IServiceProvider services = context.RequestServices;
        AuthorizationPolicy? policy = await services.GetRequiredService<IAuthorizationPolicyProvider>().GetPolicyAsync(_name).ConfigureAwait(false);
        if (policy is null || services.GetService<IPolicyEvaluator>() is not { } evaluator)
        {
            return OperatorRights.Refused;
        }

        AuthenticateResult signedIn = await evaluator.AuthenticateAsync(policy, context).ConfigureAwait(false);
        PolicyAuthorizationResult result = await evaluator.AuthorizeAsync(policy, signedIn, context, resource: context).ConfigureAwait(false);
        return result.Succeeded ? OperatorRights.Allowed : result.Challenged ? OperatorRights.AfterSigningIn : OperatorRights.Refused;
    }
}
