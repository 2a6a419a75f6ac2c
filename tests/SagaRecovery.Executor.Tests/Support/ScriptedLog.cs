using System.Collections.Concurrent;
using SagaRecovery.Fencing;
using SagaRecovery.Storage;
using SagaRecovery.Testing;

namespace SagaRecovery.Executor.Tests.Support;

/// <summary>A store's log, with a step of the test's own before and after each write. Records the written groups.</summary>
internal sealed class ScriptedLog(InMemorySagaStore store) : ISagaLog
{
    public Func<IReadOnlyList<SagaLogEntry>, Task> BeforeAppend { get; set; } = _ => Task.CompletedTask;

    public Func<IReadOnlyList<SagaLogEntry>, Task> AfterAppend { get; set; } = _ => Task.CompletedTask;

    public Func<NewSaga, Task> AfterCreate { get; set; } = _ => Task.CompletedTask;

    public Func<Task> BeforeRestore { get; set; } = () => Task.CompletedTask;

    public ConcurrentQueue<IReadOnlyList<SagaLogEntry>> Groups { get; } = new();

    public async Task<bool> CreateAsync(Membership member, NewSaga saga, CancellationToken cancellationToken)
    {
        bool created = await store.CreateAsync(member, saga, cancellationToken);
        await AfterCreate(saga).WaitAsync(cancellationToken);
        return created;
    }

    public async Task<RestoreOutcome> RestoreAsync(Membership member, SagaLogEntry everything, CancellationToken cancellationToken)
    {
        await BeforeRestore().WaitAsync(cancellationToken);
        return await store.RestoreAsync(member, everything, cancellationToken);
    }

    public async Task<IReadOnlyList<bool>> AppendAsync(
        Membership member, IReadOnlyList<SagaLogEntry> entries, CancellationToken cancellationToken)
    {
        Groups.Enqueue(entries);
        await BeforeAppend(entries).WaitAsync(cancellationToken);
        IReadOnlyList<bool> written = await store.AppendAsync(member, entries, cancellationToken);
        await AfterAppend(entries).WaitAsync(cancellationToken);
        return written;
    }
}
