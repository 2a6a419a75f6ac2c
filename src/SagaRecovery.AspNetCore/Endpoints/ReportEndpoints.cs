using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using SagaRecovery.AspNetCore.Page;
using SagaRecovery.Operations;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.AspNetCore.Endpoints;

/// <summary>What recovery did and would do, as a whole: the report, the page, a dry run, the coordinators, who owns what, the counts.</summary>
internal static class ReportEndpoints
{
    public static void Map(IEndpointRouteBuilder group, OperatorAccess access)
    {
        group.MapGet("", Guarded.Of(context => StatusAsync(context, access)));
        group.MapGet("/plan", Guarded.Of(PlanAsync));
        group.MapGet("/coordinators", Guarded.Of(CoordinatorsAsync));
        group.MapGet("/cluster", Guarded.Of(ClusterAsync));
        group.MapGet("/counts", Guarded.Of(CountsAsync));
    }

    /// <summary>The report as of now, with a given pass as its last one.</summary>
    public static string Render(HttpContext context, RecoveryReport report) =>
        RecoveryReportText.Render(report, context.RequestServices.GetRequiredService<TimeProvider>().GetUtcNow());

    private static async Task<IResult> StatusAsync(HttpContext context, OperatorAccess access)
    {
        context.Response.Headers.Vary = "Accept";
        if (MediaTypes.Prefers(context.Request, MediaTypes.Html, MediaTypes.Json, MediaTypes.Text))
        {
            return OperatorPage.For(context, await access.RightsAsync(context).ConfigureAwait(false));
        }

        RecoveryReport report = context.RequestServices.GetRequiredService<SagaRecoveryStatus>().Current;
        return Answer.TextOrJson(context.Request, () => Render(context, report), report, RecoveryReportJson.Default.RecoveryReport);
    }

    private static Task<IResult> PlanAsync(HttpContext context) => Guarded.WhileItRunsAsync(context, async () =>
    {
        SagaOperator recovery = context.RequestServices.GetRequiredService<SagaOperator>();
        RecoveryPlanReport plan = await recovery.DryRunAsync(context.RequestAborted).ConfigureAwait(false);
        return Answer.Json(plan, RecoveryReportJson.Default.RecoveryPlanReport);
    });

    private static async Task<IResult> CoordinatorsAsync(HttpContext context) => Answer.Json(
        await Store(context).ListCoordinatorsAsync(context.RequestAborted).ConfigureAwait(false),
        RecoveryReportJson.Default.IReadOnlyListCoordinatorDetails);

    private static async Task<IResult> ClusterAsync(HttpContext context)
    {
        ISagaCluster cluster = context.RequestServices.GetRequiredService<SagaOperator>().Cluster;
        IReadOnlyList<OwnedSagas> owners = await cluster.CountUnfinishedAsync(context.RequestAborted).ConfigureAwait(false);
        DateTimeOffset now = context.RequestServices.GetRequiredService<TimeProvider>().GetUtcNow();
        return Answer.Json(ClusterDetails.Of(owners, now), RecoveryReportJson.Default.ClusterDetails);
    }

    private static async Task<IResult> CountsAsync(HttpContext context) => Answer.Json(
        await Store(context).CountAsync(context.RequestAborted).ConfigureAwait(false),
        RecoveryReportJson.Default.IReadOnlyListSagaCount);

    private static ISagaOperations Store(HttpContext context) => context.RequestServices.GetRequiredService<SagaOperator>().Store;
}
