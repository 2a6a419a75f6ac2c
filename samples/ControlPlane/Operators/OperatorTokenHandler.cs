using System.Net.Http.Headers;
using System.Security.Claims;
using System.Security.Cryptography;
using System.Text;
using System.Text.Encodings.Web;
using Microsoft.AspNetCore.Authentication;
using Microsoft.Extensions.Options;

namespace ControlPlane.Operators;

/// <summary>Authenticates operators with HTTP Basic (RFC 7617): any user name, and the token as the password.</summary>
internal sealed class OperatorTokenHandler(IOptionsMonitor<OperatorTokenOptions> options, ILoggerFactory logger, UrlEncoder encoder)
    : AuthenticationHandler<OperatorTokenOptions>(options, logger, encoder)
{
    public const string Basic = "Basic";

    private const int LongestName = 100;

    protected override Task<AuthenticateResult> HandleAuthenticateAsync() => Task.FromResult(
        AuthenticationHeaderValue.TryParse(Request.Headers.Authorization, out AuthenticationHeaderValue? given)
        && given.Scheme.Equals(Basic, StringComparison.OrdinalIgnoreCase)
            ? Check(given.Parameter ?? "")
            : AuthenticateResult.NoResult());

    protected override Task HandleChallengeAsync(AuthenticationProperties properties)
    {
        Response.Headers.WWWAuthenticate = $"{Basic} realm=\"saga recovery: your name and the operator token\", charset=\"UTF-8\"";
        return base.HandleChallengeAsync(properties);
    }

    private AuthenticateResult Check(string credentials)
    {
        byte[] bytes = new byte[credentials.Length];
        if (!Convert.TryFromBase64String(credentials, bytes, out int length)
            || Encoding.UTF8.GetString(bytes, 0, length).Split(':', 2) is not [{ Length: > 0 and <= LongestName } name, { } token]
            || name.Any(char.IsControl))
        {
            return AuthenticateResult.Fail("The credentials must be a name of at most 100 characters, a colon and the token.");
        }

        // Compares hashes, so that the duration reveals neither the bytes of the token nor its length.
        if (!CryptographicOperations.FixedTimeEquals(SHA256.HashData(Encoding.UTF8.GetBytes(token)), Options.TokenHash))
        {
            return AuthenticateResult.Fail("The token is wrong.");
        }

        var identity = new ClaimsIdentity([new Claim(ClaimTypes.Name, name)], Basic);
        return AuthenticateResult.Success(new AuthenticationTicket(new ClaimsPrincipal(identity), Basic));
    }
}
