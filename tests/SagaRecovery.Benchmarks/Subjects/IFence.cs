using Npgsql;
using SagaRecovery.Fencing;

namespace SagaRecovery.Benchmarks.Subjects;

/// <summary>The statements around a write, so that only the process that joined last writes.</summary>
internal interface IFence
{
    /// <summary>Adds the statements before the write. The first rows that the batch answers are the lock's: one row, or none where it is refused.</summary>
    void AddLock(NpgsqlBatch batch, Membership member);

    /// <summary>Adds the write with its first two parameters, which identify the writer.</summary>
    NpgsqlBatchCommand AddAppend(NpgsqlBatch batch, Membership member);

    /// <summary>Adds the statements after the write.</summary>
    void AddCommit(NpgsqlBatch batch);
}
