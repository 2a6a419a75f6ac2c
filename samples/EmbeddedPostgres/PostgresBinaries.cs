using System.Globalization;

namespace EmbeddedPostgres;

/// <summary>The Postgres server binaries of this machine.</summary>
/// <param name="BinFolder">The folder with <c>initdb</c>, <c>pg_ctl</c> and <c>postgres</c>.</param>
public sealed record PostgresBinaries(string BinFolder)
{
    /// <summary>The install folders of common packages, which are often not on the PATH. The asterisk stands for a version.</summary>
    private static readonly string[] UsualFolders =
    [
        "/usr/lib/postgresql/*/bin", // Debian, Ubuntu
        "/usr/pgsql-*/bin", // the PostgreSQL project's packages for Fedora and related distributions
        "/opt/homebrew/opt/postgresql@*/bin",
        "/usr/local/opt/postgresql@*/bin",
        "/Applications/Postgres.app/Contents/Versions/*/bin",
    ];

    /// <summary>Returns the full path of a program.</summary>
    public string this[string program] => Path.Combine(BinFolder, program);

    /// <summary>Finds the binaries on the PATH or else in the usual folders, newest version first.</summary>
    /// <param name="binFolder">The only folder to search, or null to search the PATH and the usual folders.</param>
    /// <exception cref="PostgresNotFoundException">No binaries were found. The message names the package to install.</exception>
    public static PostgresBinaries Find(string? binFolder = null)
    {
        IEnumerable<string> folders = binFolder is not null
            ? [binFolder]
            : (Environment.GetEnvironmentVariable("PATH") ?? "")
                .Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
                .Concat(UsualFolders.SelectMany(Versions));
        return folders.FirstOrDefault(ContainsServer) is { } found
            ? new PostgresBinaries(found)
            : throw new PostgresNotFoundException(
                $"PostgreSQL server binaries were not found{(binFolder is null ? "" : $" in {binFolder}")}. Install them: {InstallCommand}");
    }

    private static string InstallCommand => OperatingSystem.IsMacOS() ? "brew install postgresql" : "apt-get install postgresql";

    private static bool ContainsServer(string folder) =>
        Array.TrueForAll(["initdb", "pg_ctl", "postgres"], program => File.Exists(Path.Combine(folder, program)));

    private static IEnumerable<string> Versions(string pattern)
    {
        int star = pattern.IndexOf('*', StringComparison.Ordinal);
        string parent = pattern[..(pattern.LastIndexOf('/', star) + 1)];
        string name = pattern[parent.Length..pattern.IndexOf('/', star)];
        string rest = pattern[(parent.Length + name.Length + 1)..];
        return Directory.Exists(parent)
            ? Directory.GetDirectories(parent, name).OrderByDescending(VersionOf).Select(folder => Path.Combine(folder, rest))
            : [];
    }

    private static double VersionOf(string folder)
    {
        string digits = string.Concat(Path.GetFileName(folder).Where(c => char.IsAsciiDigit(c) || c == '.'));
        return double.TryParse(digits, NumberStyles.Float, CultureInfo.InvariantCulture, out double version) ? version : 0;
    }
}
