using SagaRecovery.Fencing;

namespace SagaRecovery.Benchmarks.Subjects;

/// <summary>Writes by several writers of one coordinator, with Npgsql alone, behind the fence of the library.</summary>
internal class FencedWrites : Subject
{
    public const string SubjectName = "advisory lock";

    public override string Name => SubjectName;

    /// <summary>The fence of the writes.</summary>
    protected virtual IFence Fence { get; } = new AdvisoryLock();

    public override async Task RunAsync(SubjectTask task, Meter meter)
    {
        await using ProcessStore store = await ProcessStore.JoinAsync(task.ConnectionString, task.Owner);
        var writer = new RawWriter(store.Source, Fence);
        List<Guid> sagas = await PerSagaReader.ListAsync(store.Source, task.Owner);
        IReadOnlyList<WriterEntries> entries = WriterEntries.Divide(sagas, task.Writers!.Value, task.RowsEach);
        await WriteAsync(Math.Max(1, task.Repeats / 4)); // compiles, and opens the connections
        meter.Begin();
        await WriteAsync(task.Repeats);
        meter.End((long)task.Repeats * task.RowsEach);

        Task WriteAsync(int writes)
        {
            int left = writes;
            return Task.WhenAll(entries.Select(one => Task.Run(async () =>
            {
                while (Interlocked.Decrement(ref left) >= 0)
                {
                    await writer.AppendAsync(store.Member, one.Next(AdoptGeneration.Initial));
                }
            })));
        }
    }
}

/// <summary>The same behind the fence of version 3 of the tables.</summary>
internal sealed class RowLockedWrites : FencedWrites
{
    public new const string SubjectName = "row lock";

    public override string Name => SubjectName;

    protected override IFence Fence { get; } = new RowLock();
}
