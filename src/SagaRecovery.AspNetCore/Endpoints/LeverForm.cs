using System.Globalization;
using Microsoft.AspNetCore.Antiforgery;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using SagaRecovery.Operations;

namespace SagaRecovery.AspNetCore.Endpoints;

/// <summary>A lever as a form asks for it, on a page of the host's own: with the host's antiforgery token.</summary>
internal static class LeverForm
{
    public static async Task<Asked<LeverRequest>> ReadAsync(HttpContext context)
    {
        if (await RefusalAsync(context).ConfigureAwait(false) is { } refusal)
        {
            return new Asked<LeverRequest>(null, refusal);
        }

        IFormCollection form = await context.Request.ReadFormAsync(context.RequestAborted).ConfigureAwait(false);
        SagaState state = default;
        long generation = 0;
        if (Field(form, "state") is { } word && !SagaWords.TryParse(word, out state))
        {
            return Asked<LeverRequest>.No("'state' is the word for a state, as in running.");
        }

        if (Field(form, "generation") is { } number && !long.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out generation))
        {
            return Asked<LeverRequest>.No("'generation' is a number.");
        }

        return new LeverRequest
        {
            Reason = Field(form, "reason") ?? "",
            Actor = Field(form, "actor"),
            Node = Field(form, "node"),
            Force = Field(form, "force") is "true" or "on",
            State = Field(form, "state") is null ? null : state,
            Generation = Field(form, "generation") is null ? null : new AdoptGeneration(generation),
        };
    }

    /// <summary>Why a form is refused; null: it is not.</summary>
    public static async Task<IResult?> RefusalAsync(HttpContext context)
    {
        if (context.RequestServices.GetService<IAntiforgery>() is not { } antiforgery)
        {
            return Refusal.Of(StatusCodes.Status415UnsupportedMediaType, "Forms are taken only where antiforgery is registered (services.AddAntiforgery()). Send application/json.");
        }

        try
        {
            await antiforgery.ValidateRequestAsync(context).ConfigureAwait(false);
            return null;
        }
        catch (Exception wrong) when (wrong is AntiforgeryValidationException or InvalidDataException)
        {
            return Refusal.BadRequest("The form has no valid antiforgery token.");
        }
    }

    private static string? Field(IFormCollection form, string name) => form[name] is [{ Length: > 0 } value] ? value : null;
}
