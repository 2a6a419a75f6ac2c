using System.Globalization;
using System.Security.Cryptography;

namespace EmbeddedPostgres;

/// <summary>The files in the folder of a private cluster, except those of the server itself in <see cref="Data"/>.</summary>
internal sealed class ClusterFolder(string path)
{
    public const string Host = "127.0.0.1";

    public string Root { get; } = Path.GetFullPath(path);

    /// <summary>The data folder of the server.</summary>
    public string Data => Path.Combine(Root, "pgdata");

    /// <summary>The folder in which initdb works. It is renamed at the end, so that a crash leaves no partial cluster.</summary>
    public string UnfinishedData => Path.Combine(Root, "pgdata.unfinished");

    public string ServerLog => Path.Combine(Root, "server.log");

    /// <summary>The password file for psql and Npgsql, which keeps the password out of connection strings.</summary>
    public string PasswordFile => Path.Combine(Root, "pgpass");

    private string PortFile => Path.Combine(Root, "port");

    public bool HoldsCluster => File.Exists(Path.Combine(Data, "PG_VERSION"));

    /// <summary>
    /// The port of the last start, or null if the cluster was never started. It is reused on restarts, so that connection strings stay
    /// valid unless another process takes it.
    /// </summary>
    public int? Port
    {
        get => File.Exists(PortFile) && int.TryParse(File.ReadAllText(PortFile), CultureInfo.InvariantCulture, out int port) ? port : null;
        set => File.WriteAllText(PortFile, value?.ToString(CultureInfo.InvariantCulture) + "\n");
    }

    /// <summary>The process id in the server's pid file, or null if there is none.</summary>
    public int? ServerProcessId
    {
        get
        {
            string file = Path.Combine(Data, "postmaster.pid");
            return File.Exists(file) && int.TryParse(File.ReadLines(file).FirstOrDefault(), CultureInfo.InvariantCulture, out int id) ? id : null;
        }
    }

    /// <summary>Deletes the pid file. After a crash of the machine it names a foreign process and prevents the server from starting.</summary>
    public void DeleteStalePidFile() => File.Delete(Path.Combine(Data, "postmaster.pid"));

    /// <summary>Creates a password and stores it in a file that only this user can read.</summary>
    public string CreatePassword(string superuser)
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

    /// <summary>Acquires the lock that keeps two processes from starting the cluster at once. It is released when its process ends.</summary>
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
                throw new EmbeddedPostgresException($"Another process is starting or stopping the cluster in {Root} and has not finished in time.");
            }
        }
    }

    /// <summary>Returns the last FATAL line of the server's log, or else its last line, for the error message of a failed start.</summary>
    public string LastLogLine()
    {
        string[] lines = File.Exists(ServerLog) ? File.ReadAllLines(ServerLog) : [];
        return Array.FindLast(lines, line => line.Contains("FATAL", StringComparison.Ordinal)) ?? lines.LastOrDefault() ?? "it logged nothing";
    }
}
