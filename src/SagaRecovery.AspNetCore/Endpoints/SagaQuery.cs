using System.Globalization;
using Microsoft.AspNetCore.Http;
using SagaRecovery.Storage;

namespace SagaRecovery.AspNetCore.Endpoints;

/// <summary>Which sagas to list, as it stands in a query string.</summary>
internal static class SagaQuery
{
    /// <summary>How many sagas one answer may hold.</summary>
    private const int MaxLimit = 1_000;

    public static Asked<SagaFilter> Read(IQueryCollection query)
    {
        var filter = new SagaFilter();
        foreach ((string name, Microsoft.Extensions.Primitives.StringValues values) in query)
        {
            if (values is not [{ } value])
            {
                return Asked<SagaFilter>.No($"'{name}' is given more than once.");
            }

            if (value.Length == 0)
            {
                continue; // an empty field of a form does not narrow
            }

            if (With(filter, name, value) is not { } narrowed)
            {
                return Asked<SagaFilter>.No(WhatIsExpected(name));
            }

            filter = narrowed;
        }

        return filter;
    }

    private static SagaFilter? With(SagaFilter filter, string name, string value) => name switch
    {
        "state" => SagaNames.TryParse(value, out SagaState state) ? filter with { State = state } : null,
        "owner" => Guid.TryParse(value, out Guid owner) ? filter with { Owner = new CoordinatorId(owner) } : null,
        "name" => value.Contains('\0') ? null : filter with { Name = value },
        "before" => SagaId.TryParse(value, provider: null, out SagaId before) ? filter with { Before = before } : null,
        "limit" => int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out int limit) && limit is > 0 and <= MaxLimit
            ? filter with { Limit = limit }
            : null,
        _ => null,
    };

    private static string WhatIsExpected(string name) => name switch
    {
        "state" => $"'state' is one of {string.Join(", ", Enum.GetValues<SagaState>().Select(SagaNames.Of))}.",
        "owner" or "before" => $"'{name}' is a UUID.",
        "name" => "'name' is the name of a definition.",
        "limit" => $"'limit' is a number from 1 to {MaxLimit}.",
        _ => "Sagas are listed by state, owner, name, before and limit.",
    };
}
