using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using SagaRecovery.Operations;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.AspNetCore.Endpoints;

/// <summary>The levers that move sagas from one coordinator to others.</summary>
internal static class CoordinatorActionEndpoints
{
    /// <summary>Stands for an id where sagas are meant that nobody owns.</summary>
    private const string Nobody = "nobody";

    public static void Map(IEndpointRouteBuilder group)
    {
        group.MapPost($"/coordinators/{{id}}/{SagaNames.Of(OperatorActionKind.Reassign)}", Guarded.Of(ReassignAsync));
        group.MapPost($"/{SagaNames.Of(OperatorActionKind.Drain)}", Guarded.Of(DrainAsync));
    }

    private static async Task<IResult> ReassignAsync(HttpContext context)
    {
        string? whose = context.GetRouteValue("id") as string;
        CoordinatorId? from = Guid.TryParse(whose, out Guid id) ? new CoordinatorId(id) : null;
        if (from is null && whose != Nobody)
        {
            return Refusal.BadRequest($"The id of a coordinator is a UUID, or '{Nobody}'.");
        }

        Asked<ReassignRequest> asked = await ActionBody.ReadAsync(
            context, RecoveryReportJson.Default.ReassignRequest, ActionForm.ReadReassign, request => Wrong(from, request)).ConfigureAwait(false);
        if (asked.Value is not { } request)
        {
            return asked.Refusal!;
        }

        Asked<OperatorNote> note = ActionNote.Of(context.User, request.Actor, request.Reason);
        return note.Value is null ? note.Refusal! : await ReassignAsync(context, from, request, note.Value).ConfigureAwait(false);
    }

    /// <summary>What has moved has moved, whatever becomes of the caller; only the waiting ends with him.</summary>
    private static async Task<IResult> ReassignAsync(HttpContext context, CoordinatorId? from, ReassignRequest request, OperatorNote note)
    {
        SagaOperator recovery = context.RequestServices.GetRequiredService<SagaOperator>();
        ReassignResponse answer = await recovery.ReassignAsync(from, request, note).ConfigureAwait(false);
        if (request.Wait > 0 && answer.Receipts.Count > 0)
        {
            answer = await recovery.WaitUntilCaughtUpAsync(answer, TimeSpan.FromSeconds(request.Wait), context.RequestAborted).ConfigureAwait(false);
        }

        return Answer.Json(answer, RecoveryReportJson.Default.ReassignResponse, SagaActionEndpoints.StatusOf(answer.Result));
    }

    private static async Task<IResult> DrainAsync(HttpContext context)
    {
        Asked<DrainRequest> asked = await ActionBody.ReadAsync(
            context, RecoveryReportJson.Default.DrainRequest, ActionForm.ReadDrain, Wrong).ConfigureAwait(false);
        if (asked.Value is not { } request)
        {
            return asked.Refusal!;
        }

        Asked<OperatorNote> note = ActionNote.Of(context.User, request.Actor, request.Reason);
        if (note.Value is null)
        {
            return note.Refusal!;
        }

        DrainReport drain = context.RequestServices.GetRequiredService<SagaDrain>().Begin(note.Value, TimeSpan.FromSeconds(request.LetRun));
        return Answer.Json(drain, RecoveryReportJson.Default.DrainReport, StatusCodes.Status202Accepted);
    }

    private static string? Wrong(CoordinatorId? from, ReassignRequest request) =>
        request.Wait is not (>= 0 and <= ReassignRequest.LongestWait) ? $"'wait' is a number of seconds from 0 to {ReassignRequest.LongestWait}."
        : from is { } giver && request.To?.Contains(giver) == true ? "'to' names the coordinator that the sagas are to be taken from."
        : null;

    private static string? Wrong(DrainRequest request) =>
        request.LetRun is >= 0 and <= DrainRequest.LongestLetRun ? null : $"'letRun' is a number of seconds from 0 to {DrainRequest.LongestLetRun}.";
}
