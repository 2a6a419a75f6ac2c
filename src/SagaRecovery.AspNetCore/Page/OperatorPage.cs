using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http;
using SagaRecovery.AspNetCore.Endpoints;

namespace SagaRecovery.AspNetCore.Page;

/// <summary>The operator's page: one document, put together once from the files in <c>Assets</c>.</summary>
internal static class OperatorPage
{
    /// <summary>In the order in which one builds on the other.</summary>
    private static readonly string[] Scripts =
        ["text.js", "dom.js", "service.js", "actions.js", "charts.js", "coordinators.js", "overview.js", "graph.js", "saga.js", "sagas.js", "plan.js", "main.js"];

    private static readonly string Style = Asset("page.css");
    private static readonly string Script = ScriptModules.Join(Scripts, Asset);
    private static readonly string Document = Asset("page.html").Replace("/*style*/", Style).Replace("/*script*/", Script);

    /// <summary>Nothing but the document's own style and script, and requests to the service itself.</summary>
    private static readonly string Policy =
        $"default-src 'none'; script-src '{HashOf(Script)}'; style-src '{HashOf(Style)}'; img-src data:; connect-src 'self'; "
        + "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

    public static IResult For(HttpContext context, OperatorRights rights)
    {
        context.Response.Headers.ContentSecurityPolicy = Policy;
        context.Response.Headers["Referrer-Policy"] = "no-referrer";
        return Results.Text(Document.Replace("@rights@", rights.ToString()), $"{MediaTypes.Html}; charset=utf-8");
    }

    private static string HashOf(string text) => $"sha256-{Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(text)))}";

    private static string Asset(string name)
    {
        using Stream stream = typeof(OperatorPage).Assembly.GetManifestResourceStream(name)
            ?? throw new InvalidOperationException($"The assembly lacks its file {name}.");
        using var reader = new StreamReader(stream, Encoding.UTF8);
        return reader.ReadToEnd().ReplaceLineEndings("\n");
    }
}
