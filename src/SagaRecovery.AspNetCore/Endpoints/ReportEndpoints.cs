using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using SagaRecovery.AspNetCore.Page;
using SagaRecovery.Operations;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.AspNetCore.Endpoints;

/// <summary>
/// The read-only endpoints of recovery as a whole: the report, the page, a dry run, the coordinators, the owners, the counts and the
/// definitions.
/// </summary>
internal static class ReportEndpoints
{
    public static void Map(IEndpointRouteBuilder group, OperatorAccess access)
    {
        group.MapGet("", EndpointHandler.WrapRead(context => StatusAsync(context, access)));
        group.MapGet("/plan", EndpointHandler.WrapRead(PlanAsync, "The recovery loop gave no plan in time. It is busy with a pass, or Postgres does not respond."));
        group.MapGet("/coordinators", EndpointHandler.WrapRead(CoordinatorsAsync));
        group.MapGet("/cluster", EndpointHandler.WrapRead(ClusterAsync));
        group.MapGet("/counts", EndpointHandler.WrapRead(CountsAsync));
        group.MapGet("/whatis", EndpointHandler.WrapRead(context => WhatIsAsync(context, access)));
        group.MapGet("/definitions", EndpointHandler.WrapRead(DefinitionsAsync));
    }

    /// <summary>Renders a report as text.</summary>
    public static string Render(HttpContext context, RecoveryReport report) =>
        RecoveryReportText.Render(report, context.RequestServices.GetRequiredService<SagaRecoveryStatus>().Now);

    private static async Task<IResult> StatusAsync(HttpContext context, OperatorAccess access)
    {
        context.Response.Headers.Vary = "Accept";
        if (MediaTypes.Prefers(context.Request, MediaTypes.Html, MediaTypes.Json, MediaTypes.Text))
        {
            return OperatorPage.Render(context, await access.GetRightsAsync(context).ConfigureAwait(false));
        }

        PayloadView view = await access.GetPayloadViewAsync(context).ConfigureAwait(false);
        RecoveryReport report = RedactedViews.Of(context.RequestServices.GetRequiredService<SagaRecoveryStatus>().Current, view);
        return Responses.TextOrJson(context.Request, () => Render(context, report), report, RecoveryReportJson.Default.RecoveryReport);
    }

    private static Task<IResult> PlanAsync(HttpContext context) => EndpointHandler.WithRecoveryLoopAsync(context, async () =>
    {
        SagaOperator recovery = context.RequestServices.GetRequiredService<SagaOperator>();
        RecoveryPlanReport plan = await recovery.DryRunAsync(context.RequestAborted).ConfigureAwait(false);
        return Responses.Json(plan, RecoveryReportJson.Default.RecoveryPlanReport);
    });

    private static async Task<IResult> CoordinatorsAsync(HttpContext context) => Responses.Json(
        await Store(context).ListCoordinatorsAsync(context.RequestAborted).ConfigureAwait(false),
        RecoveryReportJson.Default.IReadOnlyListCoordinatorDetails);

    private static async Task<IResult> ClusterAsync(HttpContext context)
    {
        ISagaCluster cluster = context.RequestServices.GetRequiredService<SagaOperator>().Cluster;
        IReadOnlyList<OwnedSagas> owners = await cluster.QueryUnfinishedAsync(context.RequestAborted).ConfigureAwait(false);
        DateTimeOffset now = context.RequestServices.GetRequiredService<TimeProvider>().GetUtcNow();
        return Responses.Json(ClusterDetails.Of(owners, now), RecoveryReportJson.Default.ClusterDetails);
    }

    private static async Task<IResult> CountsAsync(HttpContext context) => Responses.Json(
        await context.RequestServices.GetRequiredService<SagaOperator>().CountAsync(context.RequestAborted).ConfigureAwait(false),
        RecoveryReportJson.Default.SagaCounts);

    private static async Task<IResult> WhatIsAsync(HttpContext context, OperatorAccess access)
    {
        if (context.Request.Query["id"] is not [{ Length: > 0 and <= SagaTag.MaxValueBytes } text] || text.Contains('\0'))
        {
            return Problems.BadRequest("'id' must be the text to look for.");
        }

        IReadOnlyList<IdMatch> matches = await Store(context).IdentifyAsync(text, context.RequestAborted).ConfigureAwait(false);
        PayloadView view = await access.GetPayloadViewAsync(context).ConfigureAwait(false);
        return Responses.Json(RedactedViews.Of(matches, view), RecoveryReportJson.Default.IReadOnlyListIdMatch);
    }

    private static async Task<IResult> DefinitionsAsync(HttpContext context) => Responses.Json(
        await context.RequestServices.GetRequiredService<SagaOperator>().Definitions.ListAsync(context.RequestAborted).ConfigureAwait(false),
        RecoveryReportJson.Default.DefinitionList);

    private static ISagaOperations Store(HttpContext context) => context.RequestServices.GetRequiredService<SagaOperator>().Store;
}
