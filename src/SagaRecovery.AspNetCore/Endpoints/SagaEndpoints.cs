using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using SagaRecovery.Operations;
using SagaRecovery.Storage;

namespace SagaRecovery.AspNetCore.Endpoints;

/// <summary>Sagas, in lists and one by one.</summary>
internal static class SagaEndpoints
{
    public static void Map(IEndpointRouteBuilder group)
    {
        group.MapGet("/sagas", Guarded.Of(ListAsync));
        group.MapGet("/sagas/{id}", Guarded.Of(context => OfSagaAsync(context, FindAsync)));
        group.MapGet("/sagas/{id}/explain", Guarded.Of(context => OfSagaAsync(context, ExplainAsync)));
    }

    /// <summary>Answers about the saga that the route names.</summary>
    public static Task<IResult> OfSagaAsync(HttpContext context, Func<HttpContext, SagaId, Task<IResult>> answer) =>
        SagaId.TryParse(context.GetRouteValue("id") as string, provider: null, out SagaId sagaId)
            ? answer(context, sagaId)
            : Task.FromResult(Refusal.BadRequest("The id of a saga is a UUID."));

    private static async Task<IResult> ListAsync(HttpContext context)
    {
        Asked<SagaFilter> filter = SagaQuery.Read(context.Request.Query);
        return filter.Value is null
            ? filter.Refusal!
            : Answer.Json(
                await Operator(context).Store.ListAsync(filter.Value, context.RequestAborted).ConfigureAwait(false),
                RecoveryReportJson.Default.IReadOnlyListSagaSummary);
    }

    private static async Task<IResult> FindAsync(HttpContext context, SagaId sagaId) =>
        await Operator(context).Store.FindAsync(sagaId, context.RequestAborted).ConfigureAwait(false) is { } saga
            ? Answer.Json(saga, RecoveryReportJson.Default.SagaDetails)
            : Refusal.Of(StatusCodes.Status404NotFound, $"There is no saga {sagaId}.");

    private static async Task<IResult> ExplainAsync(HttpContext context, SagaId sagaId)
    {
        context.Response.Headers.Vary = "Accept";
        SagaExplanation explanation = await Operator(context).ExplainAsync(sagaId, context.RequestAborted).ConfigureAwait(false);
        return Answer.TextOrJson(
            context.Request,
            () => ExplanationText.Render(explanation),
            explanation,
            RecoveryReportJson.Default.SagaExplanation,
            explanation.Verdict == SagaVerdict.Unknown ? StatusCodes.Status404NotFound : StatusCodes.Status200OK);
    }

    private static SagaOperator Operator(HttpContext context) => context.RequestServices.GetRequiredService<SagaOperator>();
}
