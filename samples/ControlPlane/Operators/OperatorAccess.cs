using System.Net;
using System.Security.Cryptography;
using System.Text;
using ControlPlane.Hosting;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authorization;
using SagaRecovery.AspNetCore;

namespace ControlPlane.Operators;

/// <summary>
/// Authorizes operator actions for any caller with the token, under the name that the caller gives (HTTP Basic). Callers on this machine may read
/// without it. A real service uses its own authentication and policies.
/// </summary>
internal static class OperatorAccess
{
    /// <summary>The authorization policy of operator actions.</summary>
    public const string Policy = "saga-operators";

    /// <summary>
    /// The authorization policy of reading, payloads included: a caller with the token, or one on this machine, which a demonstration and its tests are.
    /// Behind a proxy on the same machine every caller would be local.
    /// </summary>
    private const string ReadingPolicy = "saga-readers";

    /// <summary>Names the policies for the endpoints of saga recovery.</summary>
    public static void Configure(SagaRecoveryEndpointOptions options)
    {
        options.ReadingPolicy = ReadingPolicy;
        options.PayloadPolicy = ReadingPolicy;
        options.OperatorPolicy = Policy;
    }

    public static void Add(WebApplicationBuilder builder, Serilog.ILogger log)
    {
        string token = ResolveToken(builder, log);

        // AddAuthentication would also add data protection, whose key ring on disk is not needed here.
        new AuthenticationBuilder(builder.Services.AddAuthenticationCore().AddWebEncoders()).AddScheme<OperatorTokenOptions, OperatorTokenHandler>(
            OperatorTokenHandler.Basic, options => options.TokenHash = SHA256.HashData(Encoding.UTF8.GetBytes(token)));
        builder.Services.AddAuthorizationBuilder()
            .AddPolicy(Policy, policy => policy.AddAuthenticationSchemes(OperatorTokenHandler.Basic).RequireAuthenticatedUser())
            .AddPolicy(ReadingPolicy, policy => policy.AddAuthenticationSchemes(OperatorTokenHandler.Basic).RequireAssertion(MayRead));
    }

    private static bool MayRead(AuthorizationHandlerContext context) =>
        context.User.Identity is { IsAuthenticated: true }
        || (context.Resource is HttpContext { Connection.RemoteIpAddress: { } caller } && IPAddress.IsLoopback(caller));

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
