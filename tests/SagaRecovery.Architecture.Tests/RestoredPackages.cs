using System.Diagnostics;
using System.Text.Json;
using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace SagaRecovery.Architecture.Tests;

/// <summary>The packages that the projects of the solution restored, transitive ones and analyzers included, and those of the page's tests.</summary>
internal static partial class RestoredPackages
{
    /// <summary>Reads what each package states about its license.</summary>
    /// <returns>The statement of each package, by name and version. It is an SPDX expression, or <c>file NAME</c>, <c>url ADDRESS</c> or <c>none</c>.</returns>
    public static SortedDictionary<string, string> Licenses()
    {
        SortedDictionary<string, string> licenses = new(StringComparer.OrdinalIgnoreCase);
        foreach (string project in Projects())
        {
            Read(Path.Combine(Path.GetDirectoryName(project)!, "obj", "project.assets.json"), licenses);
        }

        ReadNpm(Path.Combine(Repository.Root, "tests", "SagaRecovery.AspNetCore.Tests", "browser", "package-lock.json"), licenses);
        return licenses;
    }

    private static string[] Projects()
    {
        string solution = Path.Combine(Repository.Root, "SagaRecovery.sln");
        string[] projects =
        [
            .. from Match match in ProjectRule().Matches(File.ReadAllText(solution))
               select Path.Combine(Repository.Root, match.Groups["path"].Value.Replace('\\', Path.DirectorySeparatorChar)),
        ];
        if (!projects.All(project => File.Exists(Path.Combine(Path.GetDirectoryName(project)!, "obj", "project.assets.json"))))
        {
            Restore(solution); // this project may be the only one that was built
        }

        return projects;
    }

    private static void Restore(string solution)
    {
        using Process restore = Process.Start(
            new ProcessStartInfo("dotnet", ["restore", solution, "--verbosity", "quiet"]) { UseShellExecute = false, RedirectStandardOutput = true })!;
        string output = restore.StandardOutput.ReadToEnd();
        restore.WaitForExit();
        restore.ExitCode.Should().Be(0, "the restore said: {0}", output);
    }

    private static void Read(string assetsFile, SortedDictionary<string, string> licenses)
    {
        using JsonDocument assets = JsonDocument.Parse(File.ReadAllText(assetsFile));
        string[] folders = [.. assets.RootElement.GetProperty("packageFolders").EnumerateObject().Select(folder => folder.Name)];
        foreach (JsonProperty library in assets.RootElement.GetProperty("libraries").EnumerateObject())
        {
            if (library.Value.GetProperty("type").GetString() == "package")
            {
                string name = library.Name[..library.Name.IndexOf('/')];
                string path = library.Value.GetProperty("path").GetString()!;
                string nuspec = folders.Select(folder => Path.Combine(folder, path, $"{name.ToLowerInvariant()}.nuspec")).First(File.Exists);
                licenses[library.Name] = Statement(XDocument.Load(nuspec));
            }
        }
    }

    private static void ReadNpm(string lockFile, SortedDictionary<string, string> licenses)
    {
        const string Folder = "node_modules/";
        using JsonDocument file = JsonDocument.Parse(File.ReadAllText(lockFile));
        IEnumerable<JsonProperty> packages = file.RootElement.GetProperty("packages").EnumerateObject();
        foreach (JsonProperty package in packages.Where(package => package.Name.StartsWith(Folder, StringComparison.Ordinal)))
        {
            string license = package.Value.TryGetProperty("license", out JsonElement stated) ? stated.GetString()! : "none";
            licenses[$"{package.Name[Folder.Length..]}/{package.Value.GetProperty("version").GetString()}"] = license;
        }
    }

    /// <summary>Returns the license that a package states. The package's format has several namespaces, so that only local names count.</summary>
    private static string Statement(XDocument nuspec)
    {
        XElement? license = Find("license");
        return license?.Attribute("type")?.Value switch
        {
            "expression" => license.Value,
            { } type => $"{type} {license.Value}",
            null => Find("licenseUrl") is { } url ? $"url {url.Value}" : "none",
        };

        XElement? Find(string name) => nuspec.Descendants().FirstOrDefault(element => element.Name.LocalName == name);
    }

    [GeneratedRegex("""= "[^"]+", "(?<path>[^"]+\.csproj)",""", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 60_000)]
    private static partial Regex ProjectRule();
}
