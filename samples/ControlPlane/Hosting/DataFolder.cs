using System.Security.Cryptography;

namespace ControlPlane.Hosting;

/// <summary>The files that the service keeps on disk.</summary>
internal sealed class DataFolder
{
    private readonly string _root;

    public DataFolder(IConfiguration configuration, string contentRoot)
    {
        ControlPlaneOptions options = configuration.GetSection(ControlPlaneOptions.SectionName).Get<ControlPlaneOptions>() ?? new ControlPlaneOptions();
        _root = Path.GetFullPath(options.DataFolder, contentRoot);
    }

    /// <summary>The folder of the private Postgres cluster.</summary>
    public string Postgres => Path.Combine(_root, "postgres");

    /// <summary>Returns the id of this coordinator. It is created at the first start and reused at later ones.</summary>
    public Guid CoordinatorId()
    {
        string file = InRoot("coordinator-id");
        if (!File.Exists(file))
        {
            WriteOnce(file, Guid.CreateVersion7().ToString());
        }

        return Guid.TryParse(File.ReadAllText(file).Trim(), out Guid id)
            ? id
            : throw new SettingException($"{file} does not hold a UUID. Delete it to create a new id, or set SagaRecovery:CoordinatorId.");
    }

    /// <summary>Returns the operators' token. It is created at the first start and reused. Only the owner of the file can read it.</summary>
    /// <returns>The file, and the token in it.</returns>
    public (string File, string Token) OperatorToken()
    {
        string file = InRoot("operator-token");
        if (!File.Exists(file))
        {
            WriteOnce(file, Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(24)));
        }

        return File.ReadAllText(file).Trim() is { Length: > 0 } token
            ? (file, token)
            : throw new SettingException($"{file} is empty. Delete it to create a new token, or set ControlPlane:OperatorToken.");
    }

    private string InRoot(string file)
    {
        Directory.CreateDirectory(_root);
        return Path.Combine(_root, file);
    }

    /// <summary>Writes a file atomically: a crash leaves no partial file, and of two concurrent processes the first one wins.</summary>
    private static void WriteOnce(string file, string text)
    {
        string unfinished = $"{file}.{Environment.ProcessId}";
        var options = new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite; // set at creation, so that no other user can ever read it
        }

        using (var writer = new StreamWriter(unfinished, options))
        {
            writer.WriteLine(text);
        }

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
