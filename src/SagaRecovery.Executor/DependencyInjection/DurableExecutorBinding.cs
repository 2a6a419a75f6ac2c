using Microsoft.Extensions.Configuration;

namespace SagaRecovery.Executor;

/// <summary>
/// Reads the settings of the executor from the configuration. Each is named here, since code that is generated for the whole class would also bind
/// <see cref="DurableExecutorOptions.Json"/>, which is set in code only.
/// </summary>
internal static class DurableExecutorBinding
{
    public static void Bind(DurableExecutorOptions options, IConfiguration configuration)
    {
        IConfigurationSection section = configuration.GetSection(DurableExecutorOptions.SectionName);
        options.MaxRunningSagas = section.GetValue(nameof(options.MaxRunningSagas), options.MaxRunningSagas);
        section.GetSection(nameof(options.MaxRunningSagasByDefinition)).Bind(options.MaxRunningSagasByDefinition);
        options.MaxWriteGroup = section.GetValue(nameof(options.MaxWriteGroup), options.MaxWriteGroup);
        options.MaxWriteGroupBytes = section.GetValue(nameof(options.MaxWriteGroupBytes), options.MaxWriteGroupBytes);
        options.MaxOutputBytes = section.GetValue(nameof(options.MaxOutputBytes), options.MaxOutputBytes);
        options.MaxConcurrentWrites = section.GetValue(nameof(options.MaxConcurrentWrites), options.MaxConcurrentWrites);
        options.FirstWriteRetryDelay = section.GetValue(nameof(options.FirstWriteRetryDelay), options.FirstWriteRetryDelay);
        options.LongestWriteRetryDelay = section.GetValue(nameof(options.LongestWriteRetryDelay), options.LongestWriteRetryDelay);
        options.StepStopTimeout = section.GetValue(nameof(options.StepStopTimeout), options.StepStopTimeout);
        options.ResultPollingInterval = section.GetValue(nameof(options.ResultPollingInterval), options.ResultPollingInterval);
    }
}
