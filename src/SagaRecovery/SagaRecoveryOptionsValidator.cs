using Microsoft.Extensions.Options;
using SagaRecovery.Storage;

namespace SagaRecovery;

/// <summary>Refuses options that make no sense, naming the setting.</summary>
internal sealed class SagaRecoveryOptionsValidator : IValidateOptions<SagaRecoveryOptions>
{
    private static readonly TimeSpan LongestTimer = TimeSpan.FromDays(49); // what a .NET timer takes, rounded down

    public ValidateOptionsResult Validate(string? name, SagaRecoveryOptions options)
    {
        var problems = new ValidateOptionsResultBuilder();
        if (options.CoordinatorId == Guid.Empty)
        {
            problems.AddError(Setting(nameof(options.CoordinatorId)) + " is missing: give each process a UUID of its own, the same at each of its starts");
        }

        Positive(problems, nameof(options.Period), options.Period);
        Positive(problems, nameof(options.ResumeTimeout), options.ResumeTimeout);
        Positive(problems, nameof(options.RetryDelay), options.RetryDelay);
        Positive(problems, nameof(options.FirstBackoff), options.FirstBackoff);
        Positive(problems, nameof(options.LongestBackoff), options.LongestBackoff);
        Positive(problems, nameof(options.Probation), options.Probation);
        Positive(problems, nameof(options.StalledAfter), options.StalledAfter);
        Positive(problems, nameof(options.StalledCheckPeriod), options.StalledCheckPeriod);
        Positive(problems, nameof(options.HeartbeatPeriod), options.HeartbeatPeriod);
        foreach ((string definition, TimeSpan patience) in options.StalledAfterByDefinition)
        {
            Positive(problems, $"{nameof(options.StalledAfterByDefinition)}:{definition}", patience);
        }

        Positive(problems, nameof(options.MaxConcurrency), options.MaxConcurrency);
        Positive(problems, nameof(options.ListPageSize), options.ListPageSize);
        Positive(problems, nameof(options.LoadBatchSize), options.LoadBatchSize);
        Positive(problems, nameof(options.MaxUnreadStarts), options.MaxUnreadStarts);
        if (options.HoldAfterCrashes < 0)
        {
            problems.AddError($"{Setting(nameof(options.HoldAfterCrashes))} must be at least 0 (was {options.HoldAfterCrashes})");
        }

        if (options.HeartbeatPeriod * 2 > CoordinatorDetails.AnswerTimeout)
        {
            problems.AddError($"{Setting(nameof(options.HeartbeatPeriod))} must not be more than half of the {CoordinatorDetails.AnswerTimeout} after which a silent coordinator does not answer (was {options.HeartbeatPeriod})");
        }

        if (options.TakeOverAfter is { } after && after < 3 * options.HeartbeatPeriod)
        {
            problems.AddError($"{Setting(nameof(options.TakeOverAfter))} must be at least three times {nameof(options.HeartbeatPeriod)} (was {after}, and {options.HeartbeatPeriod})");
        }

        if (options.DrainFor is { } drain && drain < TimeSpan.Zero)
        {
            problems.AddError($"{Setting(nameof(options.DrainFor))} must not be negative (was {drain})");
        }

        if (options.LongestBackoff < options.FirstBackoff)
        {
            problems.AddError($"{Setting(nameof(options.LongestBackoff))} must not be less than {nameof(options.FirstBackoff)} (was {options.LongestBackoff}, and {options.FirstBackoff})");
        }

        return problems.Build();
    }

    private static void Positive(ValidateOptionsResultBuilder problems, string setting, TimeSpan value)
    {
        if (value <= TimeSpan.Zero)
        {
            problems.AddError($"{Setting(setting)} must be more than zero (was {value})");
        }
        else if (value > LongestTimer)
        {
            problems.AddError($"{Setting(setting)} must not be more than {LongestTimer.TotalDays} days (was {value})");
        }
    }

    private static void Positive(ValidateOptionsResultBuilder problems, string setting, int value)
    {
        if (value <= 0)
        {
            problems.AddError($"{Setting(setting)} must be at least 1 (was {value})");
        }
    }

    private static string Setting(string name) => $"{SagaRecoveryOptions.SectionName}:{name}";
}
