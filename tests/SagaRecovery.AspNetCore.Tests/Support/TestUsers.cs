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

    /// <summary>The policy of reading, which <see cref="Reader"/> and <see cref="Auditor"/> satisfy.</summary>
    public const string Reading = "readers";

    /// <summary>The policy of payloads, which only <see cref="Auditor"/> satisfies.</summary>
    public const string Payloads = "payloads";

    /// <summary>A policy that every caller satisfies.</summary>
    public const string Anyone = "anyone";
    public const string Reader = "reader";
    public const string Auditor = "auditor";

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
