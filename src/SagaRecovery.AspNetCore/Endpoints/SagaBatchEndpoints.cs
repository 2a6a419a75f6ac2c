using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using SagaRecovery.Operations;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.AspNetCore.Endpoints;

/// <summary>
/// The endpoints of the operator actions on many sagas. The caller lists the sagas of a filter, and sends their ids in batches: an interrupted
/// caller knows what was done, and an action concerns no saga that the operator has not seen.
/// </summary>
internal static class SagaBatchEndpoints
{
    /// <summary>The actions that run on many sagas.</summary>
    private static readonly OperatorActionKind[] s_kinds =
        [OperatorActionKind.Cancel, OperatorActionKind.Hold, OperatorActionKind.Release, OperatorActionKind.Abandon, OperatorActionKind.Reassign];

    public static void Map(IEndpointRouteBuilder group)
    {
        foreach (OperatorActionKind kind in s_kinds)
        {
            group.MapPost($"/sagas/{SagaNames.Of(kind)}", EndpointHandler.Wrap(context => PerformAsync(context, kind)));
        }
    }

    private static async Task<IResult> PerformAsync(HttpContext context, OperatorActionKind kind)
    {
        Parsed<Noted<SagaBatchRequest>> parsed = (await ActionBody.ReadAsync(
            context, RecoveryReportJson.Default.SagaBatchRequest, fromForm: null, Validate).ConfigureAwait(false))
            .WithNote(context.User, body => (body.Actor, body.Reason));
        if (parsed.Value is not ({ } request, { } note))
        {
            return parsed.Problem!;
        }

        SagaId[] sagas = [.. request.Sagas.Distinct()];
        SagaOperator recovery = context.RequestServices.GetRequiredService<SagaOperator>();
        IReadOnlyList<OperatorActionResult> results = kind is OperatorActionKind.Reassign
            ? await recovery.ReassignSagasAsync(
                sagas, new ChosenRecipients(request.To ?? []) { EvenIfOwnersAnswer = request.Force }, note, CancellationToken.None).ConfigureAwait(false)
            : await recovery.PerformAsync(request.ToAction(kind, note), sagas, CancellationToken.None).ConfigureAwait(false);
        return Responses.Json(SagaBatchResponse.Of(kind, sagas, results), RecoveryReportJson.Default.SagaBatchResponse);
    }

    private static string? Validate(SagaBatchRequest request) =>
        request.Sagas.Count is 0 or > SagaBatchRequest.MaxSagas ? $"'sagas' must have 1 to {SagaBatchRequest.MaxSagas} ids." : null;
}
