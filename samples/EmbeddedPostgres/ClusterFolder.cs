using System.Globalization;
using System.Security.Cryptography;

namespace EmbeddedPostgres;

/// <summary>What lies in the folder of a private cluster, apart from what the server itself keeps in <see cref="Data"/>.</summary>
internal sealed class ClusterFolder(string path)
{
    public const string Host = "127.0.0.1";

    public string Root { get; } = Path.GetFullPath(path);

    /// <summary>The server's own folder.</summary>
    public string Data => Path.Combine(Root, "pgdata");

    /// <summary>Where initdb works: renamed when it is done, so that a crash half-way leaves no half-made cluster.</summary>
    public string UnfinishedData => Path.Combine(Root, "pgdata.unfinished");

    public string ServerLog => Path.Combine(Root, "server.log");

    /// <summary>The password, in the form that psql and Npgsql read: a connection string need not hold it.</summary>
    public string PasswordFile => Path.Combine(Root, "pgpass");

    private string PortFile => Path.Combine(Root, "port");

    public bool HoldsCluster => File.Exists(Path.Combine(Data, "PG_VERSION"));

    /// <summary>
    /// The port that the cluster was last started on. It is kept over restarts, so that connection strings stay good as long as
    /// nobody else takes it meanwhile.
    /// </summary>
    public int? Port
    {
        get => File.Exists(PortFile) && int.TryParse(File.ReadAllText(PortFile), CultureInfo.InvariantCulture, out int port) ? port : null;
        set => File.WriteAllText(PortFile, value?.ToString(CultureInfo.InvariantCulture) + "\n");
    }

    /// <summary>The process that the server says it is; null: it is not running, as far as its folder tells.</summary>
    public int? ServerProcessId
    {
        get
        {
            string file = Path.Combine(Data, "postmaster.pid");
            return File.Exists(file) && int.TryParse(File.ReadLines(file).FirstOrDefault(), CultureInfo.InvariantCulture, out int id) ? id : null;
        }
    }

    /// <summary>After a crash of the machine the file names a process that is another's by now, and keeps the server from starting.</summary>
    public void ForgetServerProcess() => File.Delete(Path.Combine(Data, "postmaster.pid"));

    /// <summary>Makes a password and keeps it for those who may read the folder of this user.</summary>
    public string MakePassword(string superuser)
    {
        string password = RandomNumberGenerator.GetHexString(32, lowercase: true);
        WritePrivate(PasswordFile, $"{Host}:*:*:{superuser}:{password}\n");
        return password;
    }

    public static void WritePrivate(string file, string text)
    {
        var options = new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        }

        using var writer = new StreamWriter(file, options);
        writer.Write(text);
    }

    /// <summary>Keeps two processes from starting the cluster at once. Falls with the process that holds it.</summary>
    public async Task<IDisposable> LockAsync(TimeSpan timeout, CancellationToken cancellationToken)
    {
        string file = Path.Combine(Root, "lock");
        long began = TimeProvider.System.GetTimestamp();
        while (true)
        {
            try
            {
                return new FileStream(file, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException) when (TimeProvider.System.GetElapsedTime(began) < timeout)
            {
                await Task.Delay(50, cancellationToken);
            }
            catch (IOException)
            {
                throw new EmbeddedPostgresException($"Another process is starting or stopping the cluster in {Root}, and does not finish.");
            }
        }
    }

    /// <summary>The end of the server's log, for the message when it does not start.</summary>
    public string LastWords()
    {
        string[] lines = File.Exists(ServerLog) ? File.ReadAllLines(ServerLog) : [];
        return Array.FindLast(lines, line => line.Contains("FATAL", StringComparison.Ordinal)) ?? lines.LastOrDefault() ?? "it logged nothing";
    }
}
