using System.Text.Json;
using Microsoft.Extensions.Options;

namespace SagaRecovery;

/// <summary>
/// The settings of the durable executor. Bound from the configuration section <see cref="SectionName"/> and validated when the host starts.
/// </summary>
public sealed class DurableExecutorOptions
{
    /// <summary>The name of the configuration section: <c>SagaRecovery:Executor</c>.</summary>
    public const string SectionName = "SagaRecovery:Executor";

    /// <summary>The settings that are durations; see <see cref="DurationFormatValidator{TOptions}"/>.</summary>
    internal static IReadOnlyList<string> Durations { get; } =
    [
        nameof(FirstWriteRetryDelay), nameof(LongestWriteRetryDelay), nameof(StepStopTimeout), nameof(ResultPollingInterval),
    ];

    /// <summary>The maximum number of sagas that run at once. Further sagas wait for a slot.</summary>
    /// <value>A number of sagas, at least 1. The default is 1,000.</value>
    /// <remarks>
    /// New sagas are queued in memory. Of the recovered ones, at most 1,000 are; the others are not loaded before their turn. Both kinds take turns.
    /// A saga with a step that waits for another saga (<see cref="SagaHandle.Completion"/>) does not count meanwhile. It goes on at once when
    /// that saga completes, and then more sagas may run for a moment.
    /// </remarks>
    public int MaxRunningSagas { get; set; } = 1_000;

    /// <summary>The maximum numbers of sagas of single definitions that run at once, by definition name.</summary>
    /// <value>Each at least 1. The default is empty: only <see cref="MaxRunningSagas"/> applies. Names are case-sensitive.</value>
    /// <remarks>
    /// All versions of a definition share its limit. Sagas of other definitions pass the sagas that wait for it. Each name must be that of
    /// a registered definition.
    /// </remarks>
    public Dictionary<string, int> MaxRunningSagasByDefinition { get; } = new(StringComparer.Ordinal);

    /// <summary>The maximum number of rows, events and state changes together, in one write to the log.</summary>
    /// <value>A number of rows, at least 1. The default is 500.</value>
    /// <remarks>A single step may exceed the limit, since its rows are written together.</remarks>
    public int MaxWriteGroup { get; set; } = 500;

    /// <summary>The maximum size of one write to the log, in bytes of JSON.</summary>
    /// <value>A number of bytes, at least 1. The default is 4 MiB.</value>
    /// <remarks>A single step may exceed the limit, since its rows are written together.</remarks>
    public int MaxWriteGroupBytes { get; set; } = 4 * 1024 * 1024;

    /// <summary>The maximum size of the output of one node, in bytes of JSON.</summary>
    /// <value>A number of bytes, at least 1. The default is 1 MiB.</value>
    /// <remarks>A larger output interrupts its saga, and nothing is lost: recovery retries the saga, which continues when the limit is raised.</remarks>
    public int MaxOutputBytes { get; set; } = 1024 * 1024;

    /// <summary>The maximum number of concurrent writes to the log. Each uses a separate connection.</summary>
    /// <value>A number of writes, at least 1. The default is 2.</value>
    public int MaxConcurrentWrites { get; set; } = 2;

    /// <summary>The delay before the first retry of a failed write. It doubles with every further failure.</summary>
    /// <value>A positive time. The default is 50 milliseconds.</value>
    public TimeSpan FirstWriteRetryDelay { get; set; } = TimeSpan.FromMilliseconds(50);

