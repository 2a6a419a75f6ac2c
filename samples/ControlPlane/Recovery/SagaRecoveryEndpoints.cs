using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.Http.Headers;
using Microsoft.Net.Http.Headers;
using SagaRecovery;
using SagaRecovery.Status;

namespace ControlPlane.Recovery;

/// <summary><c>/saga-recovery</c>: what recovery did, and a way to make it look now. Text, or JSON for those that ask for it.</summary>
internal static class SagaRecoveryEndpoints
{
    public static void MapSagaRecovery(this IEndpointRouteBuilder app)
    {
        app.MapGet("/saga-recovery", (HttpRequest request, SagaRecoveryStatus status, TimeProvider time) =>
            Answer(request, status.Current, time, status.Current, RecoveryReportJson.Default.RecoveryReport));

        app.MapPost("/saga-recovery/activate", async (HttpRequest request, SagaRecoveryTrigger trigger, SagaRecoveryStatus status, TimeProvider time) =>
        {
            PassReport pass = await trigger.ActivateAsync(request.HttpContext.RequestAborted);
            return Answer(request, status.Current with { LastPass = pass }, time, pass, RecoveryReportJson.Default.PassReport);
        });
    }

    private static IResult Answer<TJson>(HttpRequest request, RecoveryReport report, TimeProvider time, TJson json, JsonTypeInfo<TJson> type) =>
        WantsJson(request.GetTypedHeaders())
            ? Results.Text(JsonSerializer.Serialize(json, type), "application/json")
            : Results.Text(RecoveryReportText.Render(report, time.GetUtcNow()), "text/plain; charset=utf-8");

    private static bool WantsJson(RequestHeaders headers) => Weight(headers, "application/json") > Weight(headers, "text/plain");

    /// <summary>The weight of the most specific range that covers a media type (RFC 9110, 12.5.1); 0: none does.</summary>
    private static double Weight(RequestHeaders headers, string mediaType)
    {
        var wanted = new MediaTypeHeaderValue(mediaType);
        return headers.Accept
            .Where(wanted.IsSubsetOf)
            .OrderBy(range => range.MatchesAllTypes ? 2 : range.MatchesAllSubTypes ? 1 : 0)
            .Select(range => range.Quality ?? 1)
            .FirstOrDefault();
    }
}
