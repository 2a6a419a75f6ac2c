using System.Globalization;
using Microsoft.AspNetCore.Antiforgery;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using SagaRecovery.Fencing;
using SagaRecovery.Operations;
using SagaRecovery.Storage;

namespace SagaRecovery.AspNetCore.Endpoints;

/// <summary>The reader of operator actions from a form on a page of the host. The form must carry the antiforgery token of the host.</summary>
internal static class ActionForm
{
    public static async Task<Parsed<T>> ReadAsync<T>(HttpContext context, Func<IFormCollection, Parsed<T>> read)
        where T : class =>
        await ValidateAntiforgeryAsync(context).ConfigureAwait(false) is { } problem
            ? new Parsed<T>(null, problem)
            : read(await context.Request.ReadFormAsync(context.RequestAborted).ConfigureAwait(false));

    public static Parsed<OperatorActionRequest> Read(IFormCollection form)
    {
        SagaState state = default;
        long generation = 0;
        if (GetField(form, "state") is { } word && !SagaNames.TryParse(word, out state))
        {
            return Parsed<OperatorActionRequest>.Invalid("'state' must be a state, such as running.");
        }

        if (GetField(form, "generation") is { } number && !long.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out generation))
        {
            return Parsed<OperatorActionRequest>.Invalid("'generation' must be a number.");
        }

        return new OperatorActionRequest
        {
            Reason = GetField(form, "reason") ?? "",
            Actor = GetField(form, "actor"),
            Node = GetField(form, "node"),
            Force = IsChecked(form, "force"),
            StopRun = IsChecked(form, "stopRun"),
            State = GetField(form, "state") is null ? null : state,
            Generation = GetField(form, "generation") is null ? null : new AdoptGeneration(generation),
        };
    }

    public static Parsed<AcknowledgeRequest> ReadAcknowledge(IFormCollection form) => new AcknowledgeRequest
    {
        Id = GetField(form, "id") ?? "",
        Reason = GetField(form, "reason") ?? "",
        Actor = GetField(form, "actor"),
    };

    public static Parsed<ReassignRequest> ReadReassign(IFormCollection form)
    {
        List<CoordinatorId> targets = [];
        foreach (string? target in form["to"].Where(target => !string.IsNullOrEmpty(target)))
        {
            if (!Guid.TryParse(target, out Guid id))
            {
                return Parsed<ReassignRequest>.Invalid("'to' must be the id of a coordinator, a UUID. Repeat it for several.");
            }

            targets.Add(new CoordinatorId(id));
        }

        return ParseSeconds(form, "wait") is { } wait
            ? new ReassignRequest
            {
                Reason = GetField(form, "reason") ?? "",
                Actor = GetField(form, "actor"),
                To = targets,
                EvenIfOwnerAnswers = IsChecked(form, "evenIfOwnerAnswers"),
                Wait = wait,
            }
            : Parsed<ReassignRequest>.Invalid("'wait' must be a number of seconds.");
    }

    public static Parsed<DrainRequest> ReadDrain(IFormCollection form) => ParseSeconds(form, "gracePeriod") is { } gracePeriod
        ? new DrainRequest { Reason = GetField(form, "reason") ?? "", Actor = GetField(form, "actor"), GracePeriod = gracePeriod }
        : Parsed<DrainRequest>.Invalid("'gracePeriod' must be a number of seconds.");

    /// <summary>Returns the problem of a form; null if its antiforgery token is valid.</summary>
    public static async Task<IResult?> ValidateAntiforgeryAsync(HttpContext context)
    {
        if (context.RequestServices.GetService<IAntiforgery>() is not { } antiforgery)
        {
            return Problems.Create(
                StatusCodes.Status415UnsupportedMediaType,
                "Forms require antiforgery (services.AddAntiforgery()), which is not registered. Send application/json instead.");
        }

        try
        {
            await antiforgery.ValidateRequestAsync(context).ConfigureAwait(false);
            return null;
        }
        catch (Exception exception) when (exception is AntiforgeryValidationException or InvalidDataException)
        {
            return Problems.BadRequest("The form has no valid antiforgery token.");
        }
    }

    private static bool IsChecked(IFormCollection form, string name) => GetField(form, name) is "true" or "on";

    /// <returns>The seconds; 0 if the field is empty; null if it is not a number.</returns>
    private static double? ParseSeconds(IFormCollection form, string name) =>
        GetField(form, name) is not { } text ? 0
        : double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double seconds) ? seconds
        : null;

    private static string? GetField(IFormCollection form, string name) => form[name] is [{ Length: > 0 } value] ? value : null;
}
