using Npgsql;
using SagaRecovery.Fencing;
using SagaRecovery.Postgres;

namespace SagaRecovery.Benchmarks.Subjects;

/// <summary>The fence as the library has it: its own statements, in the order in which it sends them.</summary>
internal sealed class AdvisoryLock : IFence
{
    private static readonly Statements Sql = new("saga_recovery");

    public void AddLock(NpgsqlBatch batch, Membership member)
    {
        batch.Add(Statements.Begin);
        batch.Add(Sql.Lock).With(member.Coordinator.Value);
    }

    public NpgsqlBatchCommand AddAppend(NpgsqlBatch batch, Membership member) => batch.Add(Sql.Append, member);

    public void AddCommit(NpgsqlBatch batch) => batch.Add(Statements.Commit);
}
