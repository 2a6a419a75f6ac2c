using System.Text.Json;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Samples.Tests.Documents;

/// <summary>Holds the blocks of all pages to the compiler or parser of their language.</summary>
public sealed class DocumentTests
{
    private const string WholeFile = "csharp";
    private const string Fragment = "csharp fragment";

    private static readonly IReadOnlyList<DocumentBlock> s_blocks = DocumentBlock.ReadAll();

    private static readonly Dictionary<string, List<DocumentBlock>> s_programs = Programs(s_blocks);

    public static TheoryData<string> ProgramNames => [.. s_programs.Keys];

    [Theory]
    [MemberData(nameof(ProgramNames))]
    public void A_program_compiles_without_a_warning(string program) => DocumentCompiler.Compile(s_programs[program]).Should().BeEmpty();

    [Fact]
    public void The_readme_and_the_guides_have_programs() =>
        s_programs.Keys.Should().Contain(["README.md:24", "docs/getting-started.md shop"]).And.HaveCountGreaterThan(20);

    [Fact]
    public void Every_block_of_code_names_a_language_that_is_checked_or_needs_no_check() =>
        s_blocks.Select(block => block.Fence).Distinct()
            .Should().BeSubsetOf([WholeFile, Fragment, "json", "yaml", "sql", "sh", "ini", ""], "a mistyped name would escape the compiler");

    [Fact]
    public void Every_fragment_parses() =>
        s_blocks.Where(block => block.Fence == Fragment).SelectMany(DocumentCompiler.Parse).Should().BeEmpty();

    [Fact]
    public void Every_block_of_json_parses() => s_blocks.Where(block => block.Fence == "json").SelectMany(JsonFaults).Should().BeEmpty();

    [Fact]
    public void Every_block_of_yaml_parses() => s_blocks.Where(block => block.Fence == "yaml").SelectMany(YamlFaults).Should().BeEmpty();

    /// <summary>The check itself: it would be worth nothing if it let these pass.</summary>
    [Theory]
    [InlineData("int x = \"text\";", "page.md:2: CS0029: ")]
    [InlineData("new SagaRecovery.SagaStartOptions().NoSuchMember();", "page.md:2: CS1061: ")]
    [InlineData("string text = null; Console.WriteLine(text);", "page.md:2: CS8600: ")]
    [InlineData("int unused;", "page.md:2: CS0168: ")]
    public void A_block_that_does_not_compile_is_found(string code, string fault)
    {
        List<DocumentBlock> blocks = [.. DocumentBlock.Read("page.md", ["```csharp", code, "```"])];

        DocumentCompiler.Compile(Programs(blocks)["page.md:2"]).Should().Contain(line => line.StartsWith(fault));
    }

    [Fact]
    public void Blocks_with_one_name_are_one_program_and_a_star_belongs_to_all()
    {
        List<DocumentBlock> blocks =
        [
            .. DocumentBlock.Read("page.md", ["<!-- compile: * -->", "```csharp", "class A;", "```", "```csharp", "class B : A;", "```"]),
            .. DocumentBlock.Read("page.md", ["<!-- compile: c -->", "```csharp", "class C : A;", "```"]),
            .. DocumentBlock.Read("page.md", ["<!-- compile: c -->", "```csharp", "class D : C;", "```"]),
        ];

        Dictionary<string, List<DocumentBlock>> programs = Programs(blocks);

        programs.Keys.Should().BeEquivalentTo("page.md:6", "page.md c");
        programs.Values.SelectMany(DocumentCompiler.Compile).Should().BeEmpty();
    }

    [Fact]
    public void Faulty_json_and_yaml_are_found()
    {
        JsonFaults(new DocumentBlock("page.md", 2, "json", null, null, """{ "a": 1, }""")).Should().ContainSingle();
        YamlFaults(new DocumentBlock("page.md", 2, "yaml", null, null, "a: [1")).Should().ContainSingle();
    }

    private static Dictionary<string, List<DocumentBlock>> Programs(IEnumerable<DocumentBlock> blocks) => blocks
        .Where(block => block.Fence == WholeFile)
        .GroupBy(block => block.Page)
        .SelectMany(page => page
            .Where(block => block.Program != DocumentBlock.EveryProgram)
            .GroupBy(block => block.Program is null ? $"{page.Key}:{block.Line}" : $"{page.Key} {block.Program}")
            .Select(program => (Name: program.Key, Blocks: (List<DocumentBlock>)
            [
                .. program,
                .. program.SelectMany(block => block.ReadOtherFiles()),
                .. page.Where(block => block.Program == DocumentBlock.EveryProgram),
            ])))
        .ToDictionary(program => program.Name, program => program.Blocks);

    private static IEnumerable<string> JsonFaults(DocumentBlock block)
    {
        try
        {
            JsonDocument.Parse(block.Code).Dispose();
            return [];
        }
        catch (JsonException fault)
        {
            return [$"{block.Page}:{block.Line}: {fault.Message}"];
        }
    }

    private static IEnumerable<string> YamlFaults(DocumentBlock block)
    {
        try
        {
            new YamlStream().Load(new StringReader(block.Code));
            return [];
        }
        catch (YamlException fault)
        {
            return [$"{block.Page}:{block.Line}: {fault.Message}"];
        }
    }
}
