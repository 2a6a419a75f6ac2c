using System.Collections.Immutable;
using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Diagnostics;
using SagaRecovery.Analyzers.Tests.Support;

namespace SagaRecovery.Analyzers.Tests;

/// <summary>Compiles every saga in samples and documents with all rules: no false positive.</summary>
public sealed partial class SamplesTests
{
    /// <summary>Partial methods and properties whose other part a source generator of the real build writes.</summary>
    private static readonly string[] s_generated = ["CS8795", "CS9248"];

    private static readonly ImmutableArray<DiagnosticAnalyzer> s_rules =
    [
        new SagaStateAnalyzer(), new UnstableValueAnalyzer(), new IgnoredTokenAnalyzer(),
        new OutputOrderAnalyzer(), new SagaStartAnalyzer(), new DuplicateSagaAnalyzer(),
    ];

    public static TheoryData<string> Samples => [.. ProjectsBelow("samples")];

    public static TheoryData<string> Programs => [.. ReadPrograms().Keys];

    public static TheoryData<string> Examples => [.. ReadExamples().Keys];

    [Theory]
    [MemberData(nameof(Samples))]
    public async Task A_sample_has_no_diagnostics(string project)
    {
        IEnumerable<string> sources = Directory
            .EnumerateFiles(Path.Combine(Repository.Root, "samples", project), "*.cs", SearchOption.AllDirectories)
            .Where(file => !Path.GetRelativePath(Repository.Root, file).Split(Path.DirectorySeparatorChar).Any(folder => folder is "bin" or "obj"))
            .Select(File.ReadAllText);

        (await CheckAsync(project, [.. sources, GlobalUsings.OfWebProject])).Should().BeEmpty();
    }

    [Theory]
    [MemberData(nameof(Programs))]
    public async Task A_program_in_a_document_has_no_diagnostics(string program) =>
        (await CheckAsync("Document", [ReadPrograms()[program], GlobalUsings.OfWebProject, GlobalUsings.OfTestProject])).Should().BeEmpty();

    /// <summary>The page of the rules: its first example of each is reported, for that rule and no other; its second is not.</summary>
    [Theory]
    [MemberData(nameof(Examples))]
    public async Task An_example_of_a_rule_matches_its_description(string example)
    {
        (string code, string? reported) = ReadExamples()[example];

        IEnumerable<string> ids = (await CheckAsync("Example", [code, ReadSharedExample(), GlobalUsings.OfWebProject])).Select(diagnostic => diagnostic.Id);

        ids.Distinct().Should().Equal(reported is null ? [] : [reported]);
    }

    [Fact]
    public void Each_rule_has_its_examples()
    {
        IEnumerable<string> ids = s_rules.SelectMany(rule => rule.SupportedDiagnostics).Select(rule => rule.Id).Distinct();

        ReadExamples().Keys.Should().Equal(ids.SelectMany(id => new[] { $"{id} reported", $"{id} right" }));
    }

    [Fact]
    public void Each_rule_links_to_its_section()
    {
        string page = File.ReadAllText(Path.Combine(Repository.Root, "docs", "analyzers.md"));

        foreach (DiagnosticDescriptor rule in s_rules.SelectMany(rule => rule.SupportedDiagnostics))
        {
            new Uri(rule.HelpLinkUri).Fragment.Should().Be($"#{rule.Id.ToLowerInvariant()}");
            page.Should().Contain($"\n## {rule.Id}\n").And.Contain(rule.Title.ToString());
        }
    }

    [Fact]
    public void The_samples_contain_sagas_to_check()
    {
        ProjectsBelow("samples").Should().Contain(["ControlPlane", "EntityFramework", "Minimal", "TestingASaga"]);
        ReadPrograms().Keys.Should().Contain(["README.md 1", "docs/testing.md 1"]);
    }

