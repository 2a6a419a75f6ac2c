using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Retention;

/// <summary>
/// An archive of the host, which may hang or block its caller. Each export has a time limit, and none begins before the last one has ended. Errors
/// name the archive. Used by the process that has the turn to delete, one export at a time.
/// </summary>
/// <param name="inner">The archive of the host.</param>
/// <param name="limit">The time limit for one export.</param>
/// <param name="time">The clock for the limit.</param>
internal sealed class GuardedArchive(ISagaArchive inner, TimeSpan limit, TimeProvider time) : ISagaArchive
{
    /// <summary>The time for an export that was cancelled to end. It leaves the executor most of the shutdown.</summary>
    private static readonly TimeSpan s_grace = TimeSpan.FromSeconds(2);

    private Task _last = Task.CompletedTask;

    private string Name => $"archive {PlainText.OneLine(inner.GetType().Name, longest: 80)}";

    public async Task WriteAsync(IReadOnlyList<ArchivedSaga> sagas, CancellationToken cancellationToken)
    {
        if (!_last.IsCompleted)
        {
            throw new ArchiveException($"{Name} has not ended its last export yet");
        }

        var end = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Task export = Task.Run(() => inner.WriteAsync(sagas, end.Token), CancellationToken.None); // it may block its thread
        _last = export;
        _ = export.ContinueWith(
            ended =>
            {
                _ = ended.Exception; // observed, though nobody may wait for it any more
                end.Dispose();
            },
            TaskScheduler.Default);
        try
        {
            await export.WaitAsync(limit, time, cancellationToken).ConfigureAwait(false);
        }
        catch (TimeoutException) when (!export.IsCompleted)
        {
            _ = end.CancelAsync(); // in the background, since it runs code of the archive
            throw new ArchiveException($"{Name} has not ended an export within {PlainText.Duration(limit)}");
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            await Task.WhenAny(export, Task.Delay(s_grace, time, CancellationToken.None)).ConfigureAwait(false);
            throw;
        }
        catch (Exception failure)
        {
            throw new ArchiveException($"{Name} failed: {failure.GetType().Name}: {failure.Message}", failure);
        }
    }
}

/// <summary>An archive of the host has failed, or does not answer.</summary>
internal sealed class ArchiveException(string message, Exception? cause = null) : Exception(message, cause);
