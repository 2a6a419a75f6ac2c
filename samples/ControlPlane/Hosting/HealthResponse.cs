using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace ControlPlane.Hosting;

/// <summary>Writes the body of <c>/live</c> and <c>/ready</c>. Machines need only the status code.</summary>
internal static class HealthResponse
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
