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
        Parsed<Noted<PurgeRequest>> parsed = (await ActionBody.ReadAsync(
            context, RecoveryReportJson.Default.PurgeRequest, fromForm: null, body => body.Validate()).ConfigureAwait(false))
            .WithNote(context.User, body => (body.Actor, body.Reason));
        if (parsed.Value is not ({ } request, { } note))
        {
            return parsed.Problem!;
        }

        // A disconnected caller ends the purge: it would not repeat the request. What was deleted stays deleted.
        PurgeResponse response = await context.RequestServices.GetRequiredService<RetentionOperator>()
            .PurgeAsync(request, note, context.RequestAborted).ConfigureAwait(false);
        return Responses.Json(response, RecoveryReportJson.Default.PurgeResponse, SagaActionEndpoints.StatusOf(response.Result));
    }

    private static async Task<IResult> ForgetAsync(HttpContext context)
    {
        if (!Guid.TryParse(context.GetRouteValue("id") as string, out Guid id))
        {
            return Problems.BadRequest("The id of a coordinator must be a UUID.");
        }

        Parsed<Noted<OperatorActionRequest>> parsed = (await ActionBody.ReadAsync(context, OperatorActionKind.Forget).ConfigureAwait(false))
            .WithNote(context.User, body => (body.Actor, body.Reason));
        if (parsed.Value is not (_, { } note))
        {
            return parsed.Problem!;
        }

        OperatorActionResponse response = await context.RequestServices.GetRequiredService<RetentionOperator>()
            .ForgetAsync(new CoordinatorId(id), note).ConfigureAwait(false);
        return Responses.Json(response, RecoveryReportJson.Default.OperatorActionResponse, SagaActionEndpoints.StatusOf(response.Result));
    }
}
