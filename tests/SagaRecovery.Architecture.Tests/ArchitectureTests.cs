namespace SagaRecovery.Architecture.Tests;

public sealed class ArchitectureTests
{
    private const int MostTypesOfAServiceAuthor = 25;

    public static TheoryData<string> Assemblies => [.. Packages.Names, "SagaRecovery.Cli"];

    [Theory]
    [MemberData(nameof(Assemblies))]
    public void Namespaces_know_each_other_in_one_direction(string assembly) =>
        NamespaceGraph.Of(Path.Combine(AppContext.BaseDirectory, assembly + ".dll")).Circles().Should().BeEmpty();

    [Fact]
    public void Using_SagaRecovery_shows_a_service_author_few_types()
    {
        string[] shown =
        [
            .. from package in Packages.Names
               from type in Packages.TypesOf(package)
               where type.Namespace == "SagaRecovery"
               select type.Name,
        ];

        shown.Should().Contain(nameof(SagaClient)).And.HaveCountLessThanOrEqualTo(MostTypesOfAServiceAuthor, "they are {0}", string.Join(", ", shown));
    }
}
