using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using SagaRecovery.Operations;
using SagaRecovery.Postgres;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Cli.CommandLine;

/// <summary>Parses and validates values from the command line.</summary>
internal static class Values
{
    private const string DurationForms = "25s, 10m, 2h, 1d or 00:10:00";

    private static readonly TimeSpan s_longestSpan = TimeSpan.FromDays(1);
    private static readonly TimeSpan s_longestAge = TimeSpan.FromDays(36_500);

    public static Argument<SagaId> SagaIdArgument() => new("id")
    {
        Description = "The saga's id",
        CustomParser = result =>
        {
            if (!SagaId.TryParse(Text(result), provider: null, out SagaId id))
            {
                result.AddError($"'{Display(result)}' is not a saga id (a UUID)");
            }

            return id;
        },
    };

    public static Argument<ReassignSource> ReassignSourceArgument() => new("from")
    {
        Description = "The present owner: a coordinator id, even of one that never joined, or 'unowned' for sagas without an owner",
        CompletionSources = { _ => [new(ReassignSource.NoOwner)] },
        CustomParser = result =>
        {
            bool isId = Guid.TryParse(Text(result), out Guid id);
            if (!isId && Text(result) != ReassignSource.NoOwner)
            {
                result.AddError($"'{Display(result)}' is neither a coordinator id (a UUID) nor '{ReassignSource.NoOwner}'");
            }

            return new ReassignSource(isId ? new CoordinatorId(id) : null);
        },
    };

    public static Option<CoordinatorId[]> ReassignTargetsOption() => new("--to")
    {
        Description = "A new owner; repeat for several [default: all coordinators that are active and answer]",
        HelpName = "id",
        AllowMultipleArgumentsPerToken = true,
        CustomParser = result => [.. result.Tokens.Select(token =>
        {
            if (!Guid.TryParse(token.Value, out Guid id))
            {
                result.AddError($"'{PlainText.OneLine(token.Value, longest: 80)}' is not a coordinator id (a UUID)");
            }

            return new CoordinatorId(id);
        })],
    };

    public static int ParseSchemaVersion(ArgumentResult result)
    {
        if (int.TryParse(Text(result), NumberStyles.None, CultureInfo.InvariantCulture, out int version) && version <= PostgresSchema.Version)
        {
            return version;
        }

        result.AddError(string.Create(CultureInfo.InvariantCulture, $"'{Display(result)}' is not a version of the tables from 0 to {PostgresSchema.Version}"));
        return 0;
    }

    public static CoordinatorId? ParseCoordinator(ArgumentResult result)
    {
        if (Guid.TryParse(Text(result), out Guid id))
        {
            return new CoordinatorId(id);
        }

        result.AddError($"'{Display(result)}' is not a coordinator id (a UUID)");
        return null;
    }

    public static SagaId? ParseSaga(ArgumentResult result)
    {
        if (SagaId.TryParse(Text(result), provider: null, out SagaId id))
        {
            return id;
        }

        result.AddError($"'{Display(result)}' is not a saga id (a UUID)");
        return null;
    }

    public static StateChoice? ParseStateChoice(ArgumentResult result)
    {
        if (Text(result) == SagaNames.Unfinished)
        {
            return new StateChoice(State: null);
        }

        if (SagaNames.TryParse(Text(result), out SagaState state))
        {
            return new StateChoice(state);
        }

        string states = string.Join(", ", SagaNames.States.Select(SagaNames.Of));
        result.AddError($"'{Display(result)}' is not a saga state; the states are {states}, and {SagaNames.Unfinished} for running and unwinding");
        return null;
    }

    /// <summary>Parses a definition. Digits after the last <c>@</c> are the version; any other <c>@</c> belongs to the name.</summary>
    public static DefinitionChoice? ParseDefinition(ArgumentResult result)
    {
        string text = Text(result);
        int at = text.LastIndexOf('@');
        return at > 0 && int.TryParse(text.AsSpan(at + 1), NumberStyles.None, CultureInfo.InvariantCulture, out int version)
            ? new DefinitionChoice(text[..at], version)
            : new DefinitionChoice(text, Version: null);
    }

    public static DateTimeOffset? ParseTime(ArgumentResult result, DateTimeOffset now)
    {
        if (TimeBound.TryParse(Text(result), now, out DateTimeOffset bound))
        {
            return bound;
        }

        result.AddError($"'{Display(result)}' is not {TimeBound.Forms}");
        return null;
    }

