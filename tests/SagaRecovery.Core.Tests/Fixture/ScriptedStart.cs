using SagaRecovery.Bookkeeping;
using SagaRecovery.Fencing;

namespace SagaRecovery.Core.Tests.Fixture;

internal enum StartStage
{
    Announced,
    Inserted,
    Running,
    Failed,
    Ended,
}

/// <summary>One start of a saga, advanced step by step.</summary>
internal sealed class ScriptedStart(ScriptedProcess process, StartLease lease)
{
    public SagaId SagaId => lease.SagaId;

    public StartStage Stage { get; private set; } = StartStage.Announced;

    /// <summary>The INSERT commits, and the caller receives the answer.</summary>
    public ScriptedStart Insert()
    {
        TryInsert().Should().BeTrue("the id of saga {0} should be free", SagaId);
        return this;
    }

    /// <summary>The INSERT is answered: done, or refused because the id is taken.</summary>
    public bool TryInsert()
    {
        bool inserted = process.Database.TryInsert(SagaId);
        Stage = inserted ? StartStage.Inserted : StartStage.Failed;
        return inserted;
    }

    /// <summary>The answer to the INSERT is lost; the database decides whether and when the row lands.</summary>
    public ScriptedStart LoseInsert()
    {
        Stage = StartStage.Failed;
        return this;
    }

    public ScriptedStart Run()
    {
        process.Executor.Begin(SagaId, AdoptGeneration.Initial);
        Stage = StartStage.Running;
        return this;
    }

    /// <summary>The caller confirms the start: committed, and it runs here.</summary>
    public void Confirm()
    {
        if (Stage == StartStage.Inserted)
        {
            Run();
        }

        process.Inbox.Confirm(lease, AdoptGeneration.Initial);
        Stage = StartStage.Ended;
    }

    /// <summary>The caller withdraws the start.</summary>
    public void Withdraw()
    {
        process.Inbox.Withdraw(lease);
        Stage = StartStage.Ended;
    }
}
