using System.Reflection;

namespace SagaRecovery.Architecture.Tests;

/// <summary>The packages whose types users see.</summary>
internal static class Packages
{
    public static string[] Names { get; } = ["SagaRecovery.Core", "SagaRecovery", "SagaRecovery.Executor", "SagaRecovery.Testing", "SagaRecovery.AspNetCore"];

    /// <summary>Returns the public types of a package, without nested ones.</summary>
    public static IEnumerable<Type> TypesOf(string package) => Assembly.Load(package).GetExportedTypes().Where(type => !type.IsNested);
}
