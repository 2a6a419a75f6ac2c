namespace ControlPlane.Hosting;

/// <summary>What the service keeps on disk.</summary>
internal sealed class DataFolder
{
    private readonly string _root;

    public DataFolder(IConfiguration configuration, string contentRoot)
    {
        ControlPlaneOptions options = configuration.GetSection(ControlPlaneOptions.SectionName).Get<ControlPlaneOptions>() ?? new ControlPlaneOptions();
        _root = Path.GetFullPath(options.DataFolder, contentRoot);
    }

    /// <summary>The private Postgres cluster.</summary>
    public string Postgres => Path.Combine(_root, "postgres");

    /// <summary>The id of this coordinator: made at the first start, the same at each later one.</summary>
    public Guid CoordinatorId()
    {
        Directory.CreateDirectory(_root);
        string file = Path.Combine(_root, "coordinator-id");
        if (!File.Exists(file))
        {
            Keep(file, Guid.CreateVersion7());
        }

        return Guid.TryParse(File.ReadAllText(file).Trim(), out Guid id)
            ? id
            : throw new SettingException($"{file} does not hold a UUID. Delete it to be given a new one, or set SagaRecovery:CoordinatorId.");
    }

    /// <summary>All of it or nothing: a crash must not leave half an id, and of two that start at once the first one's counts.</summary>
    private static void Keep(string file, Guid id)
    {
        string unfinished = $"{file}.{Environment.ProcessId}";
        File.WriteAllText(unfinished, $"{id}\n");
        try
        {
            File.Move(unfinished, file, overwrite: false);
        }
        catch (IOException) when (File.Exists(file))
        {
            File.Delete(unfinished);
        }
    }
}
