using SagaRecovery.Fencing;
using SagaRecovery.Storage;

namespace SagaRecovery.Testing.Tests.Exploration;

/// <content>The effect of each move.</content>
internal sealed partial class World
{
    private void Act(Move move)
    {
        (MoveKind kind, byte subject, byte index) = move;
        switch (kind)
        {
            case <= MoveKind.LateInsertIsLost:
                ActOnStart(kind, _starts[subject], subject, index);
                break;
            case MoveKind.Reassign:
                _database.Reassign(IdOf(subject), Row(subject)!.Owner == Another ? ExploredProcess.Us : Another);
                Touch(subject);
                break;
            case MoveKind.FinishElsewhere:
                if (!_database.IsCurrent(_anotherMember))
                {
                    _anotherMember = _database.RejoinAsync(_anotherMember, CancellationToken.None).Outcome();
                }

                WriteEnd(_anotherMember, subject, Row(subject)!.Generation, knowsOfCancellation: false);
                Touch(subject);
                break;
            case MoveKind.CallerCommits:
                _transactions++;
                _database.Put(new StoredSaga { Id = IdOf(subject), Definition = s_definition, Parameters = "{}"u8.ToArray(), Owner = ExploredProcess.Us });
                Touch(subject);
                break;
            case MoveKind.Cancel:
                _cancellations++;
                _database.Cancel(IdOf(subject), Request);
                break;
            case MoveKind.SuccessorJoins:
                Succeed();
                break;
            case MoveKind.CrashAndRestart:
                _processes[^1] = null;
                Array.ForEach(_starts, start => start.DieWith(_processes.Count - 1));
                Succeed();
                break;
            case MoveKind.Finish:
                Finish(_processes[index]!, subject);
                break;
            case MoveKind.Interrupt:
                _interruptions++;
                ReportInterrupted(_processes[index]!, index, subject);
                break;
            case MoveKind.LoseLastCommit:
                _losses++;
                _database.LoseLastCommits(1);
                TouchAll();
                break;
            case MoveKind.Trigger:
                _triggers++;
                _processes[index]!.Trigger();
                break;
            case MoveKind.BeginPass:
                BeginPass(_processes[index]!, index);
                break;
            case MoveKind.FailPassStep:
                _faults++;
                StepPass(_processes[index]!, index, fail: true);
                break;
            default:
                StepPass(_processes[index]!, index, fail: false);
                break;
        }
    }

    private void ActOnStart(MoveKind kind, ExploredStart start, byte index, byte process)
    {
        switch (kind)
        {
            case MoveKind.Announce:
                start.Announce(_processes[process]!, process);
                _processes[process]!.Unread.NoteAnnounced(index);
                break;
            case MoveKind.Insert:
                start.Insert();
                break;
            case MoveKind.InsertNeverSent:
                start.FailToInsert();
                break;
            case MoveKind.InsertLandsUnanswered:
                start.InsertUnanswered();
                break;
            case MoveKind.InsertIsOnItsWay:
                start.SendInsertUnanswered();
                break;
            case MoveKind.Run:
                start.Run();
                break;
            case MoveKind.Created:
                start.Confirm();
                _processes[start.Process]!.Unread.NoteCreated(index);
                break;
            case MoveKind.Withdraw:
                start.Withdraw();
                _processes[start.Process]!.Unread.NoteWithdrawn(index);
                break;
            case MoveKind.LateInsertLands:
                start.Land();
                break;
            case MoveKind.LateInsertIsLost:
                start.LoseInsert();
                break;
        }

        Touch(start.Saga);
    }

    private void Succeed()
    {
        _processes.Add(new ExploredProcess(_database, _bounds.PageSize));
        TouchAll();
    }

    private void TouchAll()
    {
        for (int saga = 0; saga < _bounds.Sagas; saga++)
        {
            Touch(saga);
        }
    }

    /// <summary>A run ends and reports it; a run that may no longer write stops. As in the durable executor.</summary>
    private void Finish(ExploredProcess process, int saga)
    {
        bool knowsOfCancellation = process.Executor.CancellationOf(IdOf(saga)) is not null;
        AdoptGeneration generation = process.Executor.End(IdOf(saga));
        try
        {
            WriteEnd(process, saga, generation, knowsOfCancellation); // taken or refused: either way the run is over
            process.Starts.ReportEnded(IdOf(saga), generation);
            process.Unread.NoteEnded(saga, generation);
        }
        catch (CoordinatorFencedException fenced)
        {
            process.Coordinator.ReportFenced(fenced);
        }

        Touch(saga);
    }

    private void WriteEnd(ExploredProcess process, int saga, AdoptGeneration generation, bool knowsOfCancellation)
    {
        try
        {
            WriteEnd(process.Member, saga, generation, knowsOfCancellation);
        }
        catch (JoinLostException lost)
        {
            Membership member = process.Coordinator.RejoinAsync(lost.Member, CancellationToken.None).Outcome();
            SagaState end = knowsOfCancellation ? SagaState.Unwound : SagaState.Succeeded;
            var everything = new SagaLogEntry(IdOf(saga), generation, [], end) { Cancellation = knowsOfCancellation ? Request : null };
            _database.RestoreAsync(member, everything, CancellationToken.None).Outcome();
        }
    }

    /// <summary>A cancelled saga is unwound: by a run that knows of the request, or by one whose success is refused for it.</summary>
    private void WriteEnd(Membership member, int saga, AdoptGeneration generation, bool knowsOfCancellation)
    {
        bool hasEnded = !knowsOfCancellation && Write(member, saga, generation, SagaState.Succeeded);
        if (!hasEnded && (knowsOfCancellation || Row(saga) is { Cancellation: not null }))
        {
            Write(member, saga, generation, SagaState.Unwound);
        }
    }

    private void ReportInterrupted(ExploredProcess process, int index, int saga)
    {
        AdoptGeneration generation = process.Executor.End(IdOf(saga));
        process.Starts.ReportInterrupted(IdOf(saga), generation);
        process.Unread.NoteInterrupted(saga, generation);
        _begunUnseen.Remove((index, saga));
        Touch(saga);
    }

    private bool Write(Membership member, int saga, AdoptGeneration generation, SagaState? state) =>
        _database.AppendAsync(member, [new SagaLogEntry(IdOf(saga), generation, [], state)], CancellationToken.None).Outcome()[0];

    private void Touch(int saga)
    {
        foreach (ExploredProcess? process in _processes)
        {
            process?.Watch?.Touch(saga);
        }
    }

    private int NumberOf(SagaId sagaId) => Enumerable.Range(0, _bounds.Sagas).First(saga => IdOf(saga) == sagaId);
}
