using System.Collections.Immutable;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CodeFixes;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Testing;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Testing;

namespace SagaRecovery.Analyzers.Tests.Support;

/// <summary>
/// Compiles sources against the real library and holds what a rule reports to the marks in them: <c>{|SAGA001:code|}</c>.
/// </summary>
internal static class Verify
{
    private const string Usings =
        """
        global using System;
        global using System.Collections.Concurrent;
        global using System.Collections.Generic;
        global using System.IO;
        global using System.Linq;
        global using System.Threading;
        global using System.Threading.Tasks;
        global using SagaRecovery;
        global using SagaRecovery.Coordinators;
        global using SagaRecovery.Execution;
        global using SagaRecovery.Fencing;
        global using SagaRecovery.Storage;
        """;

    /// <summary>The external system that the sources call.</summary>
    private const string World =
        """
        public interface ICloud
        {
            Task MakeAsync(Guid key, string what, CancellationToken cancellationToken = default);
            Task<string> AllocateAsync(string what, CancellationToken cancellationToken = default);
            Task<Guid> CreateAsync(Guid key);
            Task<int> StoreAsync(object row);
            Task StampAsync(DateTimeOffset time);
            Task ChooseAsync(int number);
            void Send(object message);
            string Format(object value);
        }
        """;

    public static Task ReportsAsync<TAnalyzer>(string source, params string[] others)
        where TAnalyzer : DiagnosticAnalyzer, new()
    {
        var test = new AnalyzerTest<TAnalyzer> { MarkupOptions = MarkupOptions.UseFirstDescriptor }; // SAGA005 has two, which differ in their message
        AddSources(test.TestState, source, others);
        return test.RunAsync();
    }

    /// <summary>As <see cref="ReportsAsync"/>, with the message: the mark is a number, <c>{|#0:code|}</c>.</summary>
    public static Task ReportsMessageAsync<TAnalyzer>(string source, DiagnosticResult expected)
        where TAnalyzer : DiagnosticAnalyzer, new()
    {
        var test = new AnalyzerTest<TAnalyzer>();
        AddSources(test.TestState, source, []);
        test.ExpectedDiagnostics.Add(expected);
        return test.RunAsync();
    }

    public static DiagnosticResult Diagnostic(DiagnosticDescriptor rule, int mark, params object[] arguments) =>
        new DiagnosticResult(rule).WithLocation(mark).WithArguments(arguments).WithOptions(DiagnosticOptions.IgnoreAdditionalLocations);

    /// <summary>As <see cref="ReportsAsync"/>, for code that is being typed: it need not compile.</summary>
    public static Task ReportsWhileTypingAsync<TAnalyzer>(string source)
        where TAnalyzer : DiagnosticAnalyzer, new()
    {
        var test = new AnalyzerTest<TAnalyzer> { CompilerDiagnostics = CompilerDiagnostics.None };
        AddSources(test.TestState, source, []);
        return test.RunAsync();
    }

    /// <summary>As <see cref="ReportsWhileTypingAsync"/>, but ignores the diagnostics: the rule must not fail (AD0001).</summary>
    public static async Task BreaksNothingAsync<TAnalyzer>(string source)
        where TAnalyzer : DiagnosticAnalyzer, new()
    {
        CSharpCompilation compilation = Compile("HalfTyped", [source, Usings, World]);
        IReadOnlyList<Diagnostic> reported = await AnalyzeAsync(compilation, [new TAnalyzer()]);
        reported.Should().NotContain(diagnostic => diagnostic.Id == "AD0001");
    }

    /// <summary>Compiles sources against everything that these tests reference.</summary>
    public static CSharpCompilation Compile(string name, IEnumerable<string> sources) => CSharpCompilation.Create(
        name,
        sources.Select((source, index) => CSharpSyntaxTree.ParseText(source, Latest, path: $"{name}{index}.cs")),
        References.All,
        Nullable);

