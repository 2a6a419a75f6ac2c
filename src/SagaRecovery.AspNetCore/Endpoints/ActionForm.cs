using System.Globalization;
using Microsoft.AspNetCore.Antiforgery;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using SagaRecovery.Fencing;
using SagaRecovery.Operations;
using SagaRecovery.Storage;

namespace SagaRecovery.AspNetCore.Endpoints;

/// <summary>A lever as a form asks for it, on a page of the host's own: with the host's antiforgery token.</summary>
internal static class ActionForm
{
    public static async Task<Asked<T>> ReadAsync<T>(HttpContext context, Func<IFormCollection, Asked<T>> read)
        where T : class =>
        await RefusalAsync(context).ConfigureAwait(false) is { } refusal
            ? new Asked<T>(null, refusal)
            : read(await context.Request.ReadFormAsync(context.RequestAborted).ConfigureAwait(false));

    public static Asked<OperatorActionRequest> Read(IFormCollection form)
    {
        SagaState state = default;
        long generation = 0;
        if (Field(form, "state") is { } word && !SagaNames.TryParse(word, out state))
        {
            return Asked<OperatorActionRequest>.No("'state' is the word for a state, as in running.");
        }

        if (Field(form, "generation") is { } number && !long.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out generation))
        {
            return Asked<OperatorActionRequest>.No("'generation' is a number.");
        }

        return new OperatorActionRequest
        {
            Reason = Field(form, "reason") ?? "",
            Actor = Field(form, "actor"),
            Node = Field(form, "node"),
            Force = IsOn(form, "force"),
            State = Field(form, "state") is null ? null : state,
            Generation = Field(form, "generation") is null ? null : new AdoptGeneration(generation),
        };
    }

    public static Asked<ReassignRequest> ReadReassign(IFormCollection form)
    {
        List<CoordinatorId> to = [];
        foreach (string? taker in form["to"].Where(taker => !string.IsNullOrEmpty(taker)))
        {
            if (!Guid.TryParse(taker, out Guid id))
            {
                return Asked<ReassignRequest>.No("'to' is the id of a coordinator, a UUID; once for each.");
            }

            to.Add(new CoordinatorId(id));
        }

        return Seconds(form, "wait") is { } wait
            ? new ReassignRequest { Reason = Field(form, "reason") ?? "", Actor = Field(form, "actor"), To = to, EvenIfOwnerAnswers = IsOn(form, "evenIfOwnerAnswers"), Wait = wait }
            : Asked<ReassignRequest>.No("'wait' is a number of seconds.");
    }

    public static Asked<DrainRequest> ReadDrain(IFormCollection form) => Seconds(form, "letRun") is { } letRun
        ? new DrainRequest { Reason = Field(form, "reason") ?? "", Actor = Field(form, "actor"), LetRun = letRun }
        : Asked<DrainRequest>.No("'letRun' is a number of seconds.");

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

    private static bool IsOn(IFormCollection form, string name) => Field(form, name) is "true" or "on";

    /// <returns>0 where there is none; null: it is no number.</returns>
    private static double? Seconds(IFormCollection form, string name) =>
        Field(form, name) is not { } text ? 0
        : double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double seconds) ? seconds
        : null;

    private static string? Field(IFormCollection form, string name) => form[name] is [{ Length: > 0 } value] ? value : null;
}
