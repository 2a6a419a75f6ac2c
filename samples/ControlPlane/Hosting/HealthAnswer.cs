using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace ControlPlane.Hosting;

/// <summary><c>/health</c>: the status code is for machines, the rest for people.</summary>
internal static class HealthAnswer
{
    public static Task WriteAsync(HttpContext context, HealthReport report) => context.Response.WriteAsJsonAsync(
        new
        {
            Status = report.Status.ToString(),
            Checks = report.Entries.ToDictionary(
                entry => entry.Key,
                entry => new { Status = entry.Value.Status.ToString(), entry.Value.Description, entry.Value.Data },
                StringComparer.Ordinal),
        },
        context.RequestAborted);
}
