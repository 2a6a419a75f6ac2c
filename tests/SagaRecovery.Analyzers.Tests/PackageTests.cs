using System.Diagnostics;
using System.IO.Compression;
using System.Reflection;
using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;

namespace SagaRecovery.Analyzers.Tests;

/// <summary>The rules reach the users of the executor's package.</summary>
public sealed class PackageTests
{
    private static string Configuration { get; } =
        typeof(PackageTests).Assembly.GetCustomAttribute<AssemblyConfigurationAttribute>()!.Configuration;

    [Fact]
    public async Task The_package_holds_the_analyzers_and_depends_on_nothing_of_theirs()
    {
        string folder = Directory.CreateTempSubdirectory("saga-recovery-package-").FullName;
        try
        {
            await PackAsync(folder);

            string package = Directory.EnumerateFiles(folder, "*.nupkg").Should().ContainSingle().Subject;
            await using ZipArchive archive = await ZipFile.OpenReadAsync(package);
            archive.Entries.Select(entry => entry.FullName).Where(name => name.EndsWith(".dll", StringComparison.Ordinal)).Should().BeEquivalentTo(
                "lib/net10.0/SagaRecovery.Executor.dll",
                "analyzers/dotnet/cs/SagaRecovery.Analyzers.dll",
                "analyzers/dotnet/cs/SagaRecovery.Analyzers.CodeFixes.dll");
            using var manifest = new StreamReader(await archive.GetEntry("SagaRecovery.Executor.nuspec")!.OpenAsync());
            (await manifest.ReadToEndAsync()).Should().NotContain("SagaRecovery.Analyzers").And.NotContain("CodeAnalysis");
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>The command-line compiler has no workspaces, and a compiler loads only what was built against its version or an older one.</summary>
    [Theory]
    [InlineData(typeof(SagaStateAnalyzer), false)]
    [InlineData(typeof(CodeFixes.PassTokenFix), true)]
    public void The_assemblies_reference_an_old_compiler(Type type, bool workspaces)
    {
        using var file = new PEReader(File.OpenRead(type.Assembly.Location));
        MetadataReader metadata = file.GetMetadataReader();
        Dictionary<string, Version> references = metadata.AssemblyReferences
            .Select(metadata.GetAssemblyReference)
            .ToDictionary(reference => metadata.GetString(reference.Name), reference => reference.Version);

        references["Microsoft.CodeAnalysis"].Should().Be(new Version(4, 14, 0, 0));
        references.ContainsKey("Microsoft.CodeAnalysis.Workspaces").Should().Be(workspaces);
    }

    private static async Task PackAsync(string folder)
    {
        var start = new ProcessStartInfo("dotnet")
        {
            ArgumentList =
            {
                "pack", Path.Combine(Repository.Root, "src", "SagaRecovery.Executor"), "-c", Configuration, "--no-build", "-o", folder,
            },
            Environment = { ["MSBUILDDISABLENODEREUSE"] = "1", ["DOTNET_CLI_TELEMETRY_OPTOUT"] = "1" },
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using Process pack = Process.Start(start)!;
        Task<string> errors = pack.StandardError.ReadToEndAsync();
        string output = await pack.StandardOutput.ReadToEndAsync();
        await pack.WaitForExitAsync();
        pack.ExitCode.Should().Be(0, "{0}{1}", output, await errors);
    }
}
