using System.Globalization;
using Microsoft.AspNetCore.Http;
using SagaRecovery.Storage;

namespace SagaRecovery.AspNetCore.Endpoints;

/// <summary>Reads a saga filter from a query string.</summary>
internal static class SagaQuery
{
    /// <summary>The largest number of sagas in one response.</summary>
    private const int MaxLimit = 1_000;

    public static Parsed<SagaFilter> Read(IQueryCollection query)
    {
        var filter = new SagaFilter();
        foreach ((string name, Microsoft.Extensions.Primitives.StringValues values) in query)
        {
            if (values is not [{ } value])
            {
                return Parsed<SagaFilter>.Invalid($"'{name}' is given more than once.");
            }

            if (value.Length == 0)
            {
                continue; // an empty form field does not filter
            }

            if (Apply(filter, name, value) is not { } narrowed)
            {
                return Parsed<SagaFilter>.Invalid(DescribeExpected(name));
            }

            filter = narrowed;
        }

        return filter;
    }

    private static SagaFilter? Apply(SagaFilter filter, string name, string value) => name switch
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

    private static string DescribeExpected(string name) => name switch
    {
        "state" => $"'state' must be one of {string.Join(", ", Enum.GetValues<SagaState>().Select(SagaNames.Of))}.",
        "owner" or "before" => $"'{name}' must be a UUID.",
        "name" => "'name' must be the name of a definition.",
        "limit" => $"'limit' must be a number from 1 to {MaxLimit}.",
        _ => "The filters for sagas are state, owner, name, before and limit.",
    };
}
