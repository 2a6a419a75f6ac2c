using System.Buffers;
using SagaRecovery.Storage;

namespace SagaRecovery.Retention;

/// <summary>A file of archived sagas, one a line. It only grows. Not thread-safe.</summary>
internal sealed class ArchiveFile : IDisposable
{
    private readonly FileStream _stream;

    private ArchiveFile(FileStream stream, bool hadTornLine)
    {
        _stream = stream;
        HadTornLine = hadTornLine;
    }

    public string Path => _stream.Name;

    /// <summary>True if a crash had cut off the last line. It was ended with a line feed, so that the next line is whole.</summary>
    public bool HadTornLine { get; }

    /// <summary>Opens a file for appending, and creates it, for its owner alone, if it does not exist. Only one process may write to a file at a time.</summary>
    /// <exception cref="IOException">The file cannot be opened or written.</exception>
    public static ArchiveFile Open(string path)
    {
        var options = new FileStreamOptions { Mode = FileMode.OpenOrCreate, Access = FileAccess.ReadWrite, Share = FileShare.Read, BufferSize = 0 };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite; // it holds the parameters and outputs of sagas
        }

        var stream = new FileStream(path, options);
        try
        {
            bool isTorn = false;
            if (stream.Length > 0)
            {
                stream.Seek(-1, SeekOrigin.End);
                isTorn = stream.ReadByte() != '\n';
            }

            stream.Seek(0, SeekOrigin.End);
            if (isTorn)
            {
                stream.WriteByte((byte)'\n');
            }

            return new ArchiveFile(stream, isTorn);
        }
        catch
        {
            stream.Dispose();
            throw;
        }
    }

    /// <summary>Appends sagas, and completes when they are on the disk.</summary>
    public async Task AppendAsync(IReadOnlyList<ArchivedSaga> sagas, CancellationToken cancellationToken)
    {
        var lines = new ArrayBufferWriter<byte>(64 * 1024);
        foreach (ArchivedSaga saga in sagas)
        {
            ArchiveFormat.Write(lines, saga);
        }

        await _stream.WriteAsync(lines.WrittenMemory, cancellationToken).ConfigureAwait(false);
        _stream.Flush(flushToDisk: true);
    }

    public void Dispose() => _stream.Dispose();

    /// <summary>Reads a file line by line. A line that cannot be read has the reason in place of a saga.</summary>
    /// <exception cref="IOException">The file cannot be opened.</exception>
    public static IEnumerable<ArchivedLine> Read(string path) =>
        File.ReadLines(path).Where(line => line.Length > 0).Select((line, index) => Parse(index + 1, line));

    private static ArchivedLine Parse(int number, string line)
    {
        try
        {
            return new ArchivedLine(number, ArchiveFormat.Read(line), Error: null);
        }
        catch (FormatException exception)
        {
            return new ArchivedLine(number, Saga: null, exception.Message) { IsCutOff = exception.InnerException is System.Text.Json.JsonException };
        }
    }
}

/// <summary>A line of an archive file.</summary>
/// <param name="Number">The number of the line, from 1. Empty lines do not count.</param>
/// <param name="Saga">The saga; null if the line cannot be read.</param>
/// <param name="Error">The reason for which the line cannot be read; null if it can.</param>
internal sealed record ArchivedLine(int Number, ArchivedSaga? Saga, string? Error)
{
    /// <summary>True if the line is not complete JSON, as after a crash in the middle of writing it.</summary>
    public bool IsCutOff { get; init; }
}
