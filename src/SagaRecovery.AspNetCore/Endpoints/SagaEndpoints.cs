using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using SagaRecovery.Operations;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.AspNetCore.Endpoints;

/// <summary>The read-only endpoints of sagas.</summary>
internal static class SagaEndpoints
{
    public static void Map(IEndpointRouteBuilder group, OperatorAccess access)
    {
        group.MapGet("/sagas", EndpointHandler.WrapRead(ListAsync));
        group.MapGet("/sagas/{id}", EndpointHandler.WrapRead(context => WithSagaIdAsync(context, (_, sagaId) => FindAsync(context, sagaId, access))));
        group.MapGet("/sagas/{id}/incident", EndpointHandler.WrapRead(context => WithSagaIdAsync(context, (_, sagaId) => IncidentAsync(context, sagaId, access))));
        group.MapGet("/sagas/{id}/explain", EndpointHandler.WrapRead(context => WithSagaIdAsync(context, (_, sagaId) => ExplainAsync(context, sagaId, access))));
    }

    /// <summary>Handles a request with the id of the saga in its route.</summary>
    public static Task<IResult> WithSagaIdAsync(HttpContext context, Func<HttpContext, SagaId, Task<IResult>> handler) =>
        SagaId.TryParse(context.GetRouteValue("id") as string, provider: null, out SagaId sagaId)
            ? handler(context, sagaId)
            : Task.FromResult(Problems.BadRequest("The id of a saga must be a UUID."));

    private static async Task<IResult> ListAsync(HttpContext context)
    {
        DateTimeOffset now = context.RequestServices.GetRequiredService<TimeProvider>().GetUtcNow();
        Parsed<SagaFilter> parsed = SagaQuery.Read(context.Request.Query, now);
        if (parsed.Value is not { } filter)
        {
            return parsed.Problem!;
        }

        IReadOnlyList<SagaSummary> sagas = await Operator(context).ListAsync(filter, context.RequestAborted).ConfigureAwait(false);
        if (sagas.Count == filter.Limit)
        {
            context.Response.Headers.Link = $"<{AddressOfNext(context.Request, filter, SagaCursor.Of(sagas[^1]))}>; rel=\"next\"";
        }

        return Responses.Json(sagas, RecoveryReportJson.Default.IReadOnlyListSagaSummary);
    }

    /// <summary>Returns the relative address of the next page. Durations become times, so that the pages have the same bounds.</summary>
    private static string AddressOfNext(HttpRequest request, SagaFilter filter, SagaCursor last)
    {
        IEnumerable<KeyValuePair<string, string?>> same = request.Query
            .Where(pair => pair.Key is not ("before" or "since" or "until"))
            .SelectMany(pair => pair.Value.Select(value => KeyValuePair.Create(pair.Key, value)));
        (string Name, string? Value)[] own = [("since", filter.Since?.ToString("O")), ("until", filter.Until?.ToString("O")), ("before", last.ToString())];
        return "?" + string.Join('&', same.Concat(own.Select(pair => KeyValuePair.Create(pair.Name, pair.Value)))
            .Where(pair => !string.IsNullOrEmpty(pair.Value))
            .Select(pair => $"{Uri.EscapeDataString(pair.Key)}={Uri.EscapeDataString(pair.Value!)}"));
    }

    private static async Task<IResult> FindAsync(HttpContext context, SagaId sagaId, OperatorAccess access)
    {
        if (await Operator(context).Store.FindAsync(sagaId, context.RequestAborted).ConfigureAwait(false) is not { } saga)
        {
            return Problems.Create(StatusCodes.Status404NotFound, $"There is no saga {sagaId}.");
        }

        PayloadView view = await access.GetPayloadViewAsync(context).ConfigureAwait(false);
        return Responses.Json(RedactedViews.Of(saga, view), RecoveryReportJson.Default.SagaDetails);
    }

    /// <summary>Responds with everything on one saga, as a file of text.</summary>
    private static async Task<IResult> IncidentAsync(HttpContext context, SagaId sagaId, OperatorAccess access)
    {
        if (await Operator(context).Store.FindAsync(sagaId, context.RequestAborted).ConfigureAwait(false) is not { } saga)
        {
            return Problems.Create(StatusCodes.Status404NotFound, $"There is no saga {sagaId}.");
        }

        SagaRecoveryStatus status = context.RequestServices.GetRequiredService<SagaRecoveryStatus>();
        PayloadView view = await access.GetPayloadViewAsync(context).ConfigureAwait(false);
        SagaExplanation explanation = await Operator(context)
            .ExplainAsync(sagaId, view.ShowsAll ? null : view, context.RequestAborted).ConfigureAwait(false);
        IEnumerable<OperatorAction> actions = RedactedViews.Of(status.Current, view).RecentActions.Where(action => action.SagaId == sagaId);
        context.Response.Headers.ContentDisposition = $"attachment; filename=\"saga-{sagaId}.txt\"";
        return Responses.Text(IncidentText.Render(RedactedViews.Of(saga, view), explanation, actions, status.Now));
    }

    private static async Task<IResult> ExplainAsync(HttpContext context, SagaId sagaId, OperatorAccess access)
    {
        context.Response.Headers.Vary = "Accept";
        DateTimeOffset now = context.RequestServices.GetRequiredService<SagaRecoveryStatus>().Now;
        PayloadView view = await access.GetPayloadViewAsync(context).ConfigureAwait(false);
        SagaExplanation explanation = await Operator(context)
            .ExplainAsync(sagaId, view.ShowsAll ? null : view, context.RequestAborted).ConfigureAwait(false);
        return Responses.TextOrJson(
            context.Request,
            () => ExplanationText.Render(explanation, now),
            explanation,
            RecoveryReportJson.Default.SagaExplanation,
            explanation.Verdict == SagaVerdict.Unknown ? StatusCodes.Status404NotFound : StatusCodes.Status200OK);
    }

    private static SagaOperator Operator(HttpContext context) => context.RequestServices.GetRequiredService<SagaOperator>();
}
