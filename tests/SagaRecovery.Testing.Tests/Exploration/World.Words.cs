namespace SagaRecovery.Testing.Tests.Exploration;

/// <content>Moves in words, for counterexamples.</content>
internal sealed partial class World
{
    /// <summary>Describes the effect of a move that is about to be made.</summary>
    public string Describe(Move move)
    {
        string saga = move.Kind <= MoveKind.LateInsertIsLost ? NameOf(_starts[move.Subject].Saga) : NameOf(move.Subject);
        string start = $"start {move.Subject + 1}";
        string process = $"process {move.Process + 1}";
        return move.Kind switch
        {
            MoveKind.Announce => $"{start} announces {saga} in {process}",
            MoveKind.Insert => $"{start} inserts {saga}",
            MoveKind.InsertNeverSent => $"{start} fails to insert {saga}",
            MoveKind.InsertLandsUnanswered => $"{start} inserts {saga}, the answer is lost",
            MoveKind.InsertIsOnItsWay => $"{start} loses its connection, its insert of {saga} may land later",
            MoveKind.Run => $"{start} runs {saga}",
            MoveKind.Created => $"{start} confirms the insert",
            MoveKind.Withdraw => $"{start} is withdrawn",
            MoveKind.LateInsertLands => $"the late insert of {start} lands",
            MoveKind.LateInsertIsLost => $"the late insert of {start} never lands",
            MoveKind.Reassign => Row(move.Subject)!.Owner == Another ? $"{saga} comes back" : $"{saga} is reassigned to another coordinator",
            MoveKind.FinishElsewhere => $"{saga} finishes elsewhere",
            MoveKind.CallerCommits => $"a transaction that starts {saga} commits",
            MoveKind.Cancel => $"{saga} is cancelled",
            MoveKind.SuccessorJoins => $"process {_processes.Count + 1} joins under the same id, process {_processes.Count} lives on",
            MoveKind.CrashAndRestart => $"process {_processes.Count} crashes, process {_processes.Count + 1} joins",
            MoveKind.Finish => $"the run of {saga} in {process} ends",
            MoveKind.LoseLastCommit => "the database loses its last commit",
            MoveKind.Interrupt => $"{process} interrupts the run of {saga}",
            MoveKind.Trigger => $"{process} is triggered",
            MoveKind.BeginPass => $"{process} opens a pass",
            MoveKind.FailPassStep => $"{process} fails before it {Describe(_processes[move.Process]!.Gates)}",
            _ => $"{process} {Describe(_processes[move.Process]!.Gates)}",
        };
    }

    private string Describe(InlineGates gates) => gates.Step switch
    {
        SimulatedStep.ListPage => "lists a page",
        SimulatedStep.ListAnswer => "has its listing and plans",
        SimulatedStep.Load => "loads",
        SimulatedStep.LoadAnswer => "has what it loads",
        SimulatedStep.Resume => $"resumes {NameOf(NumberOf(gates.SagaId!.Value))}",
        _ => $"receives the answer that {NameOf(NumberOf(gates.SagaId!.Value))} was resumed",
    };
}
