using SagaRecovery.Bookkeeping;
using SagaRecovery.Execution;
using SagaRecovery.Fencing;
using SagaRecovery.Status;

namespace SagaRecovery.Testing.Tests.Exploration;

/// <content>The steps of a pass, with their effects and checks.</content>
internal sealed partial class World
{
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
        if (step == SimulatedStep.Resume)
        {
            NotResumedWhileItRuns(process, index, saga!.Value, before);
        }

        PassReport? report = process.StepPass(fail);
        if (step == SimulatedStep.ListAnswer || (step == SimulatedStep.ListPage && report is not null))
        {
            process.Unread.DrainInto(watch, process.Recovered);
        }

        if (step == SimulatedStep.ListAnswer && !fail)
        {
            watch.Found = process.Store.Listed.Count;
            List<ExecutorCall> unlisted = [.. process.Executor.Calls.Skip(calls).Where(call => !process.Store.Lost.Contains(call.SagaId))];
            watch.Lost = process.Store.Lost.Count;
            watch.Unlisted = unlisted.Count;
            watch.Reassigned = unlisted.Count(call => call.Relinquished == RelinquishOutcome.Relinquished);
            OnlyRunsThatAreNotOursAreEnded(process, before);
        }

        if (step == SimulatedStep.Load && report is null)
        {
            process.Store.NoteLoaded(process.Member);
        }

        if (saga is { } resumed)
        {
            NoteResume(process, watch, (index, resumed), step, fail);
        }

        if (report is not null)
        {
            EndPass(process, report);
        }
    }

    private void NoteResume(ExploredProcess process, PassWatch watch, (int Process, int Saga) run, SimulatedStep step, bool fail)
    {
        if (step is not (SimulatedStep.Resume or SimulatedStep.ResumeAnswer))
        {
            return; // a load of one saga only
        }

        ResumeNote note = fail ? ResumeNote.Failed
            : process.Executor.Calls.Last(call => call.SagaId == IdOf(run.Saga) && call.Resumed is not null).Resumed is ResumeOutcome.Resumed ? ResumeNote.TakenOn
            : ResumeNote.RanAlready;
        if (step == SimulatedStep.ResumeAnswer)
        {
            watch.Recovered += note == ResumeNote.TakenOn ? 1 : 0;
            if (note == ResumeNote.TakenOn)
            {
                process.Recovered[run.Saga] = process.Executor.Calls.Last(call => call.SagaId == IdOf(run.Saga) && call.Resumed is not null).Generation;
            }
            if (fail && watch.Resumed[run.Saga] == ResumeNote.TakenOn)
            {
                _begunUnseen.Add(run);
            }
        }

        watch.Failed += fail ? 1 : 0;
        watch.Resumed[run.Saga] = note;
    }

    private void EndPass(ExploredProcess process, PassReport report)
    {
        PassWatch watch = process.Watch!;
        process.Watch = null;
        watch.Check(report, process.TotalsBefore, process.Status.Current.Totals);
        TheTriggerIsAnswered(process, report);
        if (report.Result is PassResult.Completed or PassResult.CompletedWithFailures)
        {
            OwedSagasWereResumed(process, watch);
            DeadEntriesAreForgotten(process, watch);
            CancelledRunsHaveHeard(process, watch);
        }
    }
}
