using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using SagaRecovery.Operations;
using SagaRecovery.Status;

namespace SagaRecovery.AspNetCore.Endpoints;

/// <summary>
/// The levers. Once asked for, one is pulled to the end, whatever becomes of the caller: what is done stands in the log and in the
/// record, too.
/// </summary>
internal static class LeverEndpoints
{
    public static void Map(IEndpointRouteBuilder group)
    {
        group.MapPost("/activate", Guarded.Of(ActivateAsync));
        MapRecovery(group, Lever.Pause, (recovery, note) => recovery.PauseAsync(note));
        MapRecovery(group, Lever.Resume, (recovery, note) => recovery.ResumeAsync(note));
        MapSaga(group, Lever.Hold, (recovery, saga, _, note) => recovery.HoldAsync(saga, note));
        MapSaga(group, Lever.Release, (recovery, saga, _, note) => recovery.ReleaseAsync(saga, note));
        MapSaga(group, Lever.Retry, (recovery, saga, _, note) => recovery.RetryAsync(saga, note));
        MapSaga(group, Lever.Abandon, (recovery, saga, request, note) => recovery.AbandonAsync(saga, request.ToCondition(), note));
        MapSaga(group, Lever.InjectError, (recovery, saga, request, note) => recovery.InjectErrorAsync(saga, request.Node!, request.ToCondition(), note));
    }

    public static int StatusOf(LeverResult result) => result switch
    {
        LeverResult.Done => StatusCodes.Status200OK,
        LeverResult.NoSuchSaga or LeverResult.NoSuchCoordinator => StatusCodes.Status404NotFound,
        _ => StatusCodes.Status409Conflict,
    };

    private static async Task<IResult> ActivateAsync(HttpContext context)
    {
        if (await LeverBody.RefusalOfBareAsync(context).ConfigureAwait(false) is { } refusal)
        {
            return refusal;
        }

        return await Guarded.WhileItRunsAsync(context, async () =>
        {
            IServiceProvider services = context.RequestServices;
            PassReport pass = await services.GetRequiredService<SagaRecoveryTrigger>().ActivateAsync(context.RequestAborted).ConfigureAwait(false);
            RecoveryReport report = services.GetRequiredService<SagaRecoveryStatus>().Current with { LastPass = pass };
            return Answer.TextOrJson(context.Request, () => ReportEndpoints.Render(context, report), pass, RecoveryReportJson.Default.PassReport);
        }).ConfigureAwait(false);
    }

    private static void MapRecovery(IEndpointRouteBuilder group, Lever lever, Func<SagaOperator, OperatorNote, Task> pull) =>
        group.MapPost($"/{SagaWords.Of(lever)}", Guarded.Of(context => PullAsync(context, lever, async (recovery, _, note) =>
        {
            await pull(recovery, note).ConfigureAwait(false);
            return new LeverAnswer(LeverResult.Done, $"{SagaWords.Of(lever)}: done");
        })));

    private static void MapSaga(
        IEndpointRouteBuilder group, Lever lever, Func<SagaOperator, SagaId, LeverRequest, OperatorNote, Task<LeverOutcome>> pull) =>
        group.MapPost($"/sagas/{{id}}/{SagaWords.Of(lever)}", Guarded.Of(context => SagaEndpoints.OfSagaAsync(
            context,
            (_, sagaId) => PullAsync(context, lever, async (recovery, request, note) =>
                LeverAnswer.Of(lever, sagaId, await pull(recovery, sagaId, request, note).ConfigureAwait(false))))));

    private static async Task<IResult> PullAsync(
        HttpContext context, Lever lever, Func<SagaOperator, LeverRequest, OperatorNote, Task<LeverAnswer>> pull)
    {
        Asked<LeverRequest> request = await LeverBody.ReadAsync(context, lever).ConfigureAwait(false);
        if (request.Value is null)
        {
            return request.Refusal!;
        }

        Asked<OperatorNote> note = LeverNote.Of(context.User, request.Value.Actor, request.Value.Reason);
        if (note.Value is null)
        {
            return note.Refusal!;
        }

        SagaOperator recovery = context.RequestServices.GetRequiredService<SagaOperator>();
        LeverAnswer answer = await pull(recovery, request.Value, note.Value).ConfigureAwait(false);
        return Answer.Json(answer, RecoveryReportJson.Default.LeverAnswer, StatusOf(answer.Result));
    }
}
