using System.Diagnostics;
using System.Globalization;

namespace Tests.Shared;

/// <summary>The processes of a Postgres server, found by the folder of its data, and signals to them.</summary>
internal static class ServerProcesses
{
    /// <summary>The server's process; null: it is dead, or its id belongs to another process by now.</summary>
    public static int? Of(string dataFolder)
    {
        try
        {
            string first = File.ReadLines(Path.Combine(dataFolder, "postmaster.pid")).First();
            return File.ReadAllText($"/proc/{first}/cmdline").Contains(dataFolder, StringComparison.Ordinal)
                ? int.Parse(first, CultureInfo.InvariantCulture)
                : null;
        }
        catch (Exception ended) when (ended is IOException or UnauthorizedAccessException or InvalidOperationException)
        {
            return null;
        }
    }

    public static IEnumerable<int> ChildrenOf(int process) =>
        File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{process}/task/{process}/children"))
            .Split(' ', StringSplitOptions.RemoveEmptyEntries)
            .Select(id => int.Parse(id, CultureInfo.InvariantCulture));

    /// <summary>Distinguishes a running process from a dead one, reaped or not.</summary>
    public static bool IsAlive(int process)
    {
        try
        {
            return File.ReadAllBytes(string.Create(CultureInfo.InvariantCulture, $"/proc/{process}/cmdline")).Length > 0;
        }
        catch (Exception dead) when (dead is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    /// <summary>Sends a signal by name to all of them at once.</summary>
    public static async Task SignalAsync(string signal, params IReadOnlyList<int> processes)
    {
        using var kill = Process.Start("kill", ["-" + signal, .. processes.Select(id => id.ToString(CultureInfo.InvariantCulture))]);
        await kill.WaitForExitAsync();
    }

    /// <summary>SIGKILL to all processes that were started on a folder: those that copy a server outlive the program that started them.</summary>
    public static async Task KillAllOnAsync(string folder)
    {
        int[] all = [.. Directory.EnumerateDirectories("/proc").Select(Path.GetFileName).Select(name => int.TryParse(name, out int id) ? id : 0)
            .Where(id => id > 0 && id != Environment.ProcessId && IsOn(id))];
        if (all.Length > 0)
        {
            await SignalAsync("KILL", all);
            await Eventually.HoldsAsync(() => !Array.Exists(all, IsAlive), "the killed processes were dead");
        }

        bool IsOn(int process)
        {
            try
            {
                return File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{process}/cmdline")).Contains(folder, StringComparison.Ordinal);
            }
            catch (Exception dead) when (dead is IOException or UnauthorizedAccessException)
            {
                return false;
            }
        }
    }

    /// <summary>
    /// SIGKILL to a whole server, stopped first, so that it starts no more children. Idle backends can outlive a server that is killed alone by
    /// minutes, and none starts again on its data while one of them holds its shared memory.
    /// </summary>
    public static async Task KillServerAsync(int server)
    {
        await SignalAsync("STOP", server);
        int[] all = [server, .. ChildrenOf(server)];
        await SignalAsync("KILL", all);
        await Eventually.HoldsAsync(() => !Array.Exists(all, IsAlive), "the killed server was dead");
    }
}
