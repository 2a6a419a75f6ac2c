using System.Reflection;

namespace SagaRecovery.Hosting;

/// <summary>The version of the running program, from the informational version of its entry assembly.</summary>
internal static class ProgramVersion
{
    public static string? OfThisProcess { get; } =
        Assembly.GetEntryAssembly()?.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion;
}
