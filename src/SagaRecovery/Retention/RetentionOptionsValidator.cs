using Microsoft.Extensions.Options;

namespace SagaRecovery.Retention;

/// <summary>Validates the options of retention. Each error names the setting.</summary>
internal sealed class RetentionOptionsValidator : IValidateOptions<RetentionOptions>
{
    /// <summary>The shortest time for which anything is kept. What ended a moment ago may still be written about by a request that is under way.</summary>
    private static readonly TimeSpan s_shortest = TimeSpan.FromSeconds(1);

    private static readonly TimeSpan s_longest = TimeSpan.FromDays(36_500); // farther back, the arithmetic of times leaves the range of the database

    private static readonly TimeSpan s_longestTimer = TimeSpan.FromDays(49);

    public ValidateOptionsResult Validate(string? name, RetentionOptions options)
    {
        var problems = new ValidateOptionsResultBuilder();
        ValidateTime(nameof(options.KeepSucceeded), options.KeepSucceeded, s_shortest);
        ValidateTime(nameof(options.KeepUnwound), options.KeepUnwound, s_shortest);
        ValidateTime(nameof(options.KeepStuck), options.KeepStuck, s_shortest);
        ValidateTime(nameof(options.KeepAbandoned), options.KeepAbandoned, s_shortest);
        ValidateTime(nameof(options.KeepOperatorActions), options.KeepOperatorActions, s_shortest);
        ValidateTime(nameof(options.KeepSilentCoordinators), options.KeepSilentCoordinators, TimeSpan.FromMinutes(1));
        foreach ((string definition, DefinitionRetention own) in options.ByDefinition)
        {
            string section = $"{nameof(options.ByDefinition)}:{definition}";
            ValidateTime($"{section}:{nameof(own.KeepSucceeded)}", own.KeepSucceeded, s_shortest);
            ValidateTime($"{section}:{nameof(own.KeepUnwound)}", own.KeepUnwound, s_shortest);
            ValidateTime($"{section}:{nameof(own.KeepStuck)}", own.KeepStuck, s_shortest);
            ValidateTime($"{section}:{nameof(own.KeepAbandoned)}", own.KeepAbandoned, s_shortest);
            if (own is { Keep: true, DeletesAny: true })
            {
                problems.AddError($"{FullName($"{section}:{nameof(own.Keep)}")} keeps all sagas of the definition, so no time may be set beside it");
            }
        }

        Require(options.Period > TimeSpan.Zero && options.Period <= s_longestTimer, nameof(options.Period), $"must be greater than zero and at most {s_longestTimer.TotalDays} days", options.Period);
        Require(options.ArchiveTimeout > TimeSpan.Zero && options.ArchiveTimeout <= TimeSpan.FromHours(1), nameof(options.ArchiveTimeout), "must be greater than zero and at most 1 hour", options.ArchiveTimeout);
        Require(options.BatchSize is >= 1 and <= 10_000, nameof(options.BatchSize), "must be from 1 to 10000", options.BatchSize);
        Require(options.BatchPause >= TimeSpan.Zero && options.BatchPause <= TimeSpan.FromMinutes(1), nameof(options.BatchPause), "must be from 0 to 1 minute", options.BatchPause);
        Require(options.ArchiveFolder is not { } folder || !string.IsNullOrWhiteSpace(folder), nameof(options.ArchiveFolder), "must not be blank", options.ArchiveFolder);
        return problems.Build();

        void ValidateTime(string setting, TimeSpan? value, TimeSpan least) =>
            Require(value is null || (value >= least && value <= s_longest), setting, $"must be at least {least} and at most {s_longest.TotalDays} days", value);

        void Require(bool isValid, string setting, string rule, object? value)
        {
            if (!isValid)
            {
                problems.AddError($"{FullName(setting)} {rule} (was {value})");
            }
        }
    }

    private static string FullName(string name) => $"{RetentionOptions.SectionName}:{name}";
}
