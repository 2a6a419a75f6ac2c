using System.CommandLine;
using System.CommandLine.Parsing;
using SagaRecovery.Postgres;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Cli.CommandLine;

/// <summary>How values are read from the command line.</summary>
internal static class Values
{
    private static readonly (string Unit, double Milliseconds)[] s_units = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000)];

    public static Argument<SagaId> SagaIdArgument() => new("id")
    {
        Description = "The saga's id",
        CustomParser = result =>
        {
            if (!SagaId.TryParse(Text(result), provider: null, out SagaId id))
            {
                result.AddError($"'{Shown(result)}' is not a saga id: that is a UUID");
            }

            return id;
        },
    };

    public static Argument<Giver> GiverArgument() => new("from")
    {
        Description = "Whose sagas: the coordinator's id, which need not have joined, or 'nobody'",
        CompletionSources = { _ => [new(Giver.Nobody)] },
        CustomParser = result =>
        {
            bool isId = Guid.TryParse(Text(result), out Guid id);
            if (!isId && Text(result) != Giver.Nobody)
            {
                result.AddError($"'{Shown(result)}' is not a coordinator id: that is a UUID, or '{Giver.Nobody}'");
            }

            return new Giver(isId ? new CoordinatorId(id) : null);
        },
    };

    public static Option<CoordinatorId[]> TakersOption() => new("--to")
    {
        Description = "Who gets them, once for each [default: all that are active and answer]",
        HelpName = "id",
        AllowMultipleArgumentsPerToken = true,
        CustomParser = result => [.. result.Tokens.Select(token =>
        {
            if (!Guid.TryParse(token.Value, out Guid id))
            {
                result.AddError($"'{PlainText.OneLine(token.Value, longest: 80)}' is not a coordinator id: that is a UUID");
            }

            return new CoordinatorId(id);
        })],
    };

    public static CoordinatorId? ParseCoordinator(ArgumentResult result)
    {
        if (Guid.TryParse(Text(result), out Guid id))
        {
            return new CoordinatorId(id);
        }

        result.AddError($"'{Shown(result)}' is not a coordinator id: that is a UUID");
        return null;
    }

    public static SagaId? ParseSaga(ArgumentResult result)
    {
        if (SagaId.TryParse(Text(result), provider: null, out SagaId id))
        {
            return id;
        }

        result.AddError($"'{Shown(result)}' is not a saga id: that is a UUID");
        return null;
    }

    public static SagaState? ParseState(ArgumentResult result)
    {
        if (SagaNames.TryParse(Text(result), out SagaState state))
        {
            return state;
        }

        result.AddError($"'{Shown(result)}' is not a state: {string.Join(", ", Enum.GetValues<SagaState>().Select(SagaNames.Of))}");
        return null;
    }

    public static Uri? ParseUrl(ArgumentResult result)
    {
        Uri? url = Url(Text(result), out string? wrong);
        if (wrong is not null)
        {
            result.AddError($"--url {wrong}");
        }

        return url;
    }

    /// <summary>The address of the endpoints: with no path of its own, the usual one.</summary>
    public static Uri? Url(string text, out string? wrong)
    {
        wrong = null;
        if (!Uri.TryCreate(text, UriKind.Absolute, out Uri? url) || url.Scheme is not ("http" or "https"))
        {
            wrong = "is not an http or https address";
        }
        else if (url.UserInfo.Length > 0)
        {
            wrong = "must not hold credentials: use --user, and a token from a variable or a file"; // nor is it shown again
        }
        else if (url.Query.Length > 0 || url.Fragment.Length > 0)
        {
            wrong = "must end with its path";
        }

        return wrong is not null ? null : new Uri(url!, url!.AbsolutePath == "/" ? "/saga-recovery/" : url.AbsolutePath.TrimEnd('/') + "/");
    }

    public static string? ParseSchema(ArgumentResult result)
    {
        var check = new PostgresStoreOptionsValidator();
        string schema = Text(result);
        if (check.Validate(name: null, new PostgresStoreOptions { Schema = schema }).Failed)
        {
            result.AddError($"--schema must be 1 to 63 lower-case letters, digits and underscores, and not begin with a digit (was '{Shown(result)}')");
        }

        return schema;
    }

    public static TimeSpan? ParseSpan(ArgumentResult result)
    {
        string text = Text(result);
        foreach ((string unit, double milliseconds) in s_units)
        {
            if (text.EndsWith(unit, StringComparison.Ordinal)
                && double.TryParse(text.AsSpan(0, text.Length - unit.Length), System.Globalization.NumberStyles.AllowDecimalPoint, provider: null, out double value)
                && value * milliseconds is >= 1 and <= 86_400_000)
            {
                return TimeSpan.FromMilliseconds(value * milliseconds);
            }
        }

        result.AddError($"'{Shown(result)}' is not a time span of up to a day: give a number and a unit, such as 500ms, 2s, 1.5m");
        return null;
    }

    /// <summary>What stands in the record of levers: not blank, and of a length that people read.</summary>
    public static void Bound(Option<string?> option) => option.Validators.Add(result =>
    {
        string text = result.GetValueOrDefault<string?>() ?? "";
        if (string.IsNullOrWhiteSpace(text))
        {
            result.AddError($"{option.Name} must say something");
        }
        else if (text.Length > OperatorNote.MaxLength)
        {
            result.AddError($"{option.Name} is {text.Length} characters long; {OperatorNote.MaxLength} is the most");
        }
    });

    private static string Text(ArgumentResult result) => result.Tokens[0].Value;

    private static string Shown(ArgumentResult result) => PlainText.OneLine(Text(result), longest: 80);
}

/// <summary>Whose sagas are given away.</summary>
/// <param name="Id">The coordinator; null: nobody owns them.</param>
internal sealed record Giver(CoordinatorId? Id)
{
    public const string Nobody = "nobody";
}
