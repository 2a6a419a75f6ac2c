using SagaRecovery.Fencing;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Testing.Tests.Exploration;

/// <content>The promises, and the fingerprint of all that they depend on.</content>
internal sealed partial class World
{
    public UInt128 Fingerprint()
    {
        var fingerprint = new Fingerprint();
        fingerprint.Add([_faults, _interruptions, _triggers, _losses, _cancellations, _transactions, _processes.Count]);
        AddPastTo(fingerprint);
        Array.ForEach(_starts, start => start.AddTo(fingerprint, _database));
        fingerprint.Add(_database.IsCurrent(_anotherMember));
        for (int saga = 0; saga < _bounds.Sagas; saga++)
        {
            StoredSaga? row = Row(saga);
            fingerprint.Add([row is null ? -1 : (int)row.State, (int)(row?.Generation.Value ?? 0), row?.Owner == Another ? 1 : 0, row?.Cancellation is null ? 0 : 1]);
        }

        for (int index = 0; index < _processes.Count; index++)
        {
            fingerprint.Add(_processes[index] is not null);
            fingerprint.Add(_processes[index] is { } process && _database.IsCurrent(process.Member));
            _processes[index]?.AddTo(fingerprint, _bounds.Sagas);
        }

        fingerprint.Add([.. _begunUnseen.Select(run => (run.Process * 10) + run.Saga).Order()]);
        return fingerprint.Value;
    }

    /// <summary>An executor stops all its runs when its process learns that it is fenced.</summary>
    private void StopRunsOfTheFenced()
    {
        foreach (ExploredProcess process in _processes.OfType<ExploredProcess>().Where(process => process.IsFenced))
        {
            foreach (SagaId sagaId in process.Executor.Running.Keys)
            {
                process.Executor.End(sagaId);
            }
        }
    }

    /// <summary>(a) No saga is run by two owners whose writes both take effect: the database decides.</summary>
    private void AtMostOneOwnerCanWrite()
    {
        for (int saga = 0; saga < _bounds.Sagas; saga++)
        {
            int owners = _processes.Count(process => process?.Executor.RunsAt(IdOf(saga)) is { } generation && CanWrite(process, saga, generation));
            if (owners > 1)
            {
                throw new Violation(Promise.OneOwner, $"saga {NameOf(saga)} is run by {owners} owners whose writes both count");
            }
        }
    }

    /// <summary>A cancellation and a success race: one of the two is stored.</summary>
    private void NoCancelledSagaHasSucceeded()
    {
        for (int saga = 0; saga < _bounds.Sagas; saga++)
        {
            if (Row(saga) is { State: SagaState.Succeeded, Cancellation: not null })
            {
                throw new Violation(Promise.CancellationIsObeyed, $"the cancellation of saga {NameOf(saga)} is stored, and so is its success");
            }
        }
    }

    /// <summary>(b) No saga is resumed while it runs in this process, unless its executor had failed to report that it had begun.</summary>
    private void NotResumedWhileItRuns(
        ExploredProcess process, int index, int saga, IReadOnlyDictionary<SagaId, AdoptGeneration> running)
    {
        AdoptGeneration reassigned = process.Store.Loaded.OfType<LoadedSaga.Present>().First(loaded => loaded.Saga.Id == IdOf(saga)).Saga.Generation;
        if (running.TryGetValue(IdOf(saga), out AdoptGeneration generation) && generation >= reassigned && !_begunUnseen.Contains((index, saga)))
        {
            throw new Violation(Promise.NeverTwice, $"saga {NameOf(saga)} is resumed while it runs here");
        }
    }

    private void OnlyRunsThatAreNotOursAreEnded(ExploredProcess process, IReadOnlyDictionary<SagaId, AdoptGeneration> before)
    {
        foreach ((SagaId sagaId, AdoptGeneration generation) in before)
        {
            int saga = NumberOf(sagaId);
            if (process.Executor.RunsAt(sagaId) is null && CanWrite(process, saga, generation))
            {
                throw new Violation(Promise.NeverForgotten, $"saga {NameOf(saga)} runs here and is ours, and is forgotten");
            }
        }
    }

