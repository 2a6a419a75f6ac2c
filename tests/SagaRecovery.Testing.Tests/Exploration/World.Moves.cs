using SagaRecovery.Bookkeeping;
using SagaRecovery.Coordinators;
using SagaRecovery.Status;

namespace SagaRecovery.Testing.Tests.Exploration;

/// <content>What each move does.</content>
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
                Write(_anotherMember, subject, Row(subject)!.Generation, SagaState.Succeeded);
                Touch(subject);
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
            case MoveKind.GiveUp:
                _giveUps++;
                GiveUp(_processes[index]!, index, subject);
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
            case MoveKind.InsertLandsUnheard:
                start.InsertUnheard();
                break;
            case MoveKind.InsertIsOnItsWay:
                start.SendInsertUnheard();
                break;
            case MoveKind.Run:
                start.Run();
                break;
            case MoveKind.Created:
                start.Created();
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
        for (int saga = 0; saga < _bounds.Sagas; saga++)
        {
            Touch(saga);
        }
    }

    /// <summary>A run comes to its end and says so; where it may not write any more, it stops.</summary>
    private void Finish(ExploredProcess process, int saga)
    {
        AdoptGeneration generation = process.Executor.End(IdOf(saga));
        try
        {
            Write(process.Member, saga, generation, SagaState.Succeeded);
        }
        catch (CoordinatorFencedException fenced)
        {
            process.Coordinator.ReportFenced(fenced);
        }

        Touch(saga);
    }

    private void GiveUp(ExploredProcess process, int index, int saga)
    {
        AdoptGeneration generation = process.Executor.End(IdOf(saga));
        process.Starts.GiveUp(IdOf(saga), generation);
        process.Unread.NoteGivenUp(saga, generation);
        _begunUnseen.Remove((index, saga));
        Touch(saga);
    }

    private void BeginPass(ExploredProcess process, int index)
    {
        process.BeginPass(WatchFor(process, index));
        if (process.TakeReport() is { } report)
        {
            EndPass(process, report);
        }
    }

    private void StepPass(ExploredProcess process, int index, bool fail)
    {
        SimulatedStep step = process.Gates.Step!.Value;
        PassWatch watch = process.Watch!;
        IReadOnlyDictionary<SagaId, AdoptGeneration> before = process.Executor.Running;
        int calls = process.Executor.Calls.Count;
        int? saga = process.Gates.SagaId is { } sagaId ? NumberOf(sagaId) : null;
        if (step == SimulatedStep.HandOver)
        {
            watch.HandedOver[saga!.Value] = false;
            NotHandedOverWhileItRuns(process, index, saga.Value, before);
        }

        PassReport? report = process.StepPass(fail);
        if (step == SimulatedStep.ListAnswer || (step == SimulatedStep.ListPage && report is not null))
        {
            watch.Announced += process.Unread.Drain();
        }

        if (step == SimulatedStep.ListAnswer && !fail)
        {
            watch.Found = process.Store.Listed.Count;
            List<ExecutorCall> gone = [.. process.Executor.Calls.Skip(calls)];
            watch.Gone = gone.Count;
            watch.TakenAway = gone.Count(call => call.Relinquished == RelinquishOutcome.Relinquished);
            OnlyRunsThatAreNotOursAreEnded(process, before);
        }

        if (saga is { } handed)
        {
            NoteHandOver(process, watch, (index, handed), step, fail);
        }

        if (report is not null)
        {
            EndPass(process, report);
        }
    }

    private void NoteHandOver(ExploredProcess process, PassWatch watch, (int Process, int Saga) run, SimulatedStep step, bool fail)
    {
        if (step == SimulatedStep.HandOver && fail)
        {
            watch.Failed++;
        }
        else if (step == SimulatedStep.HandOverAnswer)
        {
            bool resumed = process.Executor.Calls.Last(call => call.SagaId == IdOf(run.Saga) && call.Resumed is not null).Resumed is ResumeOutcome.Resumed;
            watch.HandedOver[run.Saga] = !fail;
            watch.Failed += fail ? 1 : 0;
            watch.Recovered += !fail && resumed ? 1 : 0;
            if (fail && resumed)
            {
                _begunUnseen.Add(run);
            }
        }
    }

    private void EndPass(ExploredProcess process, PassReport report)
    {
        PassWatch watch = process.Watch!;
        process.Watch = null;
        watch.Check(report, process.TotalsBefore, process.Status.Current.Totals);
        TheTriggerIsAnswered(process, report);
        if (report.Result is PassResult.Completed or PassResult.CompletedWithFailures)
        {
            WhatIsOwedWasHandedOver(process, watch);
            WhatIsDeadIsForgotten(process, watch);
        }
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
