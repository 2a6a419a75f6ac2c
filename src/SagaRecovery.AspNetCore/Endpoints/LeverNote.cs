using System.Security.Claims;
using Microsoft.AspNetCore.Http;
using SagaRecovery.Operations;
using SagaRecovery.Status;

namespace SagaRecovery.AspNetCore.Endpoints;

/// <summary>Who pulls a lever, and why: the signed-in user, whatever the request says of it; only where nobody is signed in it counts.</summary>
internal static class LeverNote
{
    public static Asked<OperatorNote> Of(ClaimsPrincipal user, LeverRequest request)
    {
        bool signedIn = user.Identities.Any(identity => identity.IsAuthenticated);
        string? actor = signedIn ? NameOf(user) : request.Actor;
        if (signedIn && string.IsNullOrWhiteSpace(actor))
        {
            return Asked<OperatorNote>.No(StatusCodes.Status403Forbidden, "You are signed in without a name: nobody could tell later who did this.");
        }

        string? wrong = Wrong("actor", "Say who you are", actor) ?? Wrong("reason", "Say why, for whoever looks later", request.Reason);
        return wrong is null ? new OperatorNote(actor!, request.Reason) : Asked<OperatorNote>.No(wrong);
    }

    private static string? NameOf(ClaimsPrincipal user) => user.Identity?.Name is { Length: > 0 } name ? name : user.FindFirstValue(ClaimTypes.NameIdentifier);

    private static string? Wrong(string what, string ask, string? text) =>
        string.IsNullOrWhiteSpace(text) ? $"{ask}: '{what}' is missing."
        : text.Length > OperatorNote.MaxLength ? $"'{what}' is too long: {OperatorNote.MaxLength} characters at most."
        : text.Contains('\0') ? $"'{what}' holds a NUL character, which no database keeps."
        : null;
}
