using Npgsql;
using SagaRecovery.Fencing;
using SagaRecovery.Postgres;
using SagaRecovery.Storage;

namespace SagaRecovery.Benchmarks.Subjects;

/// <summary>
/// The saga log as it was with version 3 of the tables, starts in groups included. Definitions have to be there; nothing is restored.
/// Thread-safe.
/// </summary>
internal sealed class RowLockLog : ISagaLog
{
    private readonly RowLock _fence = new();
    private readonly RawWriter _writer;
    private readonly GroupCommit<Membership, NewSaga, bool> _creations;

    public RowLockLog(NpgsqlDataSource source)
    {
        _writer = new RawWriter(source, _fence);
        _creations = new GroupCommit<Membership, NewSaga, bool>(
            CreateAsync, weigh: _ => 1, PostgresSagaLog.MaxCreatedTogether, PostgresSagaLog.MaxConcurrentCreations); // then as now
    }

    public Task<bool> CreateAsync(Membership member, NewSaga saga, CancellationToken cancellationToken) =>
        _creations.WriteAsync(member, saga, cancellationToken);

    public async Task<IReadOnlyList<bool>> AppendAsync(
        Membership member, IReadOnlyList<SagaLogEntry> entries, CancellationToken cancellationToken)
    {
        await _writer.AppendAsync(member, entries);
        return All(entries.Count);
    }

    public Task<RestoreOutcome> RestoreAsync(Membership member, SagaLogEntry everything, CancellationToken cancellationToken) =>
        throw new NotSupportedException("Logs were not restored.");

    private async Task<IReadOnlyList<bool>> CreateAsync(Membership member, IReadOnlyList<NewSaga> sagas)
    {
        await _writer.WriteAsync(
            member,
            batch =>
            {
                PostgresSagaLog.AddSagas(RowLock.AddInsertSagas(batch, member), sagas);
                PostgresSagaLog.AddEntries(_fence.AddAppend(batch, member), [.. sagas.Select(saga => new SagaLogEntry(saga.Id, AdoptGeneration.Initial, saga.Events))]);
            },
            sagas.Count);
        return All(sagas.Count);
    }

    private static bool[] All(int count)
    {
        var all = new bool[count];
        Array.Fill(all, true);
        return all;
    }
}
