using System.Collections.Immutable;
using Microsoft.CodeAnalysis;

namespace SagaRecovery.Analyzers.Tests.Support;

/// <summary>The references of the compiled sources: all assemblies of these tests, the library and the samples' packages included.</summary>
internal static class References
{
    public static ImmutableArray<MetadataReference> All { get; } =
    [
        .. ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!)
            .Split(Path.PathSeparator)
            .Where(path => !IsSample(path))
            .Select(path => MetadataReference.CreateFromFile(path)),
    ];

    /// <summary>The samples are compiled from their sources.</summary>
    private static bool IsSample(string path) => Path.GetFileNameWithoutExtension(path) is "ControlPlane" or "Blast" or "SagaRecovery.Analyzers.Tests";
}
