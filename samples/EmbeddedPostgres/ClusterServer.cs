using System.Diagnostics;

namespace EmbeddedPostgres;

/// <summary>Creates, starts and stops the server of one folder. The caller must hold the folder's lock.</summary>
internal sealed class ClusterServer(ClusterFolder folder, ClusterOptions options)
{
    private readonly ServerCommands _commands = new(PostgresBinaries.Find(options.BinFolder), options.Timeout);

    private string Seconds => $"{options.Timeout.TotalSeconds:F0}";

    public async Task CreateAsync(CancellationToken cancellationToken)
    {
        if (Directory.Exists(folder.UnfinishedData))
        {
            Directory.Delete(folder.UnfinishedData, recursive: true);
        }

        await _commands.ChangeOwnerAsync(folder.Root, cancellationToken);
        string passwordForInitdb = Path.Combine(folder.Root, "initdb-password");
        ClusterFolder.WritePrivate(passwordForInitdb, folder.CreatePassword(options.Superuser));
        await _commands.ChangeOwnerAsync(passwordForInitdb, cancellationToken);
        string[] initdb =
        [
            "-D", folder.UnfinishedData, "-U", options.Superuser, "--pwfile", passwordForInitdb, "-A", "scram-sha-256",
            "--no-sync", "--locale=C", "--encoding=UTF8",
        ];
        CommandResult created = await _commands.RunAsync("initdb", initdb, cancellationToken);
        File.Delete(passwordForInitdb);
        if (created.ExitCode != 0)
        {
            throw new EmbeddedPostgresException($"Could not create a cluster in {folder.Root}: {created.Output.ReplaceLineEndings(" ")}");
        }

        Directory.Move(folder.UnfinishedData, folder.Data);
    }

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        const int Attempts = 10;
        for (int attempt = 1; ; attempt++)
        {
            int port = folder.Port is { } before && LoopbackPort.IsFree(before) ? before : LoopbackPort.Free();
            folder.Port = port;
            string[] start = ["start", "-D", folder.Data, "-w", "-t", Seconds, "-l", folder.ServerLog, "-o", Settings(port)];
            CommandResult started = await _commands.RunAsync("pg_ctl", start, cancellationToken);
            if (started.ExitCode == 0)
            {
                return;
            }

            if (attempt == Attempts)
            {
                throw new EmbeddedPostgresException($"The server in {folder.Root} did not start: {folder.LastLogLine()}");
            }

            // another process took the port, or children of a killed server still hold its memory; both are temporary
            await Task.Delay(200, cancellationToken);
        }
    }

    public async Task StopAsync(StopMode mode, CancellationToken cancellationToken)
    {
        if (folder.ServerProcessId is not { } server)
        {
            return;
        }

        string[] stop = ["stop", "-D", folder.Data, "-w", "-t", Seconds, "-m", mode == StopMode.Fast ? "fast" : "immediate"];
        CommandResult stopped = await _commands.RunAsync("pg_ctl", stop, cancellationToken);
        if (stopped.ExitCode != 0 && IsRunning())
        {
            throw new EmbeddedPostgresException($"The server in {folder.Root} did not stop: {stopped.Output.ReplaceLineEndings(" ")}");
        }

        while (IsServer(server)) // pg_ctl waits for the removal of the pid file, shortly before the process exits
        {
            await Task.Delay(5, cancellationToken);
        }
    }

    public bool IsRunning()
    {
        if (folder.ServerProcessId is not { } id)
        {
            return false;
        }

        if (IsServer(id))
        {
            return true;
        }

        folder.DeleteStalePidFile();
        return false;
    }

    /// <summary>Returns true if the process is a live server. The id may have been reused, or belong to a process that is dead but not yet reaped.</summary>
    private static bool IsServer(int processId)
    {
        try
        {
            using var process = Process.GetProcessById(processId);
            return process.ProcessName is "postgres" or "postmaster"
                && !(OperatingSystem.IsLinux() && File.ReadAllBytes($"/proc/{processId}/cmdline").Length == 0);
        }
        catch (Exception exited) when (exited is ArgumentException or InvalidOperationException or IOException)
        {
            return false;
        }
    }

    /// <summary>Formats the server settings as options for pg_ctl, quoted because pg_ctl passes them to a shell.</summary>
    private string Settings(int port)
    {
        var settings = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["port"] = $"{port}",
            ["listen_addresses"] = ClusterFolder.Host,
            ["unix_socket_directories"] = "", // a socket path is limited to 107 characters; the loopback port is enough
            ["max_connections"] = $"{options.MaxConnections}",
        };
        if (!options.Durable)
        {
            settings["fsync"] = settings["full_page_writes"] = "off"; // commits stay synchronous: a killed server loses none
        }

        foreach ((string name, string value) in options.Settings)
        {
            settings[name] = value;
        }

        return string.Join(' ', settings.Select(setting => $"-c '{setting.Key}={setting.Value.Replace("'", "'\\''", StringComparison.Ordinal)}'"));
    }
}
