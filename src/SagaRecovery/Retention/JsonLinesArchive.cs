using System.Globalization;
using System.Security.Cryptography;
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
    private readonly string _process = RandomNumberGenerator.GetHexString(8, lowercase: true); // two processes may have the same id for a while
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
                _file = null; // stays so if the next file cannot be opened
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
                _file = null;
                file.Dispose(); // the line may be incomplete, which the next opening finds and ends
            }
        }
    }

    private ArchiveFile Open(string day)
    {
        Directory.CreateDirectory(folder);
        var file = ArchiveFile.Open(Path.Combine(folder, $"sagas-{day}-{coordinator}-{_process}.jsonl"));
        if (file.HadTornLine)
        {
            Log.TornArchiveLine(logger, file.Path);
        }

        return file;
    }
}
