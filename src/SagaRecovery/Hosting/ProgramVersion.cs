using System.Reflection;

namespace SagaRecovery.Hosting;

/// <summary>The version of the program that this process runs, as its assembly says.</summary>
internal static class ProgramVersion
{
    public static string? OfThisProcess { get; } =
        Assembly.GetEntryAssembly()?.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion;
}
