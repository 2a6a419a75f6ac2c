using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using SagaRecovery.Operations;
using SagaRecovery.Status;

namespace SagaRecovery.AspNetCore.Endpoints;

/// <summary>The endpoints that list what deserves an operator's attention, and acknowledge it.</summary>
internal static class ProblemEndpoints
{
    public static void Map(IEndpointRouteBuilder group, OperatorAccess access) =>
        group.MapGet("/problems", EndpointHandler.WrapRead(context => ListAsync(context, access)));

    public static void MapActions(IEndpointRouteBuilder group, OperatorAccess access) =>
        group.MapPost("/problems/acknowledge", EndpointHandler.Wrap(context => AcknowledgeAsync(context, access)));

    private static async Task<IResult> ListAsync(HttpContext context, OperatorAccess access)
    {
        PayloadView view = await access.GetPayloadViewAsync(context).ConfigureAwait(false);
        ProblemList problems = RedactedViews.Of(await Operator(context).ListProblemsAsync(context.RequestAborted).ConfigureAwait(false), view);
        return Responses.TextOrJson(context.Request, () => ProblemListText.Render(problems), problems, RecoveryReportJson.Default.ProblemList);
    }

    private static async Task<IResult> AcknowledgeAsync(HttpContext context, OperatorAccess access)
    {
        Parsed<Noted<AcknowledgeRequest>> parsed = (await ActionBody.ReadAsync(
            context, RecoveryReportJson.Default.AcknowledgeRequest, ActionForm.ReadAcknowledge, _ => null).ConfigureAwait(false))
            .WithNote(context.User, request => (request.Actor, request.Reason));
        if (parsed.Value is not ({ } body, { } note))
        {
            return parsed.Problem!;
        }

        Problem? acknowledged = await Operator(context).AcknowledgeAsync(body.Id, note).ConfigureAwait(false);
        PayloadView view = await access.GetPayloadViewAsync(context).ConfigureAwait(false);
        return acknowledged is null
            ? Problems.Create(StatusCodes.Status404NotFound, ProblemListText.DescribeMissing(body.Id))
            : Responses.Json(RedactedViews.Of(acknowledged, view), RecoveryReportJson.Default.Problem);
    }

    private static SagaOperator Operator(HttpContext context) => context.RequestServices.GetRequiredService<SagaOperator>();
}
