using System.Globalization;

namespace EmbeddedPostgres;

/// <summary>Where the server binaries of this machine lie.</summary>
/// <param name="BinFolder">The folder with <c>initdb</c>, <c>pg_ctl</c> and <c>postgres</c>.</param>
public sealed record PostgresBinaries(string BinFolder)
{
    /// <summary>Packages put them here and often not on the PATH. The star stands for a version.</summary>
    private static readonly string[] UsualPlaces =
    [
        "/usr/lib/postgresql/*/bin", // Debian, Ubuntu
        "/usr/pgsql-*/bin", // the PostgreSQL project's packages for Fedora and its kin
        "/opt/homebrew/opt/postgresql@*/bin",
        "/usr/local/opt/postgresql@*/bin",
        "/Applications/Postgres.app/Contents/Versions/*/bin",
    ];

    /// <summary>The full path of one program.</summary>
    public string this[string program] => Path.Combine(BinFolder, program);

    /// <summary>Looks on the PATH, then in the usual places, the newest version first.</summary>
    /// <param name="binFolder">If given, only this folder is looked at.</param>
    /// <exception cref="PostgresNotFoundException">There are none; the message says what to install.</exception>
    public static PostgresBinaries Find(string? binFolder = null)
    {
        IEnumerable<string> folders = binFolder is not null
            ? [binFolder]
            : (Environment.GetEnvironmentVariable("PATH") ?? "")
                .Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
                .Concat(UsualPlaces.SelectMany(Versions));
        return folders.FirstOrDefault(HoldsServer) is { } found
            ? new PostgresBinaries(found)
            : throw new PostgresNotFoundException(
                $"PostgreSQL server binaries were not found{(binFolder is null ? "" : $" in {binFolder}")}. Install them: {InstallCommand}");
    }

    private static string InstallCommand => OperatingSystem.IsMacOS() ? "brew install postgresql" : "apt-get install postgresql";

    private static bool HoldsServer(string folder) =>
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
