using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using SagaRecovery.Operations;

namespace SagaRecovery.AspNetCore.Endpoints;

/// <summary>The access of callers: to the endpoints that read, to payloads, and to operator actions.</summary>
internal sealed class OperatorAccess
{
    private readonly NamedPolicy? _reading;
    private readonly NamedPolicy? _payloads;
    private readonly NamedPolicy? _actions;
    private readonly bool _isDevelopment;

    private OperatorAccess(SagaRecoveryEndpointOptions options, IServiceProvider services)
    {
        _isDevelopment = services.GetRequiredService<IHostEnvironment>().IsDevelopment();
        _reading = NamedPolicy.Create(nameof(options.ReadingPolicy), options.ReadingPolicy, "saga-readers", services);
        _payloads = NamedPolicy.Create(nameof(options.PayloadPolicy), options.PayloadPolicy, "saga-payloads", services);
        _actions = NamedPolicy.Create(nameof(options.OperatorPolicy), options.OperatorPolicy, "saga-operators", services);
        AreMapped = _actions is not null || options.ActionsWithoutPolicy;
    }

    /// <summary>True if operator actions are mapped.</summary>
    public bool AreMapped { get; }

    /// <exception cref="InvalidOperationException">The options would open something without authorization, or a policy cannot be required.</exception>
    public static OperatorAccess Create(SagaRecoveryEndpointOptions options, IServiceProvider services)
    {
        var access = new OperatorAccess(options, services);
        if (access._reading is null && !options.AllowAnonymousReading && !access._isDevelopment)
        {
            throw new InvalidOperationException(
                "The endpoints of saga recovery show sagas, hosts and operators, so outside the Development environment reading requires a policy. Set "
                + "ReadingPolicy to the name of an authorization policy: services.AddAuthorizationBuilder().AddPolicy(\"saga-readers\", …) and "
                + "app.MapSagaRecovery(configure: options => options.ReadingPolicy = \"saga-readers\"). To open them to every caller on purpose, set "
                + "options.AllowAnonymousReading = true.");
        }

        if (access._actions is null && options.ActionsWithoutPolicy && !access._isDevelopment)
        {
            throw new InvalidOperationException(
                "ActionsWithoutPolicy is allowed in the Development environment only, since it opens operator actions to every caller. Set "
                + "OperatorPolicy to the name of an authorization policy (services.AddAuthorizationBuilder().AddPolicy(…)), or leave "
                + "both unset to map no operator actions.");
        }

        return access;
    }

    /// <summary>Requires the policy for every endpoint that reads.</summary>
    public RouteGroupBuilder RequireForReading(RouteGroupBuilder reads) => _reading?.Require(reads) ?? reads;

    /// <summary>Requires the policy for every operator action.</summary>
    public RouteGroupBuilder RequireForActions(RouteGroupBuilder actions) => _actions?.Require(actions) ?? actions;

    /// <summary>Returns the rights of the caller of a request to run operator actions.</summary>
    public async Task<OperatorRights> GetRightsAsync(HttpContext context) =>
        !AreMapped ? OperatorRights.NotMapped
        : _actions is null ? OperatorRights.Open
        : await _actions.EvaluateAsync(context).ConfigureAwait(false);

    /// <summary>Returns the view of payloads that the caller of a request has.</summary>
    public async Task<PayloadView> GetPayloadViewAsync(HttpContext context)
    {
        bool mayShow = _payloads is null
            ? _isDevelopment
            : await _payloads.EvaluateAsync(context).ConfigureAwait(false) is OperatorRights.Allowed;
        IServiceProvider services = context.RequestServices;
        return mayShow
            ? PayloadView.Through(services.GetService<ISagaRedactor>(), services.GetRequiredService<ILoggerFactory>().CreateLogger(typeof(SagaRecoveryEndpoints)))
            : PayloadView.Hidden;
    }
}
