using System.Security.Cryptography;
using System.Text;
using ControlPlane.Hosting;
using Microsoft.AspNetCore.Authentication;

namespace ControlPlane.Operators;

/// <summary>
/// Who may pull levers: whoever knows the token, under the name that they give (HTTP Basic). What only looks is open. A real service
/// takes its own sign-in, and a policy on it.
/// </summary>
internal static class OperatorAccess
{
    /// <summary>What the levers require.</summary>
    public const string Policy = "saga-operators";

    public static void Add(WebApplicationBuilder builder, Serilog.ILogger log)
    {
        string token = TokenOf(builder, log);

        // The core of authentication alone: nothing here needs a ring of keys on disk.
        new AuthenticationBuilder(builder.Services.AddAuthenticationCore().AddWebEncoders()).AddScheme<OperatorTokenOptions, OperatorTokenHandler>(
            OperatorTokenHandler.Basic, options => options.TokenHash = SHA256.HashData(Encoding.UTF8.GetBytes(token)));
        builder.Services.AddAuthorizationBuilder().AddPolicy(
            Policy, policy => policy.AddAuthenticationSchemes(OperatorTokenHandler.Basic).RequireAuthenticatedUser());
    }

    private static string TokenOf(WebApplicationBuilder builder, Serilog.ILogger log)
    {
        if (builder.Configuration.GetSection(ControlPlaneOptions.SectionName)[nameof(ControlPlaneOptions.OperatorToken)] is { Length: > 0 } given)
        {
            return given;
        }

        (string file, string token) = new DataFolder(builder.Configuration, builder.Environment.ContentRootPath).OperatorToken();
        log.ForContext(typeof(OperatorAccess)).Information("operators pull levers under any name, with the token in {File} as the password", file);
        return token;
    }
}

internal sealed class OperatorTokenOptions : AuthenticationSchemeOptions
{
    /// <summary>The token itself is not kept.</summary>
    public byte[] TokenHash { get; set; } = [];
}
