using Npgsql;
using SagaRecovery.Benchmarks.Data;

namespace SagaRecovery.Benchmarks.Subjects;

/// <summary>
/// The writes of the executor, with the same commits and without an executor: wave by wave of concurrent sagas, step by step, in
/// groups of as many rows as its settings allow, on as many connections.
/// </summary>
internal sealed class FencedLoop : Subject
{
    public const string SubjectName = "raw fenced batches";

    /// <summary>As the executor's defaults.</summary>
    private const int Writers = 2;

    private const int RowsToGroup = 500;

    public override string Name => SubjectName;

    public override async Task RunAsync(SubjectTask task, Meter meter)
    {
        await using NpgsqlDataSource source = NpgsqlDataSource.Create(task.ConnectionString);
        await WarmUp.RunAsync(rounds: 1, () => RunAllAsync(source, task.WarmUpOwner, task.AtATime));
        meter.Begin();
        int run = await RunAllAsync(source, task.Owner, task.AtATime);
        meter.EndExecuted(run);
    }

    private static async Task<int> RunAllAsync(NpgsqlDataSource source, Guid owner, int atATime)
    {
        List<Guid> sagas = await PerSagaReader.ListAsync(source, owner);
        List<FencedWriter> writers = [];
        for (int i = 0; i < Writers; i++)
        {
            writers.Add(await FencedWriter.OpenAsync(source, owner));
        }

        foreach (Guid[] wave in sagas.Chunk(atATime))
        {
            for (int step = 0; step <= ChainSaga.Nodes; step++)
            {
                await WriteStepAsync(writers, wave, step);
            }
        }

        foreach (FencedWriter writer in writers)
        {
            await writer.DisposeAsync();
        }

        return sagas.Count;
    }

    private static async Task WriteStepAsync(List<FencedWriter> writers, Guid[] wave, int step)
    {
        int rowsEach = step == 0 ? 1 : 2;
        var groups = new Queue<Guid[]>(wave.Chunk(RowsToGroup / rowsEach));
        await Task.WhenAll(writers.Select(WriteGroupsAsync));

        async Task WriteGroupsAsync(FencedWriter writer)
        {
            while (TryTake() is { } group)
            {
                await writer.WriteStepAsync(group, step);
            }
        }

        Guid[]? TryTake()
        {
            lock (groups)
            {
                return groups.TryDequeue(out Guid[]? group) ? group : null;
            }
        }
    }
}
