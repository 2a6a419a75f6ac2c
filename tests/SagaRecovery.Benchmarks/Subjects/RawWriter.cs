using Npgsql;
using SagaRecovery.Fencing;
using SagaRecovery.Postgres;
using SagaRecovery.Storage;

namespace SagaRecovery.Benchmarks.Subjects;

/// <summary>Appends with Npgsql alone: lock and write in one prepared batch, behind the given fence. Thread-safe.</summary>
internal sealed class RawWriter(NpgsqlDataSource source, IFence fence)
{
    /// <summary>Writes entries, all or none.</summary>
    /// <exception cref="InvalidOperationException">Some were refused.</exception>
    public Task AppendAsync(Membership member, IReadOnlyList<SagaLogEntry> entries) =>
        WriteAsync(member, batch => PostgresSagaLog.AddEntries(fence.AddAppend(batch, member), entries), entries.Count);

    /// <summary>Runs a statement behind the fence.</summary>
    /// <param name="member">The writer.</param>
    /// <param name="add">Adds the statement.</param>
    /// <param name="rows">The number of rows that it has to return.</param>
    public async Task WriteAsync(Membership member, Action<NpgsqlBatch> add, int rows)
    {
        await using NpgsqlConnection connection = await source.OpenConnectionAsync();
        await using var batch = new NpgsqlBatch(connection);
        fence.AddLock(batch, member);
        add(batch);
        fence.AddCommit(batch);
        await batch.PrepareAsync();
        await using NpgsqlDataReader reader = await batch.ExecuteReaderAsync();
        bool locked = await reader.ReadAsync();
        await reader.NextResultAsync();
        int answered = 0;
        while (await reader.ReadAsync())
        {
            bool isRow = reader.GetFieldType(0) != typeof(long) || reader.GetInt64(0) > 0; // 0: the join counts
            answered += isRow ? 1 : 0;
        }

        await reader.NextResultAsync(); // rows precede the commit
        if (!locked || answered != rows)
        {
            throw new InvalidOperationException($"{member} has written {answered} of {rows}.");
        }
    }
}
