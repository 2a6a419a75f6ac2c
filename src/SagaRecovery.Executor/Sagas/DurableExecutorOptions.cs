using System.Text.Json;
using Microsoft.Extensions.Options;

namespace SagaRecovery;

/// <summary>
/// How the executor behaves; bound from the configuration section <see cref="SectionName"/> and validated when the host starts.
/// </summary>
public sealed class DurableExecutorOptions
{
    /// <summary><c>SagaRecovery:Executor</c>.</summary>
    public const string SectionName = "SagaRecovery:Executor";

    /// <summary>How many sagas run at once; what comes beyond that waits its turn, first come, first served. Default 1,000.</summary>
    public int MaxRunningSagas { get; set; } = 1_000;

    /// <summary>How many rows (events and state changes) one write to the log may hold. A single step may exceed it. Default 500.</summary>
    public int MaxWriteGroup { get; set; } = 500;

    /// <summary>How many writes to the log may be under way at once, each on a connection of its own. Default 2.</summary>
    public int MaxConcurrentWrites { get; set; } = 2;

    /// <summary>How long a write that failed waits before it is tried again, the first time; doubles. Default 50 ms.</summary>
    public TimeSpan FirstWriteRetryDelay { get; set; } = TimeSpan.FromMilliseconds(50);

    /// <summary>How long a write that keeps failing waits at most between two tries. Default 1 s.</summary>
    public TimeSpan LongestWriteRetryDelay { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>
    /// How parameters and outputs become JSON. Set in code; default <see cref="JsonSerializerDefaults.Web"/>. A change must be able to
    /// read what is stored.
    /// </summary>
    public JsonSerializerOptions Json { get; set; } = new(JsonSerializerDefaults.Web);
}

internal sealed class DurableExecutorOptionsValidator : IValidateOptions<DurableExecutorOptions>
{
    public ValidateOptionsResult Validate(string? name, DurableExecutorOptions options)
    {
        List<string> failures = [];
        AtLeastOne(nameof(options.MaxRunningSagas), options.MaxRunningSagas);
        AtLeastOne(nameof(options.MaxWriteGroup), options.MaxWriteGroup);
        AtLeastOne(nameof(options.MaxConcurrentWrites), options.MaxConcurrentWrites);
        if (options.FirstWriteRetryDelay <= TimeSpan.Zero)
        {
            Fail(nameof(options.FirstWriteRetryDelay), $"must be longer than zero (was {options.FirstWriteRetryDelay})");
        }

        if (options.LongestWriteRetryDelay < options.FirstWriteRetryDelay)
        {
            Fail(
                nameof(options.LongestWriteRetryDelay),
                $"must not be shorter than {nameof(options.FirstWriteRetryDelay)}, {options.FirstWriteRetryDelay} (was {options.LongestWriteRetryDelay})");
        }

        return failures.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(failures);

        void AtLeastOne(string setting, int value)
        {
            if (value < 1)
            {
                Fail(setting, $"must be at least 1 (was {value})");
            }
        }

        void Fail(string setting, string message) => failures.Add($"{DurableExecutorOptions.SectionName}:{setting} {message}");
    }
}
