using System.Runtime.Loader;
using System.Text;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Text;

namespace SagaRecovery.Testing.Tests.Exploration;

/// <summary>
/// The code of one project with a rule broken on purpose: its sources with a few lines changed, compiled in memory. The explorer is
/// loaded a second time beside it, so that it explores the broken code in place of the right one.
/// </summary>
/// <param name="project">The project, below src.</param>
/// <param name="changes">The changes; each of the lines must occur in its file once.</param>
internal sealed class BrokenCode(string project, params IReadOnlyList<(string File, string Right, string Broken)> changes)
{
    private const string Implied =
        """
        global using System;
        global using System.Collections.Generic;
        global using System.IO;
        global using System.Linq;
        global using System.Threading;
        global using System.Threading.Tasks;
        [assembly: System.Runtime.CompilerServices.InternalsVisibleTo("SagaRecovery.Testing.Tests")]
        """;

    private string Folder => Path.Combine(Repository.Root, "src", project);

    /// <summary>Explores it.</summary>
    /// <param name="bounds">The name of a property of <see cref="KnownBounds"/>.</param>
    /// <param name="promise">The promise whose violation is searched for.</param>
    /// <returns>The counterexample; null: none was found.</returns>
    public Task<string?> ExploreAsync(string bounds, Promise promise)
    {
        var beside = new Beside(project, Compile());
        Type explorer = beside.LoadFromAssemblyName(typeof(Explorer).Assembly.GetName()).GetType(typeof(Explorer).FullName!, throwOnError: true)!;
        return (Task<string?>)explorer.GetMethod(nameof(Explorer.FindCounterexampleAsync))!.Invoke(obj: null, [bounds, promise.ToString()])!;
    }

    private byte[] Compile()
    {
        IEnumerable<SyntaxTree> sources = Directory.EnumerateFiles(Folder, "*.cs", SearchOption.AllDirectories)
            .Where(file => !Path.GetRelativePath(Folder, file).StartsWith("obj", StringComparison.Ordinal))
            .Select(file => Parse(Changed(Path.GetFileName(file), File.ReadAllText(file))));
        IEnumerable<string> assemblies = ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator);
        var compilation = CSharpCompilation.Create(
            project,
            [Parse(Implied), .. sources],
            assemblies.Where(file => Path.GetFileNameWithoutExtension(file) != project).Select(file => MetadataReference.CreateFromFile(file)),
            new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary, nullableContextOptions: NullableContextOptions.Enable));
        using var assembly = new MemoryStream();
        compilation.Emit(assembly).Diagnostics.Where(diagnostic => diagnostic.Severity == DiagnosticSeverity.Error)
            .Should().BeEmpty("code that is broken on purpose compiles");
        return assembly.ToArray();
    }

    private string Changed(string file, string text)
    {
        foreach ((string _, string right, string broken) in changes.Where(change => change.File == file))
        {
            text.Split(right).Should().HaveCount(2, "'{0}' occurs in {1} once, or this test breaks other code than intended", right, file);
            text = text.Replace(right, broken, StringComparison.Ordinal);
        }

        return text;
    }

    private static SyntaxTree Parse(string text) =>
        CSharpSyntaxTree.ParseText(SourceText.From(text, Encoding.UTF8), new CSharpParseOptions(LanguageVersion.Preview));

    /// <summary>Our own assemblies once more, one of them broken; all others are shared.</summary>
    private sealed class Beside(string project, byte[] broken) : AssemblyLoadContext($"broken {project}")
    {
        protected override System.Reflection.Assembly? Load(System.Reflection.AssemblyName assemblyName)
        {
            if (assemblyName.Name == project)
            {
                return LoadFromStream(new MemoryStream(broken));
            }

            return assemblyName.Name!.StartsWith("SagaRecovery", StringComparison.Ordinal)
                ? LoadFromAssemblyPath(Path.Combine(AppContext.BaseDirectory, assemblyName.Name + ".dll"))
                : null;
        }
    }
}
