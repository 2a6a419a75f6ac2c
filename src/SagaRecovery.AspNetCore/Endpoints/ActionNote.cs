using System.Security.Claims;
using Microsoft.AspNetCore.Http;
using SagaRecovery.Status;

namespace SagaRecovery.AspNetCore.Endpoints;

/// <summary>Who pulls a lever, and why: the signed-in user, whatever the request says of it; only where nobody is signed in it counts.</summary>
internal static class ActionNote
{
    /// <param name="user">Who is signed in.</param>
    /// <param name="says">Who the request says it is.</param>
    /// <param name="reason">Why.</param>
    public static Asked<OperatorNote> Of(ClaimsPrincipal user, string? says, string reason)
    {
        bool signedIn = user.Identities.Any(identity => identity.IsAuthenticated);
        string? actor = signedIn ? NameOf(user) : says;
        if (signedIn && string.IsNullOrWhiteSpace(actor))
        {
            return Asked<OperatorNote>.No(StatusCodes.Status403Forbidden, "You are signed in without a name: nobody could tell later who did this.");
        }

        string? wrong = Wrong("actor", "Say who you are", actor) ?? Wrong("reason", "Say why, for whoever looks later", reason);
        return wrong is null ? new OperatorNote(actor!, reason) : Asked<OperatorNote>.No(wrong);
    }

    private static string? NameOf(ClaimsPrincipal user) => user.Identity?.Name is { Length: > 0 } name ? name : user.FindFirstValue(ClaimTypes.NameIdentifier);

    private static string? Wrong(string what, string ask, string? text) =>
        string.IsNullOrWhiteSpace(text) ? $"{ask}: '{what}' is missing."
        : text.Length > OperatorNote.MaxLength ? $"'{what}' is too long: {OperatorNote.MaxLength} characters at most."
        : text.Contains('\0') ? $"'{what}' holds a NUL character, which no database keeps."
        : null;
}
