using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using SagaRecovery.Operations;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.AspNetCore.Endpoints;

/// <summary>
/// The endpoints of the operator actions on recovery and on sagas. An action runs to its end even if the caller disconnects, since it is
/// logged and recorded.
/// </summary>
internal static class SagaActionEndpoints
{
    public static void Map(IEndpointRouteBuilder group, OperatorAccess access)
    {
        group.MapPost("/activate", EndpointHandler.Wrap(context => ActivateAsync(context, access)));
        MapRecovery(group, OperatorActionKind.Pause, (recovery, note) => recovery.PauseAsync(note));
        MapRecovery(group, OperatorActionKind.Resume, (recovery, note) => recovery.ResumeAsync(note));
        MapSaga(
            group,
            OperatorActionKind.Hold,
            (recovery, saga, request, note) => request.StopRun ? recovery.SuspendAsync(saga, note) : recovery.HoldAsync(saga, note));
        MapSaga(group, OperatorActionKind.Cancel, (recovery, saga, _, note) => recovery.CancelAsync(saga, note));
        MapSaga(group, OperatorActionKind.Release, (recovery, saga, _, note) => recovery.ReleaseAsync(saga, note));
        MapSaga(group, OperatorActionKind.Retry, (recovery, saga, _, note) => recovery.RetryAsync(saga, note));
        MapSaga(group, OperatorActionKind.Abandon, (recovery, saga, request, note) => recovery.AbandonAsync(saga, request.ToCondition(), note));
        MapSaga(
            group,
            OperatorActionKind.InjectError,
            (recovery, saga, request, note) => recovery.InjectErrorAsync(saga, request.Node!, request.ToCondition(), note));
        MapSaga(group, OperatorActionKind.RetryUndo, (recovery, saga, request, note) => recovery.RetryUndoAsync(saga, request.ToCondition(), note));
        MapSaga(
            group,
            OperatorActionKind.SkipUndo,
            (recovery, saga, request, note) => recovery.SkipUndoAsync(saga, request.Node!, request.ToCondition(), note));
    }

    public static int StatusOf(OperatorActionStatus result) => result switch
    {
        OperatorActionStatus.Done => StatusCodes.Status200OK,
        OperatorActionStatus.NoSuchSaga or OperatorActionStatus.NoSuchCoordinator or OperatorActionStatus.NoSuchDefinition => StatusCodes.Status404NotFound,
        _ => StatusCodes.Status409Conflict,
    };

    private static async Task<IResult> ActivateAsync(HttpContext context, OperatorAccess access)
    {
        if (await ActionBody.ValidateEmptyAsync(context).ConfigureAwait(false) is { } problem)
        {
            return problem;
        }

        return await EndpointHandler.WithRecoveryLoopAsync(context, async () =>
        {
            IServiceProvider services = context.RequestServices;
            PassReport pass = await services.GetRequiredService<SagaRecoveryTrigger>().ActivateAsync(context.RequestAborted).ConfigureAwait(false);
            PayloadView view = await access.GetPayloadViewAsync(context).ConfigureAwait(false);
            RecoveryReport report = RedactedViews.Of(services.GetRequiredService<SagaRecoveryStatus>().Current with { LastPass = pass }, view);
            return Responses.TextOrJson(context.Request, () => ReportEndpoints.Render(context, report), report.LastPass!, RecoveryReportJson.Default.PassReport);
        }).ConfigureAwait(false);
    }

    private static void MapRecovery(IEndpointRouteBuilder group, OperatorActionKind kind, Func<SagaOperator, OperatorNote, Task> perform) =>
        group.MapPost($"/{SagaNames.Of(kind)}", EndpointHandler.Wrap(context => PerformAsync(context, kind, async (recovery, _, note) =>
        {
            await perform(recovery, note).ConfigureAwait(false);
            return new OperatorActionResponse(OperatorActionStatus.Done, $"{SagaNames.Of(kind)}: done");
        })));

    private static void MapSaga(
        IEndpointRouteBuilder group,
        OperatorActionKind kind,
        Func<SagaOperator, SagaId, OperatorActionRequest, OperatorNote, Task<OperatorActionResult>> perform) =>
        group.MapPost($"/sagas/{{id}}/{SagaNames.Of(kind)}", EndpointHandler.Wrap(context => SagaEndpoints.WithSagaIdAsync(
            context,
            (_, sagaId) => PerformAsync(context, kind, async (recovery, request, note) =>
                OperatorActionResponse.Of(kind, sagaId, await perform(recovery, sagaId, request, note).ConfigureAwait(false))))));

    private static async Task<IResult> PerformAsync(
        HttpContext context, OperatorActionKind kind, Func<SagaOperator, OperatorActionRequest, OperatorNote, Task<OperatorActionResponse>> perform)
    {
        Parsed<OperatorActionRequest> request = await ActionBody.ReadAsync(context, kind).ConfigureAwait(false);
        if (request.Value is null)
        {
            return request.Problem!;
        }

        Parsed<OperatorNote> note = ActionNotes.Create(context.User, request.Value.Actor, request.Value.Reason);
        if (note.Value is null)
        {
            return note.Problem!;
        }

        SagaOperator recovery = context.RequestServices.GetRequiredService<SagaOperator>();
        OperatorActionResponse response = await perform(recovery, request.Value, note.Value).ConfigureAwait(false);
        return Responses.Json(response, RecoveryReportJson.Default.OperatorActionResponse, StatusOf(response.Result));
    }
}
