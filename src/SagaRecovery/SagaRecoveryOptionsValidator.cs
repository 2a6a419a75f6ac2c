using Microsoft.Extensions.Options;
using SagaRecovery.Storage;

namespace SagaRecovery;

/// <summary>Validates the options. Each error names the setting.</summary>
internal sealed class SagaRecoveryOptionsValidator : IValidateOptions<SagaRecoveryOptions>
{
    private static readonly TimeSpan LongestTimer = TimeSpan.FromDays(49); // the longest due time of a .NET timer, rounded down

    public ValidateOptionsResult Validate(string? name, SagaRecoveryOptions options)
    {
        var problems = new ValidateOptionsResultBuilder();
        if (options.CoordinatorId == default)
        {
            problems.AddError(
                FullName(nameof(options.CoordinatorId)) + " is missing, or all zeros: give each process a UUID or a name of its own, and keep it across restarts");
        }

        RequirePositive(problems, nameof(options.Period), options.Period);
        RequirePositive(problems, nameof(options.ResumeTimeout), options.ResumeTimeout);
        RequirePositive(problems, nameof(options.RetryDelay), options.RetryDelay);
        RequirePositive(problems, nameof(options.FirstBackoff), options.FirstBackoff);
        RequirePositive(problems, nameof(options.LongestBackoff), options.LongestBackoff);
        RequirePositive(problems, nameof(options.Probation), options.Probation);
        RequirePositive(problems, nameof(options.StalledAfter), options.StalledAfter);
        RequirePositive(problems, nameof(options.StalledCheckPeriod), options.StalledCheckPeriod);
        RequirePositive(problems, nameof(options.HeartbeatPeriod), options.HeartbeatPeriod);
        foreach ((string definition, TimeSpan threshold) in options.StalledAfterByDefinition)
        {
            RequirePositive(problems, $"{nameof(options.StalledAfterByDefinition)}:{definition}", threshold);
        }

        RequirePositive(problems, nameof(options.MaxConcurrency), options.MaxConcurrency);
        RequirePositive(problems, nameof(options.ListPageSize), options.ListPageSize);
        RequirePositive(problems, nameof(options.LoadBatchSize), options.LoadBatchSize);
        RequirePositive(problems, nameof(options.MaxUnreadStarts), options.MaxUnreadStarts);
        if (options.HoldAfterCrashes < 0)
        {
            problems.AddError($"{FullName(nameof(options.HoldAfterCrashes))} must be at least 0 (was {options.HoldAfterCrashes})");
        }

        if (options.HeartbeatPeriod * 2 > CoordinatorDetails.AnswerTimeout)
        {
            problems.AddError(
                $"{FullName(nameof(options.HeartbeatPeriod))} must be at most half of {CoordinatorDetails.AnswerTimeout}, "
                + "the time after which a coordinator without a heartbeat counts as not answering"
                + $" (was {options.HeartbeatPeriod})");
        }

        if (options.TakeOverAfter is { } after && after < 3 * options.HeartbeatPeriod)
        {
            problems.AddError(
                $"{FullName(nameof(options.TakeOverAfter))} must be at least three times {nameof(options.HeartbeatPeriod)}"
                + $" (was {after}, with a {nameof(options.HeartbeatPeriod)} of {options.HeartbeatPeriod})");
        }

        if (options.DrainFor is { } drain && drain < TimeSpan.Zero)
        {
            problems.AddError($"{FullName(nameof(options.DrainFor))} must not be negative (was {drain})");
        }

        if (options.LongestBackoff < options.FirstBackoff)
        {
            problems.AddError(
                $"{FullName(nameof(options.LongestBackoff))} must be at least {nameof(options.FirstBackoff)}"
                + $" (was {options.LongestBackoff}, with a {nameof(options.FirstBackoff)} of {options.FirstBackoff})");
        }

        return problems.Build();
    }

    private static void RequirePositive(ValidateOptionsResultBuilder problems, string name, TimeSpan value)
    {
        if (value <= TimeSpan.Zero)
        {
            problems.AddError($"{FullName(name)} must be greater than zero (was {value})");
        }
        else if (value > LongestTimer)
        {
            problems.AddError($"{FullName(name)} must be at most {LongestTimer.TotalDays} days (was {value})");
        }
    }

    private static void RequirePositive(ValidateOptionsResultBuilder problems, string name, int value)
    {
        if (value <= 0)
        {
            problems.AddError($"{FullName(name)} must be at least 1 (was {value})");
        }
    }

    private static string FullName(string name) => $"{SagaRecoveryOptions.SectionName}:{name}";
}
