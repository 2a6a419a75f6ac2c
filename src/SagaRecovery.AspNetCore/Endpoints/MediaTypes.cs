using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Headers;
using Microsoft.Net.Http.Headers;

namespace SagaRecovery.AspNetCore.Endpoints;

/// <summary>Which form a caller likes best, by its <c>Accept</c> header (RFC 9110, 12.5.1).</summary>
internal static class MediaTypes
{
    public const string Json = "application/json";
    public const string Text = "text/plain";
    public const string Html = "text/html";

    /// <summary>Whether a form is liked better than each of the others; a tie is none.</summary>
    public static bool Prefers(HttpRequest request, string form, params ReadOnlySpan<string> over)
    {
        RequestHeaders headers = request.GetTypedHeaders();
        double weight = Weight(headers, form);
        foreach (string other in over)
        {
            if (Weight(headers, other) >= weight)
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>The weight of the most specific range that covers a form; 0: none does.</summary>
    private static double Weight(RequestHeaders headers, string form)
    {
        var wanted = new MediaTypeHeaderValue(form);
        return headers.Accept
            .Where(wanted.IsSubsetOf)
            .OrderBy(range => range.MatchesAllTypes ? 2 : range.MatchesAllSubTypes ? 1 : 0)
            .Select(range => range.Quality ?? 1)
            .FirstOrDefault();
    }
}