    /// <summary>The diagnostics of the rules, in the order of the code; a rule that fails is reported as AD0001.</summary>
    public static async Task<IReadOnlyList<Diagnostic>> AnalyzeAsync(CSharpCompilation compilation, ImmutableArray<DiagnosticAnalyzer> rules)
    {
        ImmutableArray<Diagnostic> diagnostics = await compilation.WithAnalyzers(rules).GetAnalyzerDiagnosticsAsync();
        return [.. diagnostics.OrderBy(diagnostic => diagnostic.Location.GetLineSpan().Path, StringComparer.Ordinal)
            .ThenBy(diagnostic => diagnostic.Location.SourceSpan.Start)];
    }

    /// <summary>Compiles without the library.</summary>
    public static Task ReportsNothingAloneAsync<TAnalyzer>(string source)
        where TAnalyzer : DiagnosticAnalyzer, new()
    {
        var test = new AnalyzerTest<TAnalyzer>();
        test.TestState.Sources.Add(source);
        test.TestState.AdditionalReferences.Clear();
        test.TestState.AdditionalReferences.AddRange(References.All.Where(
            reference => reference.Display?.Contains("SagaRecovery", StringComparison.Ordinal) != true));
        return test.RunAsync();
    }

    public static Task FixesAsync<TAnalyzer, TFix>(string source, string @fixed)
        where TAnalyzer : DiagnosticAnalyzer, new()
        where TFix : CodeFixProvider, new()
    {
        var test = new FixTest<TAnalyzer, TFix> { MarkupOptions = MarkupOptions.UseFirstDescriptor };
        AddSources(test.TestState, source, []);
        AddSources(test.FixedState, @fixed, []);
        return test.RunAsync();
    }

    /// <summary>A saga class around the body of <c>Define</c> and other members.</summary>
    public static string Saga(string define, string members = "") =>
        $$"""
        internal sealed record Request(string Name);

        internal sealed class TestSaga(ICloud cloud) : Saga<Request>
        {
            public override string Name => "test";

            protected override void Define(SagaBuilder<Request> saga)
            {
                {{define.ReplaceLineEndings("\n        ")}}
            }

            {{members.ReplaceLineEndings("\n    ")}}

            private ICloud Cloud => cloud;
        }
        """;

    private static void AddSources(SolutionState state, string source, string[] others)
    {
        foreach (string each in (string[])[source, .. others, Usings, World])
        {
            state.Sources.Add(each);
        }

        state.AdditionalReferences.AddRange(References.All);
    }

    private sealed class AnalyzerTest<TAnalyzer> : CSharpAnalyzerTest<TAnalyzer, DefaultVerifier>
        where TAnalyzer : DiagnosticAnalyzer, new()
    {
        public AnalyzerTest() => ReferenceAssemblies = Nothing;

        protected override ParseOptions CreateParseOptions() => Latest;

        protected override CompilationOptions CreateCompilationOptions() => Nullable;
    }

    private sealed class FixTest<TAnalyzer, TFix> : CSharpCodeFixTest<TAnalyzer, TFix, DefaultVerifier>
        where TAnalyzer : DiagnosticAnalyzer, new()
        where TFix : CodeFixProvider, new()
    {
        public FixTest() => ReferenceAssemblies = Nothing;

        protected override ParseOptions CreateParseOptions() => Latest;

        protected override CompilationOptions CreateCompilationOptions() => Nullable;
    }

    /// <summary>All references are given: nothing is downloaded.</summary>
    private static ReferenceAssemblies Nothing { get; } = new("net10.0");

    private static CSharpParseOptions Latest { get; } = new(LanguageVersion.Latest, DocumentationMode.Diagnose);

    private static CSharpCompilationOptions Nullable { get; } =
        new(OutputKind.DynamicallyLinkedLibrary, nullableContextOptions: NullableContextOptions.Enable);
}
