using SagaRecovery.Retention;
using SagaRecovery.Storage;

namespace SagaRecovery.Cli.Access;

/// <summary>An archive that consists of one file, which is created or opened for the first saga.</summary>
internal sealed class FileArchive : ISagaArchive, IDisposable
{
    private ArchiveFile? _file;

    private FileArchive(string path) => Path = path;

    public string Path { get; }

    /// <summary>Checks that a present file can be written, or that there is a folder for a new one. It creates none: perhaps nothing is deleted.</summary>
    /// <exception cref="ToolException">The file cannot be written, or its folder does not exist.</exception>
    public static FileArchive At(string path)
    {
        try
        {
            string full = System.IO.Path.GetFullPath(path);
            if (File.Exists(full))
            {
                new FileStream(full, FileMode.Open, FileAccess.ReadWrite, FileShare.Read).Dispose();
            }

            return Directory.Exists(full) ? throw CannotBeOpened("the path is that of a folder")
                : Directory.Exists(System.IO.Path.GetDirectoryName(full)) ? new FileArchive(full)
                : throw CannotBeOpened("its folder does not exist");
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw CannotBeOpened(exception.Message, exception);
        }
    }

    public Task WriteAsync(IReadOnlyList<ArchivedSaga> sagas, CancellationToken cancellationToken)
    {
        try
        {
            _file ??= ArchiveFile.Open(Path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw CannotBeOpened(exception.Message, exception);
        }

        return _file.AppendAsync(sagas, cancellationToken);
    }

    public void Dispose() => _file?.Dispose();

    private static ToolException CannotBeOpened(string reason, Exception? cause = null) =>
        new(ExitCode.Usage, $"The archive file cannot be opened: {reason}", cause);
}
