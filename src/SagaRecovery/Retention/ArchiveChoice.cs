using SagaRecovery.Storage;

namespace SagaRecovery.Retention;

/// <summary>The archive that sagas are exported to before they are deleted.</summary>
/// <param name="Archive">The archive; null if sagas are deleted without an export.</param>
/// <param name="Own">What to dispose with this process: an archive that the host has not registered; null for none.</param>
internal sealed record ArchiveChoice(ISagaArchive? Archive, IDisposable? Own = null) : IDisposable
{
    public void Dispose() => Own?.Dispose();
}
