using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using SagaRecovery.Operations;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.AspNetCore.Endpoints;

/// <summary>The endpoints of the operator actions that delete what has ended.</summary>
internal static class RetentionEndpoints
{
    public static void Map(IEndpointRouteBuilder group)
    {
        group.MapPost($"/{SagaNames.Of(OperatorActionKind.Purge)}", EndpointHandler.Wrap(PurgeAsync));
        group.MapPost($"/coordinators/{{id}}/{SagaNames.Of(OperatorActionKind.Forget)}", EndpointHandler.Wrap(ForgetAsync));
    }

    private static async Task<IResult> PurgeAsync(HttpContext context)
    {
        Parsed<PurgeRequest> parsed = await ActionBody.ReadAsync(
            context, RecoveryReportJson.Default.PurgeRequest, _ => Parsed<PurgeRequest>.Invalid("Send application/json."), body => body.Validate()).ConfigureAwait(false);
        if (parsed.Value is not { } request)
        {
            return parsed.Problem!;
        }

        Parsed<OperatorNote> note = ActionNotes.Create(context.User, request.Actor, request.Reason);
        if (note.Value is null)
        {
            return note.Problem!;
        }

        // A disconnected caller ends the purge: nobody repeats the request then, and what was deleted stays deleted.
        PurgeResponse response = await context.RequestServices.GetRequiredService<RetentionOperator>()
            .PurgeAsync(request, note.Value, context.RequestAborted).ConfigureAwait(false);
        return Responses.Json(response, RecoveryReportJson.Default.PurgeResponse);
    }

    private static async Task<IResult> ForgetAsync(HttpContext context)
    {
        if (!Guid.TryParse(context.GetRouteValue("id") as string, out Guid id))
        {
            return Problems.BadRequest("The id of a coordinator must be a UUID.");
        }

        Parsed<OperatorActionRequest> parsed = await ActionBody.ReadAsync(context, OperatorActionKind.Forget).ConfigureAwait(false);
        if (parsed.Value is not { } request)
        {
            return parsed.Problem!;
        }

        Parsed<OperatorNote> note = ActionNotes.Create(context.User, request.Actor, request.Reason);
        if (note.Value is null)
        {
            return note.Problem!;
        }

        OperatorActionResponse response = await context.RequestServices.GetRequiredService<RetentionOperator>()
            .ForgetAsync(new CoordinatorId(id), note.Value).ConfigureAwait(false);
        return Responses.Json(response, RecoveryReportJson.Default.OperatorActionResponse, SagaActionEndpoints.StatusOf(response.Result));
    }
}