    /// <summary>(c) Every saga in progress that no process runs is resumed by the next complete pass, unless it failed and is not due.</summary>
    private void OwedSagasWereResumed(ExploredProcess process, PassWatch watch)
    {
        foreach (int saga in watch.Owed.Where(saga => !watch.Resumed.ContainsKey(saga)))
        {
            if (process.IsExplicit || !TrackerState.Waits(process.Tracker, IdOf(saga)))
            {
                throw new Violation(Promise.NeverLost, $"saga {NameOf(saga)} is in progress and ours, no process runs it, and a complete pass does not resume it");
            }
        }
    }

    /// <summary>A complete pass tells each run here of a cancellation that was stored when the pass began.</summary>
    private static void CancelledRunsHaveHeard(ExploredProcess process, PassWatch watch)
    {
        foreach (int saga in watch.Cancelled.Where(saga => process.Executor.RunsAt(IdOf(saga)) is not null && process.Executor.CancellationOf(IdOf(saga)) is null))
        {
            throw new Violation(Promise.CancellationIsObeyed, $"saga {NameOf(saga)} runs here, was cancelled before the pass began, and does not hear of it");
        }
    }

    /// <summary>(d) Tracked entries do not leak: a complete pass forgets every saga that had ended or was not ours when it began.</summary>
    private static void DeadEntriesAreForgotten(ExploredProcess process, PassWatch watch)
    {
        foreach (int saga in watch.Dead.Where(saga => TrackerState.Tracks(process.Tracker, IdOf(saga))))
        {
            throw new Violation(Promise.NoLeak, $"saga {NameOf(saga)} is not ours or has ended, and is tracked after a complete pass");
        }
    }

    private static void TheTriggerIsAnswered(ExploredProcess process, PassReport report)
    {
        foreach (Activation activation in process.Activations.ToArray())
        {
            bool due = activation.PassesBegun < report.Start.Iteration;
            if (activation.Answer.IsCompleted != due)
            {
                throw new Violation(Promise.AnsweredTrigger, due ? "an activation is not answered by a pass that began after it" : "an activation is answered by a pass that began before it");
            }

            if (due)
            {
                process.Activations.Remove(activation);
            }
        }
    }

    private PassWatch WatchFor(ExploredProcess process, int index)
    {
        var watch = new PassWatch();
        bool isPresent = index == _processes.Count - 1;
        for (int saga = 0; saga < _bounds.Sagas; saga++)
        {
            bool starting = _starts.Any(start => start.Saga == saga && start.Process == index && start.IsUnderWay);
            bool ours = Row(saga) is { State: SagaState.Running } row && row.Owner == ExploredProcess.Us;
            if (!starting && ours && isPresent && process.Executor.RunsAt(IdOf(saga)) is null)
            {
                watch.Owed.Add(saga);
            }
            else if (!starting && !ours)
            {
                watch.Dead.Add(saga);
            }

            if (ours && isPresent && Row(saga)!.Cancellation is not null)
            {
                watch.Cancelled.Add(saga);
            }
        }

        return watch;
    }

    /// <summary>Indicates whether a run can write now. Checked at the database, with an entry that changes nothing.</summary>
    private bool CanWrite(ExploredProcess process, int saga, AdoptGeneration generation)
    {
        try
        {
            return Row(saga) is { State: SagaState.Running } && Write(process.Member, saga, generation, state: null);
        }
        catch (Exception refused) when (refused is CoordinatorFencedException or JoinLostException)
        {
            return false;
        }
    }

    private void AddPastTo(Fingerprint fingerprint)
    {
        if (_losses == _bounds.Losses)
        {
            return; // the explorer will not return to it
        }

        foreach ((IReadOnlyList<StoredSaga> sagas, long incarnation) in _database.LosableStates(ExploredProcess.Us))
        {
            fingerprint.Add((int)incarnation);
            foreach (StoredSaga saga in sagas)
            {
                fingerprint.Add([NumberOf(saga.Id), (int)saga.State, (int)saga.Generation.Value, saga.Owner == Another ? 1 : 0, saga.Cancellation is null ? 0 : 1]);
            }
        }
    }

    private static string NameOf(int saga) => ((char)('A' + saga)).ToString();
}
