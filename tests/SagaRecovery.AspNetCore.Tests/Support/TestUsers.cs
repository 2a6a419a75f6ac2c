using System.Security.Claims;
using System.Text.Encodings.Web;
using Microsoft.AspNetCore.Authentication;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace SagaRecovery.AspNetCore.Tests.Support;

/// <summary>Signs in the user that a header names; users named operator-… are operators.</summary>
internal sealed class TestUsers(IOptionsMonitor<AuthenticationSchemeOptions> options, ILoggerFactory logger, UrlEncoder encoder)
    : AuthenticationHandler<AuthenticationSchemeOptions>(options, logger, encoder)
{
    public const string SchemeName = "test";
    public const string Header = "X-User";
    public const string Policy = "operators";
    public const string Operator = "operator-ann";

    /// <summary>An operator without a name.</summary>
    public const string Nameless = "operator-";

    public static ClaimsPrincipal Named(string name)
    {
        bool isOperator = name.StartsWith("operator-", StringComparison.Ordinal);
        Claim[] claims = name == Nameless ? [] : [new Claim(ClaimTypes.Name, name)];
        return new ClaimsPrincipal(new ClaimsIdentity([.. claims, new Claim("operator", isOperator.ToString())], SchemeName));
    }

    protected override Task<AuthenticateResult> HandleAuthenticateAsync() => Task.FromResult(
        Request.Headers[Header] is [{ } name]
            ? AuthenticateResult.Success(new AuthenticationTicket(Named(name), SchemeName))
            : AuthenticateResult.NoResult());
}
