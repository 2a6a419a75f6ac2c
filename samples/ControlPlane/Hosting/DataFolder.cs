using System.Security.Cryptography;

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
        string file = InRoot("coordinator-id");
        if (!File.Exists(file))
        {
            Keep(file, Guid.CreateVersion7().ToString());
        }

        return Guid.TryParse(File.ReadAllText(file).Trim(), out Guid id)
            ? id
            : throw new SettingException($"{file} does not hold a UUID. Delete it to be given a new one, or set SagaRecovery:CoordinatorId.");
    }

    /// <summary>What operators sign in with: made at the first start, the same at each later one, for the file's owner to read.</summary>
    /// <returns>The file, and the token in it.</returns>
    public (string File, string Token) OperatorToken()
    {
        string file = InRoot("operator-token");
        if (!File.Exists(file))
        {
            Keep(file, Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(24)));
        }

        return File.ReadAllText(file).Trim() is { Length: > 0 } token
            ? (file, token)
            : throw new SettingException($"{file} is empty. Delete it to be given a new token, or set ControlPlane:OperatorToken.");
    }

    private string InRoot(string file)
    {
        Directory.CreateDirectory(_root);
        return Path.Combine(_root, file);
    }

    /// <summary>All of it or nothing: a crash must not leave half an id, and of two that start at once the first one's counts.</summary>
    private static void Keep(string file, string text)
    {
        string unfinished = $"{file}.{Environment.ProcessId}";
        var options = new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite; // from its first moment on
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
