using System.Security.Claims;
using Microsoft.AspNetCore.Http;
using SagaRecovery.Status;

namespace SagaRecovery.AspNetCore.Endpoints;

/// <summary>Creates the note of an operator action: its actor and its reason.</summary>
/// <remarks>A signed-in user is always the actor. The request may name an actor only if no user is signed in.</remarks>
internal static class ActionNotes
{
    /// <param name="user">The user of the request.</param>
    /// <param name="claimedActor">The actor that the request names.</param>
    /// <param name="reason">The reason that the request gives.</param>
    public static Parsed<OperatorNote> Create(ClaimsPrincipal user, string? claimedActor, string reason)
    {
        bool signedIn = user.Identities.Any(identity => identity.IsAuthenticated);
        string? actor = signedIn ? NameOf(user) : claimedActor;
        if (signedIn && string.IsNullOrWhiteSpace(actor))
        {
            return Parsed<OperatorNote>.Invalid(
                StatusCodes.Status403Forbidden, "The signed-in user has no name, so the action could not be attributed to an operator.");
        }

        string? error = Validate("actor", "Name the operator", actor) ?? Validate("reason", "Give the reason for other operators", reason);
        return error is null ? new OperatorNote(actor!, reason) : Parsed<OperatorNote>.Invalid(error);
    }

    /// <summary>Adds the note to a body that was read.</summary>
    /// <param name="parsed">The body, or its problem.</param>
    /// <param name="user">The user of the request.</param>
    /// <param name="read">Reads the claimed actor and the reason from the body.</param>
    public static Parsed<Noted<T>> WithNote<T>(this Parsed<T> parsed, ClaimsPrincipal user, Func<T, (string? Actor, string Reason)> read)
        where T : class
    {
        if (parsed.Value is not { } request)
        {
            return new Parsed<Noted<T>>(null, parsed.Problem);
        }

        (string? actor, string reason) = read(request);
        Parsed<OperatorNote> note = Create(user, actor, reason);
        return note.Value is null ? new Parsed<Noted<T>>(null, note.Problem) : new Noted<T>(request, note.Value);
    }

    private static string? NameOf(ClaimsPrincipal user) =>
        user.Identity?.Name is { Length: > 0 } name ? name : user.FindFirstValue(ClaimTypes.NameIdentifier);

    private static string? Validate(string field, string prompt, string? text) =>
        string.IsNullOrWhiteSpace(text) ? $"{prompt}: '{field}' is missing."
        : text.Length > OperatorNote.MaxLength ? $"'{field}' is too long. The limit is {OperatorNote.MaxLength} characters."
        : text.Contains('\0') ? $"'{field}' contains a NUL character, which the database cannot store."
        : null;
}

/// <summary>The body of an operator action, with its note.</summary>
internal sealed record Noted<T>(T Request, OperatorNote Note);
