using System.Security.Cryptography;
using System.Text;
using ControlPlane.Hosting;
using Microsoft.AspNetCore.Authentication;

namespace ControlPlane.Operators;

/// <summary>
/// Authorizes operator actions for any caller with the token, under the name that the caller gives (HTTP Basic). Read access is open. A
/// real service uses its own authentication and policy.
/// </summary>
internal static class OperatorAccess
{
    /// <summary>The authorization policy of operator actions.</summary>
    public const string Policy = "saga-operators";

    public static void Add(WebApplicationBuilder builder, Serilog.ILogger log)
    {
        string token = ResolveToken(builder, log);

        // AddAuthentication would also add data protection, whose key ring on disk is not needed here.
        new AuthenticationBuilder(builder.Services.AddAuthenticationCore().AddWebEncoders()).AddScheme<OperatorTokenOptions, OperatorTokenHandler>(
            OperatorTokenHandler.Basic, options => options.TokenHash = SHA256.HashData(Encoding.UTF8.GetBytes(token)));
        builder.Services.AddAuthorizationBuilder().AddPolicy(
            Policy, policy => policy.AddAuthenticationSchemes(OperatorTokenHandler.Basic).RequireAuthenticatedUser());
    }

    private static string ResolveToken(WebApplicationBuilder builder, Serilog.ILogger log)
    {
        if (builder.Configuration.GetSection(ControlPlaneOptions.SectionName)[nameof(ControlPlaneOptions.OperatorToken)] is { Length: > 0 } given)
        {
            return given;
        }

        (string file, string token) = new DataFolder(builder.Configuration, builder.Environment.ContentRootPath).OperatorToken();
        log.ForContext(typeof(OperatorAccess)).Information("operators sign in with any user name and the token in {File} as the password", file);
        return token;
    }
}

internal sealed class OperatorTokenOptions : AuthenticationSchemeOptions
{
    /// <summary>The SHA-256 hash of the token. The token itself is not kept.</summary>
    public byte[] TokenHash { get; set; } = [];
}
