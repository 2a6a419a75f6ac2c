using System.Diagnostics.CodeAnalysis;
using SagaRecovery.Fencing;

namespace SagaRecovery.Testing.Tests.Exploration;

internal enum StartStage
{
    New,
    Announced,
    Inserted,
    Running,
    Failed,

    /// <summary>Created or withdrawn, or its process is dead.</summary>
    Ended,
}

/// <summary>One start of a saga.</summary>
[SuppressMessage("Design", "CA1001", Justification = "Disposing a start withdraws it, which is a move of its own.")]
internal sealed class ExploredStart(int saga)
{
    private SimulatedStart? _start;
    private Membership _member; // the membership with which it inserts

    /// <summary>The number of the saga.</summary>
    public int Saga { get; } = saga;

    public SagaId SagaId => World.IdOf(Saga);

    public StartStage Stage { get; private set; }

    /// <summary>The process of the start.</summary>
    public int Process { get; private set; } = -1;

    /// <summary>Its insert has been sent, no caller receives the answer, and it may take effect later.</summary>
    public bool IsOnItsWay { get; private set; }

    public bool IsUnderWay => Stage is not (StartStage.New or StartStage.Ended);

    public void Announce(ExploredProcess process, int index)
    {
        _member = process.Member;
        _start = new SimulatedStart(process.Starts.Announce(SagaId), process.Log, _member, process.Executor);
        (Stage, Process) = (StartStage.Announced, index);
    }

    /// <summary>The insert is sent, takes effect or is refused, and the answer arrives.</summary>
    public void Insert() => Stage = Inserts() ? StartStage.Inserted : StartStage.Failed;

    /// <summary>The same, but the answer is lost.</summary>
    public void InsertUnanswered()
    {
        Inserts();
        Stage = StartStage.Failed;
    }

    public void FailToInsert() => Stage = StartStage.Failed;

    public void SendInsertUnanswered() => (Stage, IsOnItsWay) = (StartStage.Failed, true);

    public void Land()
    {
        IsOnItsWay = false;
        Inserts();
    }

    public void LoseInsert() => IsOnItsWay = false;

    public void Run()
    {
        _start!.Run();
        Stage = StartStage.Running;
    }

    public void Confirm()
    {
        _start!.Confirm();
        Stage = StartStage.Ended;
    }

    public void Withdraw()
    {
        _start!.Dispose();
        Stage = StartStage.Ended;
    }

    /// <summary>A process is dead, perhaps this start's; statements that it had sent may arrive later.</summary>
    public void DieWith(int process) => Stage = Process == process ? StartStage.Ended : Stage;

    public void AddTo(Fingerprint fingerprint, InMemorySagaStore database)
    {
        fingerprint.Add(database.IsCurrent(_member));
        fingerprint.Add((int)Stage);
        fingerprint.Add(Process);
        fingerprint.Add(IsOnItsWay);
    }

    private bool Inserts()
    {
        try
        {
            return _start!.InsertAsync().Outcome();
        }
        catch (Exception refused) when (refused is Fencing.CoordinatorFencedException or Fencing.JoinLostException)
        {
            return false;
        }
    }
}
