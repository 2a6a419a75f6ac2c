using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using SagaRecovery.Operations;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.AspNetCore.Endpoints;

/// <summary>The endpoints of the operator actions that move sagas from one coordinator to others.</summary>
internal static class CoordinatorActionEndpoints
{
    /// <summary>The route value for unowned sagas in place of the id of a coordinator.</summary>
    private const string Unowned = "unowned";

    public static void Map(IEndpointRouteBuilder group)
    {
        group.MapPost($"/coordinators/{{id}}/{SagaNames.Of(OperatorActionKind.Reassign)}", EndpointHandler.Wrap(ReassignAsync));
        group.MapPost($"/{SagaNames.Of(OperatorActionKind.Drain)}", EndpointHandler.Wrap(DrainAsync));
    }

    private static async Task<IResult> ReassignAsync(HttpContext context)
    {
        string? routeId = context.GetRouteValue("id") as string;
        CoordinatorId? from = Guid.TryParse(routeId, out Guid id) ? new CoordinatorId(id) : null;
        if (from is null && routeId != Unowned)
        {
            return Problems.BadRequest($"The id of a coordinator must be a UUID or '{Unowned}'.");
        }

        Parsed<Noted<ReassignRequest>> parsed = (await ActionBody.ReadAsync(
            context, RecoveryReportJson.Default.ReassignRequest, ActionForm.ReadReassign, request => Validate(from, request)).ConfigureAwait(false))
            .WithNote(context.User, request => (request.Actor, request.Reason));
        return parsed.Value is ({ } body, { } note) ? await ReassignAsync(context, from, body, note).ConfigureAwait(false) : parsed.Problem!;
    }

    /// <summary>Reassigns sagas even if the caller disconnects. Only the wait for the new owners is cancelled with the request.</summary>
    private static async Task<IResult> ReassignAsync(HttpContext context, CoordinatorId? from, ReassignRequest request, OperatorNote note)
    {
        SagaOperator recovery = context.RequestServices.GetRequiredService<SagaOperator>();
        ReassignResponse response = await recovery.ReassignAsync(from, request, note).ConfigureAwait(false);
        if (request.Wait > 0 && response.Receipts.Count > 0)
        {
            response = await recovery.WaitUntilCaughtUpAsync(response, TimeSpan.FromSeconds(request.Wait), context.RequestAborted).ConfigureAwait(false);
        }

        return Responses.Json(response, RecoveryReportJson.Default.ReassignResponse, SagaActionEndpoints.StatusOf(response.Result));
    }

    private static async Task<IResult> DrainAsync(HttpContext context)
    {
        Parsed<Noted<DrainRequest>> parsed = (await ActionBody.ReadAsync(
            context, RecoveryReportJson.Default.DrainRequest, ActionForm.ReadDrain, Validate).ConfigureAwait(false))
            .WithNote(context.User, request => (request.Actor, request.Reason));
        if (parsed.Value is not ({ } body, { } note))
        {
            return parsed.Problem!;
        }

        DrainReport drain = context.RequestServices.GetRequiredService<SagaDrain>().Begin(note, TimeSpan.FromSeconds(body.GracePeriod));
        return Responses.Json(drain, RecoveryReportJson.Default.DrainReport, StatusCodes.Status202Accepted);
    }

    private static string? Validate(CoordinatorId? from, ReassignRequest request) =>
        request.Wait is not (>= 0 and <= ReassignRequest.LongestWait) ? $"'wait' must be a number of seconds from 0 to {ReassignRequest.LongestWait}."
        : from is { } source && request.To?.Contains(source) == true ? "'to' must not name the coordinator from which the sagas are reassigned."
        : null;

    private static string? Validate(DrainRequest request) =>
        request.GracePeriod is >= 0 and <= DrainRequest.LongestGracePeriod ? null : $"'gracePeriod' must be a number of seconds from 0 to {DrainRequest.LongestGracePeriod}.";
}
