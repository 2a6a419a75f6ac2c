using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Samples.Tests.Documents;

/// <summary>Compiles blocks as a project with the Web SDK does, against the assemblies that these tests run with.</summary>
internal static class DocumentCompiler
{
    private static readonly CSharpParseOptions s_parse = new(LanguageVersion.Latest, DocumentationMode.None);

    /// <summary>Versions of assemblies that differ and are unified. The SDK does not warn of them either.</summary>
    private static readonly Dictionary<string, ReportDiagnostic> s_unwarned = new(StringComparer.Ordinal)
    {
        ["CS1701"] = ReportDiagnostic.Suppress,
        ["CS1702"] = ReportDiagnostic.Suppress,
    };

    /// <summary>Partial methods whose other part a source generator of the real build writes.</summary>
    private const string Generated = "CS8795";

    private static readonly MetadataReference[] s_references = References();

    /// <summary>Compiles the blocks of one program.</summary>
    /// <returns>All errors and warnings, as <c>page:line: message</c>.</returns>
    public static IReadOnlyList<string> Compile(IReadOnlyCollection<DocumentBlock> program)
    {
        SyntaxTree[] blocks = [.. program.Select(block => CSharpSyntaxTree.ParseText(block.Code, s_parse, block.Page + ":" + block.Line))];
        bool isTest = program.Any(block => block.Code.Contains("[Fact]", StringComparison.Ordinal));
        bool isExecutable = blocks.Any(block => ((CompilationUnitSyntax)block.GetRoot()).Members.Any(SyntaxKind.GlobalStatement));
        var compilation = CSharpCompilation.Create(
            "Document",
            [.. blocks, CSharpSyntaxTree.ParseText(GlobalUsings.OfWebProject + "\n" + (isTest ? GlobalUsings.OfTestProject : ""), s_parse)],
            s_references,
            new CSharpCompilationOptions(
                isExecutable ? OutputKind.ConsoleApplication : OutputKind.DynamicallyLinkedLibrary,
                specificDiagnosticOptions: s_unwarned,
                nullableContextOptions: NullableContextOptions.Enable));
        return
        [
            .. compilation.GetDiagnostics()
                .Where(diagnostic => diagnostic.Severity >= DiagnosticSeverity.Warning && diagnostic.Id != Generated)
                .Select(Describe),
        ];
    }

    /// <summary>Parses a part of a file.</summary>
    /// <returns>All errors of its syntax, as <c>page:line: message</c>.</returns>
    public static IReadOnlyList<string> Parse(DocumentBlock fragment) =>
    [
        .. CSharpSyntaxTree.ParseText(fragment.Code, s_parse.WithKind(SourceCodeKind.Script), fragment.Page + ":" + fragment.Line)
            .GetDiagnostics()
            .Select(Describe),
    ];

    private static string Describe(Diagnostic diagnostic)
    {
        FileLinePositionSpan place = diagnostic.Location.GetLineSpan();
        return place.Path?.Split(':') is [var page, var first] && int.TryParse(first, out int line)
            ? $"{page}:{line + place.StartLinePosition.Line}: {diagnostic.Id}: {diagnostic.GetMessage()}"
            : diagnostic.ToString();
    }

    /// <summary>Returns everything that these tests can load, except for programs and tests: a reader's project has none of their types.</summary>
    private static MetadataReference[] References()
    {
        IEnumerable<string> samples = Directory.EnumerateDirectories(Path.Combine(Repository.Root, "samples")).Select(folder => Path.GetFileName(folder));
        HashSet<string> ours = [.. samples, "Samples.Tests"];
        return
        [
            .. ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator)
                .Where(file => !ours.Contains(Path.GetFileNameWithoutExtension(file)))
                .Select(file => MetadataReference.CreateFromFile(file)),
        ];
    }
}
