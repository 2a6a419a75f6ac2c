using System.Globalization;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;
using SagaRecovery.Operations;
using SagaRecovery.Storage;

namespace SagaRecovery.AspNetCore.Endpoints;

/// <summary>Reads a saga filter from a query string.</summary>
internal static class SagaQuery
{
    /// <summary>The largest number of sagas in one response.</summary>
    private const int MaxLimit = 1_000;

    /// <param name="query">The query string.</param>
    /// <param name="now">The time to which durations refer.</param>
    public static Parsed<SagaFilter> Read(IQueryCollection query, DateTimeOffset now)
    {
        var filter = new SagaFilter();
        foreach ((string name, StringValues values) in query)
        {
            if (values.Count != 1 && name != "tag")
            {
                return Parsed<SagaFilter>.Invalid($"'{name}' is given more than once.");
            }

            foreach (string value in values.Where(value => !string.IsNullOrEmpty(value)).OfType<string>()) // an empty form field does not filter
            {
                if (value.Contains('\0') || Apply(filter, name, value, now) is not { } narrowed)
                {
                    return Parsed<SagaFilter>.Invalid(DescribeExpected(name));
                }

                filter = narrowed;
            }
        }

        return filter.Tags.Count > SagaTag.MaxCount ? Parsed<SagaFilter>.Invalid($"A saga has at most {SagaTag.MaxCount} tags.") : filter;
    }

    private static SagaFilter? Apply(SagaFilter filter, string name, string value, DateTimeOffset now) => name switch
    {
        "state" when value == SagaNames.Unfinished => filter with { UnfinishedOnly = true },
        "state" => SagaNames.TryParse(value, out SagaState state) ? filter with { State = state } : null,
        "held" => bool.TryParse(value, out bool held) ? filter with { HeldOnly = held } : null,
        "owner" => Guid.TryParse(value, out Guid owner) ? filter with { Owner = new CoordinatorId(owner) } : null,
        "name" => filter with { Name = value },
        "version" => ParseNumber(value) is { } version ? filter with { Version = version } : null,
        "failedNode" => filter with { FailedNode = value },
        "errorCode" => filter with { ErrorCode = value },
        "tag" => SagaTag.TryParse(value, out SagaTag? tag) ? filter with { Tags = [.. filter.Tags, tag] } : null,
        "since" => TimeBound.TryParse(value, now, out DateTimeOffset since) ? filter with { Since = since } : null,
        "until" => TimeBound.TryParse(value, now, out DateTimeOffset until) ? filter with { Until = until } : null,
        "before" => SagaCursor.TryParse(value, out SagaCursor before) ? filter with { Before = before } : null,
        "limit" => ParseNumber(value) is { } limit and > 0 and <= MaxLimit ? filter with { Limit = limit } : null,
        _ => null,
    };

    private static int? ParseNumber(string text) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? number : null;

    private static string DescribeExpected(string name) => name switch
    {
        "state" => $"'state' must be one of {string.Join(", ", SagaNames.States.Select(SagaNames.Of))} and {SagaNames.Unfinished}.",
        "held" => "'held' must be true or false.",
        "owner" => "'owner' must be a UUID.",
        "version" => "'version' must be a number.",
        "tag" => "'tag' must have the form name=value. Repeat it for several.",
        "since" or "until" => $"'{name}' must be {TimeBound.Forms}.",
        "before" => "'before' must come from the 'next' link of the previous page.",
        "name" or "failedNode" or "errorCode" => $"'{name}' must be a text.",
        "limit" => $"'limit' must be a number from 1 to {MaxLimit}.",
        _ => "The filters for sagas are state, held, owner, name, version, failedNode, errorCode, tag, since, until, before and limit.",
    };
}
