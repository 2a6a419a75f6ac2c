using System.Text.Json;

namespace SagaRecovery.Stress.Retention;

/// <summary>A saga in an archive file.</summary>
/// <param name="Id">The id of the saga.</param>
/// <param name="Problem">The reason for which its log does not add up; null if it does.</param>
internal sealed record ArchivedLine(Guid Id, string? Problem);

/// <summary>The folder of the archive files, and a path at which an archive cannot write.</summary>
internal sealed class ArchiveFolder
{
    private readonly DirectoryInfo _folder;

    public ArchiveFolder(DirectoryInfo folder)
    {
        _folder = folder.CreateSubdirectory("files");
        string file = System.IO.Path.Combine(folder.FullName, "file");
        File.WriteAllText(file, "");
        Broken = System.IO.Path.Combine(file, "no-folder");
    }

    public string Path => _folder.FullName;

    public string Broken { get; }

    /// <summary>Reads all files. A line that a kill cut off must be the last one of its file.</summary>
    public IReadOnlyDictionary<Guid, ArchivedLine> Read(StressRun run)
    {
        Dictionary<Guid, ArchivedLine> sagas = [];
        (long lines, long torn) = (0, 0);
        foreach (FileInfo file in _folder.GetFiles())
        {
            string text = File.ReadAllText(file.FullName);
            string[] parts = text.Split('\n');
            run.Require(parts.SkipLast(1).All(line => line.Length > 0), $"file {file.Name} has an empty line");
            torn += parts[^1].Length > 0 ? 1 : 0;
            foreach (string line in parts.SkipLast(1))
            {
                lines++;
                ArchivedLine saga = Parse(line);
                sagas[saga.Id] = saga;
            }
        }

        run.Figures["archiveFiles"] = _folder.GetFiles().Length;
        run.Figures["exportedTwice"] = lines - sagas.Count;
        run.Figures["tornLines"] = torn;
        return sagas;
    }

    /// <summary>Checks that each node of a succeeded saga has started and succeeded once, and that an unwound saga has undone what it did.</summary>
    private static ArchivedLine Parse(string line)
    {
        using var document = JsonDocument.Parse(line);
        JsonElement saga = document.RootElement;
        string[] events = [.. saga.GetProperty("events").EnumerateArray().Select(one => $"{one.GetProperty("type").GetString()} {one.GetProperty("node").GetInt32()}")];
        int nodes = saga.GetProperty("definition").GetProperty("dag").GetProperty("nodes").GetArrayLength();
        Guid id = saga.GetProperty("id").GetGuid();
        string? problem = saga.GetProperty("state").GetString() switch
        {
            "succeeded" => Count("started") == nodes && Count("succeeded") == nodes && events.Length == 2 * nodes ? null : "its log is not that of a succeeded saga",
            "stuck" => events.Length == 0 ? null : "its log is not that of a seeded saga",
            "unwound" => Missing("undo_finished").Any() ? "its log lacks an undo" : null,
            var other => $"its state is {other}",
        };
        return new ArchivedLine(id, problem);

        int Count(string type) => events.Count(one => one.StartsWith(type + " ", StringComparison.Ordinal));

        IEnumerable<string> Missing(string undo) => events
            .Where(one => one.StartsWith("succeeded ", StringComparison.Ordinal))
            .Where(one => !events.Contains(one.Replace("succeeded", undo, StringComparison.Ordinal)));
    }
}
