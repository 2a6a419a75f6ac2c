namespace SagaRecovery.Architecture.Tests;

/// <summary>Each namespace of the packages opens with a page that names its public types.</summary>
public sealed class NamespacePageTests
{
    public static TheoryData<string> Folders =>
        [.. Packages.Names.SelectMany(package => Packages.TypesOf(package).Select(type => FolderOf(package, type))).OfType<string>().Distinct()];

    [Theory]
    [MemberData(nameof(Folders))]
    public void A_namespace_has_a_page_that_names_each_of_its_public_types(string folder)
    {
        string page = File.ReadAllText(Path.Combine(Repository.Root, folder, "README.md"));

        IEnumerable<string> names =
            from package in Packages.Names
            from type in Packages.TypesOf(package)
            where FolderOf(package, type) == folder
            select type.Name.Split('`')[0];

        names.Should().NotBeEmpty().And.AllSatisfy(name => page.Should().Contain($"`{name}"));
    }

    /// <summary>The folder of a namespace below that of its package; null for types at the root, which the README and the docs introduce.</summary>
    private static string? FolderOf(string package, Type type)
    {
        string folder = type.Namespace!.Split('.')[^1];
        string path = Path.Combine("src", package, folder);
        return type.Namespace != package && Directory.Exists(Path.Combine(Repository.Root, path)) ? path : null;
    }
}
