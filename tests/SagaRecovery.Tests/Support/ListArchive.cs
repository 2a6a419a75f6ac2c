using SagaRecovery.Storage;

namespace SagaRecovery.Tests.Support;

/// <summary>An archive in memory.</summary>
internal sealed class ListArchive : ISagaArchive
{
    public List<ArchivedSaga> Sagas { get; } = [];

    /// <summary>Runs before a batch is confirmed, and may fail.</summary>
    public Func<IReadOnlyList<ArchivedSaga>, Task> BeforeConfirming { get; set; } = _ => Task.CompletedTask;

    public async Task WriteAsync(IReadOnlyList<ArchivedSaga> sagas, CancellationToken cancellationToken)
    {
        await BeforeConfirming(sagas);
        Sagas.AddRange(sagas);
    }
}
