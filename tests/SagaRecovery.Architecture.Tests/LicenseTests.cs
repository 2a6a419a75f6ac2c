namespace SagaRecovery.Architecture.Tests;

/// <summary>The licenses of all packages that the repository uses: permissive ones, or such that bind only changes of the package itself.</summary>
public sealed class LicenseTests
{
    private const string Mit = "MIT";
    private const string Lgpl = "LGPL-3.0";
    private const string NetLibrary = "the .NET library license of Microsoft";

    private static readonly string[] s_allowed = [Mit, "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "PostgreSQL", "MS-PL", "MPL-2.0", Lgpl, NetLibrary];

    /// <summary>
    /// What packages without an SPDX expression are licensed under, as read in the file or at the address that they name. A new version is
    /// read again.
    /// </summary>
    private static readonly Dictionary<string, (string Statement, string License)> s_read = new(StringComparer.OrdinalIgnoreCase)
    {
        ["CommandLineParser/2.9.1"] = ("file License.md", Mit),

        // Only the benchmarks that compare with them ask for these, and nothing ships them.
        ["Hangfire.Core/1.8.25"] = ("file LICENSE.md", Lgpl),
        ["Hangfire.PostgreSql/1.21.1"] = ("file LICENSE.md", Lgpl),
        ["Microsoft.DotNet.PlatformAbstractions/3.1.6"] = ("file LICENSE.TXT", Mit),

        // Not MIT, but free to use and to pass on with a program. It holds no code: only the analyzers' build asks for it, and nothing ships it.
        ["Microsoft.NETCore.Platforms/1.1.0"] = ("url http://go.microsoft.com/fwlink/?LinkId=329770", NetLibrary),
        ["NETStandard.Library/2.0.3"] = ("url https://github.com/dotnet/standard/blob/master/LICENSE.TXT", Mit),
        ["System.Buffers/4.5.1"] = ("url https://github.com/dotnet/corefx/blob/master/LICENSE.TXT", Mit),
        ["System.Memory/4.5.5"] = ("url https://github.com/dotnet/corefx/blob/master/LICENSE.TXT", Mit),
        ["System.Numerics.Vectors/4.5.0"] = ("url https://github.com/dotnet/corefx/blob/master/LICENSE.TXT", Mit),
        ["System.Threading.Tasks.Extensions/4.5.4"] = ("url https://github.com/dotnet/corefx/blob/master/LICENSE.TXT", Mit),
    };

    private readonly SortedDictionary<string, string> _stated = RestoredPackages.Licenses();

    [Fact]
    public void Every_package_has_an_allowed_license() =>
        _stated.Where(package => !s_allowed.Contains(LicenseOf(package.Key, package.Value))).Should().BeEmpty(
            "an allowed license is one of {0}; the table in LicenseTests names the license of a package that states a file or an address", s_allowed);

    [Fact]
    public void The_packages_of_the_library_and_of_the_tests_are_read() =>
        _stated.Keys.Select(package => package[..package.IndexOf('/')]).Should().Contain(
            ["Npgsql", "Dapper", "Serilog", "FluentAssertions", "Meziantou.Analyzer", "axe-core"]);

    [Fact]
    public void The_table_names_only_packages_that_are_used() => s_read.Keys.Should().BeSubsetOf(_stated.Keys);

    private static string LicenseOf(string package, string statement) =>
        s_read.TryGetValue(package, out (string Statement, string License) read) && read.Statement == statement ? read.License : statement;
}
