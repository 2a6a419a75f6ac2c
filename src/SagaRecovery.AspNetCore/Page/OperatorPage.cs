using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http;
using SagaRecovery.AspNetCore.Endpoints;

namespace SagaRecovery.AspNetCore.Page;

/// <summary>The operator page: one document, assembled once from the files in <c>Assets</c>.</summary>
internal static class OperatorPage
{
    /// <summary>The scripts in dependency order.</summary>
    private static readonly string[] Scripts =
    [
        "text.js", "dom.js", "service.js", "actions.js", "batch.js", "states.js", "banners.js", "charts.js", "attention.js", "coordinators.js", "overview.js", "nodes.js",
        "layout.js", "graph.js", "steps.js", "course.js", "events.js", "saga.js", "sagas.js", "search.js", "plan.js", "definitions.js", "print.js", "main.js",
    ];

    private static readonly string Style = ReadAsset("page.css");
    private static readonly string Script = ScriptModules.Join(Scripts, ReadAsset);
    private static readonly string Document = ReadAsset("page.html").Replace("/*style*/", Style).Replace("/*script*/", Script);

    /// <summary>The content security policy. It allows only the inline style and script, and requests to the service.</summary>
    private static readonly string Policy =
        $"default-src 'none'; script-src '{HashOf(Script)}'; style-src '{HashOf(Style)}'; img-src data:; connect-src 'self'; "
        + "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

    public static IResult Render(HttpContext context, OperatorRights rights)
    {
        context.Response.Headers.ContentSecurityPolicy = Policy;
        context.Response.Headers["Referrer-Policy"] = "no-referrer";
        return Results.Text(Document.Replace("@rights@", rights.ToString()), $"{MediaTypes.Html}; charset=utf-8");
    }

    private static string HashOf(string text) => $"sha256-{Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(text)))}";

    private static string ReadAsset(string name)
    {
        using Stream stream = typeof(OperatorPage).Assembly.GetManifestResourceStream(name)
            ?? throw new InvalidOperationException($"The assembly lacks the embedded file {name}.");
        using var reader = new StreamReader(stream, Encoding.UTF8);
        return reader.ReadToEnd().ReplaceLineEndings("\n");
    }
}