    /// <summary>The longest delay between two retries of a failed write.</summary>
    /// <value>A time of at least <see cref="FirstWriteRetryDelay"/>. The default is 1 second.</value>
    public TimeSpan LongestWriteRetryDelay { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>The time that a step has to end after its token has fired.</summary>
    /// <value>A positive time, at most one day. The default is 10 seconds.</value>
    /// <remarks>
    /// A step that takes longer counts as hung, and costs its own saga only: its slot is freed, a shutdown no longer waits for it, and the next
    /// run of its saga in this process ends and is tried again until the step has ended. A shutdown waits for less if
    /// <c>HostOptions.ShutdownTimeout</c> would leave no time to reassign sagas.
    /// </remarks>
    public TimeSpan StepStopTimeout { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>The time between two queries for the ends of sagas that callers of this process await and other processes may run.</summary>
    /// <value>A positive time, at most one minute. The default is 200 milliseconds.</value>
    /// <remarks>All waits of the process share one query. Without a wait there is none, and an end in this process needs none.</remarks>
    public TimeSpan ResultPollingInterval { get; set; } = TimeSpan.FromMilliseconds(200);

    /// <summary>The options for the JSON of parameters and outputs. Set in code only.</summary>
    /// <value>The default is <see cref="JsonSerializerDefaults.Web"/>.</value>
    /// <remarks>
    /// Changed options must still read the JSON that is already stored. In a program without reflection-based JSON, such as one published with Native
    /// AOT, add the generated contracts of all parameters and outputs: <c>options.Json.TypeInfoResolverChain.Add(MyContext.Default)</c>.
    /// </remarks>
    public JsonSerializerOptions Json { get; set; } = new(JsonSerializerDefaults.Web);
}

internal sealed class DurableExecutorOptionsValidator : IValidateOptions<DurableExecutorOptions>
{
    /// <summary>Refuses a limit for a definition that is not registered. The options are validated earlier, without the definitions.</summary>
    /// <exception cref="OptionsValidationException">A name is not that of a registered definition.</exception>
    public static void ThrowIfLimitsUnknown(DurableExecutorOptions options, IEnumerable<string> registered)
    {
        HashSet<string> known = [.. registered];
        string[] failures =
        [
            .. options.MaxRunningSagasByDefinition.Keys.Where(name => !known.Contains(name)).Select(name =>
                $"{DurableExecutorOptions.SectionName}:{nameof(options.MaxRunningSagasByDefinition)}:{name} names no registered definition. "
                + $"Registered are: {string.Join(", ", known.Order(StringComparer.Ordinal))}. Names are case-sensitive."),
        ];
        if (failures.Length > 0)
        {
            throw new OptionsValidationException(Options.DefaultName, typeof(DurableExecutorOptions), failures);
        }
    }

    public ValidateOptionsResult Validate(string? name, DurableExecutorOptions options)
    {
        List<string> failures = [];
        AtLeastOne(nameof(options.MaxRunningSagas), options.MaxRunningSagas);
        foreach ((string definition, int limit) in options.MaxRunningSagasByDefinition)
        {
            AtLeastOne($"{nameof(options.MaxRunningSagasByDefinition)}:{definition}", limit);
        }

        AtLeastOne(nameof(options.MaxWriteGroup), options.MaxWriteGroup);
        AtLeastOne(nameof(options.MaxWriteGroupBytes), options.MaxWriteGroupBytes);
        AtLeastOne(nameof(options.MaxOutputBytes), options.MaxOutputBytes);
        AtLeastOne(nameof(options.MaxConcurrentWrites), options.MaxConcurrentWrites);
        if (options.FirstWriteRetryDelay <= TimeSpan.Zero)
        {
            Fail(nameof(options.FirstWriteRetryDelay), $"must be longer than zero (was {options.FirstWriteRetryDelay})");
        }

        if (options.StepStopTimeout <= TimeSpan.Zero || options.StepStopTimeout > TimeSpan.FromDays(1))
        {
            Fail(nameof(options.StepStopTimeout), $"must be longer than zero and at most one day (was {options.StepStopTimeout})");
        }

        if (options.ResultPollingInterval <= TimeSpan.Zero || options.ResultPollingInterval > TimeSpan.FromMinutes(1))
        {
            Fail(nameof(options.ResultPollingInterval), $"must be longer than zero and at most one minute (was {options.ResultPollingInterval})");
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
