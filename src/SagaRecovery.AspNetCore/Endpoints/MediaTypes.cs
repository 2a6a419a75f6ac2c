using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Headers;
using Microsoft.Net.Http.Headers;

namespace SagaRecovery.AspNetCore.Endpoints;

/// <summary>The media types of the endpoints, and the preference of a caller by its <c>Accept</c> header (RFC 9110, 12.5.1).</summary>
internal static class MediaTypes
{
    public const string Json = "application/json";
    public const string Text = "text/plain";
    public const string Html = "text/html";

    /// <summary>Returns true if the caller prefers a media type to each of the others. A tie is no preference.</summary>
    public static bool Prefers(HttpRequest request, string mediaType, params ReadOnlySpan<string> others)
    {
        RequestHeaders headers = request.GetTypedHeaders();
        double weight = Weight(headers, mediaType);
        foreach (string other in others)
        {
            if (Weight(headers, other) >= weight)
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Returns the weight of the most specific range that covers a media type; 0 if none does.</summary>
    private static double Weight(RequestHeaders headers, string mediaType)
    {
        var wantedType = new MediaTypeHeaderValue(mediaType);
        return headers.Accept
            .Where(wantedType.IsSubsetOf)
            .OrderBy(range => range.MatchesAllTypes ? 2 : range.MatchesAllSubTypes ? 1 : 0)
            .Select(range => range.Quality ?? 1)
            .FirstOrDefault();
    }
}