    public static SagaTag[] ParseTags(ArgumentResult result) => [.. result.Tokens.Select(token =>
    {
        if (!SagaTag.TryParse(token.Value, out SagaTag? tag))
        {
            result.AddError($"'{PlainText.OneLine(token.Value, longest: 80)}' is not a tag: write name=value");
        }

        return tag ?? new SagaTag("", "");
    })];

    public static SagaCursor? ParseCursor(ArgumentResult result)
    {
        if (SagaCursor.TryParse(Text(result), out SagaCursor cursor))
        {
            return cursor;
        }

        result.AddError($"'{Display(result)}' is not a place in the list: pass what the previous page has printed after --before");
        return null;
    }

    public static Uri? ParseUrl(ArgumentResult result)
    {
        Uri? url = Url(Text(result), out string? error);
        if (error is not null)
        {
            result.AddError($"--url {error}");
        }

        return url;
    }

    /// <summary>Parses the address of the endpoints and appends /saga-recovery if it has no path.</summary>
    public static Uri? Url(string text, out string? error)
    {
        error = null;
        if (!Uri.TryCreate(text, UriKind.Absolute, out Uri? url) || url.Scheme is not ("http" or "https"))
        {
            error = "is not an http or https address";
        }
        else if (url.UserInfo.Length > 0)
        {
            error = "must not contain credentials: pass --user, and the token in a variable or a file"; // the message must not repeat them
        }
        else if (url.Query.Length > 0 || url.Fragment.Length > 0)
        {
            error = "must not have a query or a fragment";
        }

        return error is not null ? null : new Uri(url!, url!.AbsolutePath == "/" ? "/saga-recovery/" : url.AbsolutePath.TrimEnd('/') + "/");
    }

    public static string? ParseSchema(ArgumentResult result)
    {
        var validator = new PostgresStoreOptionsValidator();
        string schema = Text(result);
        if (validator.Validate(name: null, new PostgresStoreOptions { Schema = schema }).Failed)
        {
            result.AddError(
                $"--schema must be 1 to 63 lowercase letters, digits and underscores, and must not start with a digit (was '{Display(result)}')");
        }

        return schema;
    }

    /// <summary>Parses a duration for which the tool waits, such as <c>25s</c> or <c>500ms</c>.</summary>
    public static TimeSpan? ParseSpan(ArgumentResult result) =>
        ParseDuration(result, TimeSpan.FromMilliseconds(1), s_longestSpan, "a duration from 1ms to 1d");

    /// <summary>Parses an age of sagas, such as <c>30d</c> or <c>12h</c>.</summary>
    public static TimeSpan? ParseAge(ArgumentResult result) => ParseDuration(result, TimeSpan.FromSeconds(1), s_longestAge, "an age from 1s to 36500d");

    private static TimeSpan? ParseDuration(ArgumentResult result, TimeSpan min, TimeSpan max, string kind)
    {
        bool isOne = DurationText.TryParse(Text(result), max, out TimeSpan span)
            || (Text(result).Contains(':', StringComparison.Ordinal) && TimeSpan.TryParseExact(Text(result), "c", CultureInfo.InvariantCulture, out span));
        if (isOne && span >= min && span <= max)
        {
            return span;
        }

        result.AddError($"'{Display(result)}' is not {kind}: write a number and a unit, or hours, minutes and seconds, such as {DurationForms}");
        return null;
    }

    /// <summary>Requires a text that is not blank and fits into the record of operator actions.</summary>
    public static void RequireText(Option<string?> option) => option.Validators.Add(result =>
    {
        string text = result.GetValueOrDefault<string?>() ?? "";
        if (string.IsNullOrWhiteSpace(text))
        {
            result.AddError($"{option.Name} must not be empty");
        }
        else if (text.Length > OperatorNote.MaxLength)
        {
            result.AddError($"{option.Name} is {text.Length} characters long; the limit is {OperatorNote.MaxLength}");
        }
    });

    private static string Text(ArgumentResult result) => result.Tokens[0].Value;

    private static string Display(ArgumentResult result) => PlainText.OneLine(Text(result), longest: 80);
}

/// <summary>The present owner of the sagas to reassign.</summary>
/// <param name="Id">The coordinator, or null for sagas without an owner.</param>
internal sealed record ReassignSource(CoordinatorId? Id)
{
    public const string NoOwner = "unowned";
}

/// <summary>A state, or all states of sagas in progress.</summary>
/// <param name="State">The state; null for running and unwinding.</param>
internal sealed record StateChoice(SagaState? State);

/// <summary>A definition, or all versions of it.</summary>
/// <param name="Name">The name.</param>
/// <param name="Version">The version; null for all.</param>
internal sealed record DefinitionChoice(string Name, int? Version);
