using ControlPlane.Database;
using ControlPlane.Hosting;
using Microsoft.AspNetCore.Mvc;
using SagaRecovery;

namespace ControlPlane.Projects;

/// <summary>The endpoints under <c>/v1/projects</c>.</summary>
internal static class ProjectEndpoints
{
    private const int DefaultLimit = 100;
    private const int LargestLimit = 1_000;

    public static void MapProjects(this IEndpointRouteBuilder app)
    {
        RouteGroupBuilder projects = app.MapGroup("/v1/projects");
        projects.MapPost("", CreateAsync);
        projects.MapGet("", ListAsync);
        projects.MapGet("{name}", GetAsync);
        projects.MapDelete("{name}", DeleteAsync);
    }

    /// <summary>Creates a project. A repeated request with the same header <c>Idempotency-Key</c> gets the answer to the first, from any process.</summary>
    private static async Task<IResult> CreateAsync(
        CreateProjectRequest? request, [FromHeader(Name = "Idempotency-Key")] string? key, ProjectCreateSaga saga, SagaRunner sagas, HttpContext http)
    {
        if (request is null)
        {
            return Results.Problem(statusCode: 400, detail: "The body is missing; send a JSON object with \"name\" and \"description\".");
        }

        if (request.Validate() is { Count: > 0 } errors)
        {
            return Results.ValidationProblem(errors);
        }

        var parameters = new ProjectCreateParameters(request.Name!, request.Description ?? "", [.. request.Zones?.OfType<string>() ?? []]);
        (SagaHandle handle, SagaResult? result) = await sagas.RunAsync(saga, parameters, string.IsNullOrWhiteSpace(key) ? null : key);
        return result switch
        {
            SagaResult.Succeeded succeeded => Results.Created($"/v1/projects/{parameters.Name}", succeeded.Output<Project>(ProjectCreateSaga.Publish)),
            SagaResult.Unwound { Error: { Code: ProjectCreateSaga.NameTaken } taken } => Results.Problem(statusCode: 409, detail: taken.Message),
            _ => Problems.Of(http, handle, result),
        };
    }

    private static async Task<IResult> ListAsync(
        ControlPlaneDatabase database, SagaRunner sagas, string? page_token, CancellationToken cancellationToken, int limit = DefaultLimit)
    {
        if (limit is < 1 or > LargestLimit)
        {
            return Invalid("limit", $"must be 1 to {LargestLimit} (was {limit})");
        }

        if (page_token is not null && !CreateProjectRequest.IsName(page_token))
        {
            return Invalid("page_token", "must be the next_page of the previous page");
        }

        await sagas.WaitUntilReadyAsync();
        IReadOnlyList<Project> page = await database.RunAsync(
            connection => connection.ListAsync(page_token ?? "", limit, cancellationToken), cancellationToken);
        return Results.Ok(new { Items = page, NextPage = page.Count == limit ? page[^1].Name : null });
    }

    private static async Task<IResult> GetAsync(string name, ControlPlaneDatabase database, SagaRunner sagas, CancellationToken cancellationToken)
    {
        if (!CreateProjectRequest.IsName(name))
        {
            return NotFound(name);
        }

        await sagas.WaitUntilReadyAsync();
        return await database.RunAsync(connection => connection.FindAsync(name, cancellationToken), cancellationToken) is { } contents
            ? Results.Ok(ProjectView.Of(contents))
            : NotFound(name);
    }

    private static async Task<IResult> DeleteAsync(string name, ProjectDeleteSaga saga, SagaRunner sagas, HttpContext http)
    {
        if (!CreateProjectRequest.IsName(name))
        {
            return NotFound(name);
        }

        (SagaHandle handle, SagaResult? result) = await sagas.RunAsync(saga, new ProjectDeleteParameters(name));
        return result switch
        {
            SagaResult.Succeeded => Results.NoContent(),
            SagaResult.Unwound { Error.Code: ProjectDeleteSaga.NotFound } => NotFound(name),
            _ => Problems.Of(http, handle, result),
        };
    }

    private static IResult NotFound(string name) =>
        Results.Problem(statusCode: 404, detail: CreateProjectRequest.IsName(name) ? $"There is no project named '{name}'." : "There is no such project.");

    private static IResult Invalid(string parameter, string error) =>
        Results.ValidationProblem(new Dictionary<string, string[]>(StringComparer.Ordinal) { [parameter] = [error] });
}
