using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Routing.Template;
using Microsoft.Extensions.DependencyInjection;

namespace SagaRecovery.AspNetCore.Endpoints;

/// <summary>Answers the requests under the prefix that no endpoint takes with a problem document.</summary>
/// <remarks>The document has a title and no detail: a detail is about what an endpoint did not find, such as a saga.</remarks>
internal static class UnknownEndpoint
{
    public static void Map(RouteGroupBuilder group) => group.MapFallback("{**path}", EndpointHandler.Wrap(context => Task.FromResult(Answer(context))));

    private static IResult Answer(HttpContext context)
    {
        HttpRequest request = context.Request;
        string[] methods = FindMethods(context);
        if (methods.Length == 0)
        {
            return Results.Problem(statusCode: StatusCodes.Status404NotFound, title: $"There is no endpoint {request.Path}.");
        }

        string allowed = string.Join(", ", methods);
        context.Response.Headers.Allow = allowed;
        return Results.Problem(statusCode: StatusCodes.Status405MethodNotAllowed, title: $"The endpoint {request.Path} takes {allowed} only.");
    }

    /// <summary>Returns the methods of the endpoints with the path of a request.</summary>
    private static string[] FindMethods(HttpContext context) =>
    [
        .. context.RequestServices.GetRequiredService<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>()
            .Where(endpoint => new TemplateMatcher(new RouteTemplate(endpoint.RoutePattern), []).TryMatch(context.Request.Path, []))
            .SelectMany(endpoint => endpoint.Metadata.GetMetadata<HttpMethodMetadata>()?.HttpMethods ?? [])
            .Distinct(StringComparer.Ordinal)
            .Order(StringComparer.Ordinal),
    ];
}