    private static async Task<IReadOnlyList<Diagnostic>> CheckAsync(string name, IEnumerable<string> sources)
    {
        CSharpCompilation compilation = Verify.Compile(name, [.. sources, .. sources.SelectMany(ContractsOf)]);
        if (compilation.SyntaxTrees.Any(tree => tree.GetCompilationUnitRoot().Members.Any(member => member.IsKind(SyntaxKind.GlobalStatement))))
        {
            compilation = compilation.WithOptions(compilation.Options.WithOutputKind(OutputKind.ConsoleApplication));
        }

        // A source that does not bind has no diagnostics under any rule.
        compilation.GetDiagnostics().Where(diagnostic => diagnostic.Severity == DiagnosticSeverity.Error && !s_generated.Contains(diagnostic.Id))
            .Should().BeEmpty();
        return await Verify.AnalyzeAsync(compilation, s_rules);
    }

    /// <summary>Stands in for what the source generator of the real build writes for the JSON contracts of a program.</summary>
    private static IEnumerable<string> ContractsOf(string source) => JsonContext().Matches(source).Select(context => $$"""
        partial class {{context.Groups["name"]}}
        {
            public {{context.Groups["name"]}}() : base(null) { }
            public static {{context.Groups["name"]}} Default { get; } = new();
            protected override System.Text.Json.JsonSerializerOptions? GeneratedSerializerOptions => null;
            public override System.Text.Json.Serialization.Metadata.JsonTypeInfo? GetTypeInfo(System.Type type) => null;
        }
        """);

    [GeneratedRegex(@"partial class (?<name>\w+) : JsonSerializerContext", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 60_000)]
    private static partial Regex JsonContext();

    private static IEnumerable<string> ProjectsBelow(string folder) =>
        Directory.EnumerateFiles(Path.Combine(Repository.Root, folder), "*.csproj", SearchOption.AllDirectories)
            .Select(file => Path.GetFileNameWithoutExtension(file))
            .Order(StringComparer.Ordinal);

    /// <summary>The C# blocks of the documents that define a saga, but for those of the rules' own page.</summary>
    private static Dictionary<string, string> ReadPrograms()
    {
        string[] documents =
        [
            Path.Combine(Repository.Root, "README.md"),
            .. Directory.EnumerateFiles(Path.Combine(Repository.Root, "docs"), "*.md", SearchOption.AllDirectories).Order(StringComparer.Ordinal),
        ];
        return documents
            .Where(document => Path.GetFileName(document) != "analyzers.md")
            .SelectMany(document => Block().Matches(File.ReadAllText(document))
                .Select(block => block.Groups["code"].Value)
                .Where(code => code.Contains(": Saga<", StringComparison.Ordinal))
                .Select((code, index) => (Name: $"{Path.GetRelativePath(Repository.Root, document).Replace('\\', '/')} {index + 1}", Code: code)))
            .ToDictionary(program => program.Name, program => program.Code);
    }

    private static Dictionary<string, (string Code, string? Reported)> ReadExamples() =>
        Example().Matches(File.ReadAllText(Path.Combine(Repository.Root, "docs", "analyzers.md")))
            .ToDictionary(
                example => $"{example.Groups["id"].Value} {example.Groups["kind"].Value}",
                example => (example.Groups["code"].Value, example.Groups["kind"].Value == "reported" ? example.Groups["id"].Value : null));

    /// <summary>The usings and declarations that all examples of the page share.</summary>
    private static string ReadSharedExample() =>
        SharedExample().Match(File.ReadAllText(Path.Combine(Repository.Root, "docs", "analyzers.md"))).Groups["code"].Value;

    [GeneratedRegex("```csharp\n(?<code>.*?)```", RegexOptions.Singleline | RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 60_000)]
    private static partial Regex Block();

    [GeneratedRegex(
        "<!-- (?<id>SAGA[0-9]{3}) (?<kind>reported|right) -->\n```csharp\n(?<code>.*?)```",
        RegexOptions.Singleline | RegexOptions.ExplicitCapture,
        matchTimeoutMilliseconds: 60_000)]
    private static partial Regex Example();

    [GeneratedRegex(
        "<!-- compile: \\* -->\n```csharp\n(?<code>.*?)```",
        RegexOptions.Singleline | RegexOptions.ExplicitCapture,
        matchTimeoutMilliseconds: 60_000)]
    private static partial Regex SharedExample();
}
