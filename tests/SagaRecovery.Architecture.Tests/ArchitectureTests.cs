using System.Reflection;

namespace SagaRecovery.Architecture.Tests;

public sealed class ArchitectureTests
{
    private const int MostTypesOfAServiceAuthor = 25;

    private static readonly string[] s_packages = ["SagaRecovery.Core", "SagaRecovery", "SagaRecovery.Executor", "SagaRecovery.Testing", "SagaRecovery.AspNetCore"];

    public static TheoryData<string> Assemblies => [.. s_packages, "SagaRecovery.Cli"];

    [Theory]
    [MemberData(nameof(Assemblies))]
    public void Namespaces_know_each_other_in_one_direction(string assembly) =>
        NamespaceGraph.Of(Path.Combine(AppContext.BaseDirectory, assembly + ".dll")).Circles().Should().BeEmpty();

    [Fact]
    public void Using_SagaRecovery_shows_a_service_author_few_types()
    {
        string[] shown =
        [
            .. from package in s_packages
               from type in Assembly.Load(package).GetExportedTypes()
               where type is { Namespace: "SagaRecovery", IsNested: false }
               select type.Name,
        ];

        shown.Should().Contain(nameof(SagaClient)).And.HaveCountLessThanOrEqualTo(MostTypesOfAServiceAuthor, "they are {0}", string.Join(", ", shown));
    }
}
