using System.Globalization;
using Microsoft.Extensions.Logging;
using SagaRecovery.Diagnostics;
using SagaRecovery.Storage;

namespace SagaRecovery.Retention;

/// <summary>An archive of files of JSON lines in a folder: one for each process and day. Thread-safe.</summary>
/// <param name="folder">The folder, which is created if it does not exist.</param>
/// <param name="coordinator">The coordinator of this process, which is part of the names.</param>
/// <param name="time">The clock for the day.</param>
/// <param name="logger">Logs lines that a crash cut off.</param>
internal sealed class JsonLinesArchive(string folder, CoordinatorId coordinator, TimeProvider time, ILogger logger) : ISagaArchive, IDisposable
{
    /// <summary>The number of files that processes with the same id may have open at once, as in a rolling update.</summary>
    private const int MaxFiles = 16;

    private readonly SemaphoreSlim _writing = new(1);
    private ArchiveFile? _file;
    private string _day = "";

    public async Task WriteAsync(IReadOnlyList<ArchivedSaga> sagas, CancellationToken cancellationToken)
    {
        await _writing.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            string day = time.GetUtcNow().ToString("yyyyMMdd", CultureInfo.InvariantCulture);
            if (_file is null || day != _day)
            {
                _file?.Dispose();
                _file = null;
                _file = Open(day);
                _day = day;
            }

            await AppendAsync(_file, sagas, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            _writing.Release();
        }
    }

    public void Dispose()
    {
        _file?.Dispose();
        _writing.Dispose();
    }

    private async Task AppendAsync(ArchiveFile file, IReadOnlyList<ArchivedSaga> sagas, CancellationToken cancellationToken)
    {
        bool isDurable = false;
        try
        {
            await file.AppendAsync(sagas, cancellationToken).ConfigureAwait(false);
            isDurable = true;
        }
        finally
        {
            if (!isDurable)
            {
                file.Dispose(); // the line may be incomplete, which the next opening finds and ends
                _file = null;
            }
        }
    }

    private ArchiveFile Open(string day)
    {
        Directory.CreateDirectory(folder);
        for (int number = 1; ; number++)
        {
            string suffix = number == 1 ? "" : string.Create(CultureInfo.InvariantCulture, $".{number}");
            try
            {
                var file = ArchiveFile.Open(Path.Combine(folder, $"sagas-{day}-{coordinator}{suffix}.jsonl"));
                if (file.HadTornLine)
                {
                    Log.TornArchiveLine(logger, file.Path);
                }

                return file;
            }
            catch (IOException) when (number < MaxFiles)
            {
                // Another process with this id has the file open.
            }
        }
    }
}
