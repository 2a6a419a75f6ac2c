using SagaRecovery.Storage;

namespace SagaRecovery.Testing.Idempotency;

/// <summary>The phases of the check. Each phase makes runs and reports their faults. For a single use; not thread-safe.</summary>
/// <param name="shape">The nodes of the saga.</param>
/// <param name="undoesAfterFailure">Tells whether the undo of a node runs after an uncertain failure of its action.</param>
/// <param name="runTrial">Makes a run.</param>
internal sealed class CheckScript(SagaShape shape, Func<int, bool> undoesAfterFailure, Func<Trial, Task<TrialOutcome>> runTrial)
{
    private readonly FaultWording _wording = new(shape);
    private readonly List<string> _runs = [];
    private readonly List<IdempotencyFault> _faults = [];
    private readonly HashSet<int> _undone = [];
    private readonly List<Unwinding> _unwindings = [];
    private StateLines? _start;
    private ReferenceState? _end;

    private IEnumerable<int> Nodes => Enumerable.Range(0, shape.Count);

    public async Task<IdempotencyReport> RunAsync(string saga)
    {
        bool isComplete = await SucceedTwiceAsync().ConfigureAwait(false)
            && await RepeatEachActionAsync().ConfigureAwait(false)
            && await FailEachNodeAsync().ConfigureAwait(false)
            && await FailUncertainlyAsync().ConfigureAwait(false)
            && await RepeatAndUnwindAsync().ConfigureAwait(false);
        return new IdempotencyReport
        {
            Saga = saga,
            Runs = _runs,
            Faults = _faults,
            UndosNeverRun = [.. Nodes.Where(node => shape.HasUndo(node) && !_undone.Contains(node)).Select(shape.NameOf)],
            EndedEarly = !isComplete,
        };
    }

    /// <summary>
    /// Runs the saga twice without faults. Lines that differ between two identical runs prove nothing about a run with a fault.
    /// </summary>
    private async Task<bool> SucceedTwiceAsync()
    {
        if (await RunToEndAsync(default).ConfigureAwait(false) is not { } first || !HasSucceeded(first)
            || await RunToEndAsync(default).ConfigureAwait(false) is not { } second || !HasSucceeded(second))
        {
            return false;
        }

        _end = new ReferenceState(first.After, second.After);
        IReadOnlyList<string> difference = first.After.Difference(second.After);
        if (difference.Count > 0)
        {
            Add(_wording.StateVaries(second.Trial, [.. difference, .. _wording.OutputsThatDiffer(first.Log, second.Log)]));
        }

        return true;
    }

    private async Task<bool> RepeatEachActionAsync()
    {
        foreach (int node in Nodes)
        {
            if (await RunToEndAsync(new Trial(ActsTwice: node)).ConfigureAwait(false) is not { } run)
            {
                return false;
            }

            IReadOnlyList<string> evidence =
                run.Result is SagaResult.Succeeded ? _end!.Difference(run.After) : [FaultWording.Describe(run.Result)];
            if (evidence.Count > 0)
            {
                Add(_wording.ActionNotIdempotent(run.Trial, node, evidence));
            }
        }

        return true;
    }

    private async Task<bool> FailEachNodeAsync()
    {
        foreach (int node in Nodes)
        {
            if (await RunToEndAsync(new Trial(Fails: node)).ConfigureAwait(false) is not { } run)
            {
                return false;
            }

            if (IsUnwoundAt(node, run))
            {
                HashSet<int> done = [.. run.Log.Where(nodeEvent => nodeEvent.Type == NodeEventType.Succeeded).Select(nodeEvent => nodeEvent.NodeId)];
                _unwindings.Add(new Unwinding(run.Trial, node, done, run.Before.Difference(run.After)));
            }
            else
            {
                Add(_wording.Unexpected(run));
            }
        }

        Leftover.Of(_unwindings).ForEach(leftover => Add(_wording.LeftBehind(leftover)));
        return true;
    }

    /// <summary>Fails each node that undoes after an uncertain failure, before and after its effect: it must leave as little as a definite failure.</summary>
    private async Task<bool> FailUncertainlyAsync()
    {
        foreach (Unwinding baseline in _unwindings.Where(unwinding => undoesAfterFailure(unwinding.Failing)).ToArray())
        {
            foreach (FailureKind kind in (FailureKind[])[FailureKind.UncertainBeforeEffect, FailureKind.UncertainAfterEffect])
            {
                var trial = new Trial(Fails: baseline.Failing, Failure: kind);
                if (!await UnwindsLikeAsync(baseline, trial, evidence => _wording.UndoAfterFailure(trial, baseline.Failing, evidence)).ConfigureAwait(false))
                {
                    return false;
                }
            }
        }

        return true;
    }

    /// <summary>
    /// Repeats the action of each node in a run that undoes it, because a repeated action must not create something that its undo does
    /// not remove. Then repeats its undo. Prefers clean runs, and among these the one in which the most nodes succeeded.
    /// </summary>
    private async Task<bool> RepeatAndUnwindAsync()
    {
        foreach (int node in Nodes)
        {
            Unwinding? baseline = _unwindings.Where(unwinding => unwinding.Done.Contains(node))
                .OrderByDescending(unwinding => unwinding.IsClean).ThenByDescending(unwinding => unwinding.Done.Count).FirstOrDefault();
            if (baseline is null)
            {
                continue;
            }

            var actsTwice = new Trial(baseline.Failing, ActsTwice: node);
            if (!await UnwindsLikeAsync(baseline, actsTwice, evidence => _wording.ActionNotIdempotent(actsTwice, node, evidence)).ConfigureAwait(false))
            {
                return false;
            }

            var undoesTwice = new Trial(baseline.Failing, UndoesTwice: node);
            if (shape.HasUndo(node)
                && !await UnwindsLikeAsync(baseline, undoesTwice, evidence => _wording.UndoNotIdempotent(undoesTwice, node, evidence)).ConfigureAwait(false))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Makes a run and reports a fault unless the run unwinds with the same result as the baseline.</summary>
    /// <returns>False if the check cannot continue.</returns>
    private async Task<bool> UnwindsLikeAsync(Unwinding baseline, Trial trial, Func<IReadOnlyList<string>, IdempotencyFault> fault)
    {
        if (await RunToEndAsync(trial).ConfigureAwait(false) is not { } run)
        {
            return false;
        }

        if (!IsUnwoundAt(baseline.Failing, run))
        {
            Add(fault([FaultWording.Describe(run.Result)]));
        }
        else if (run.Before.Difference(run.After) is var left && !baseline.LeavesAsMuchAs(left))
        {
            Add(fault(left));
        }

        return true;
    }

    /// <summary>Makes a run.</summary>
    /// <returns>The end of the run, or null if it did not end or started from another state than the first run: the check stops.</returns>
    private async Task<TrialOutcome.Ended?> RunToEndAsync(Trial trial)
    {
        _runs.Add(trial.Describe(shape));
        switch (await runTrial(trial).ConfigureAwait(false))
        {
            case TrialOutcome.TimedOut timedOut:
                Add(_wording.TimedOut(timedOut));
                return null;
            case TrialOutcome.StateVaried varied:
                Add(_wording.StateVariedAtOnce(varied));
                return null;
            case TrialOutcome.Ended run:
                _undone.UnionWith(run.Log.Where(nodeEvent => nodeEvent.Type == NodeEventType.UndoStarted).Select(nodeEvent => nodeEvent.NodeId));
                _start ??= run.Before;
                if (_start.Difference(run.Before) is { Count: > 0 } difference)
                {
                    Add(_wording.ResetIncomplete(trial, difference));
                    return null;
                }

                return run;
            default:
                throw new InvalidOperationException("Unknown outcome of a trial.");
        }
    }

    private bool HasSucceeded(TrialOutcome.Ended run)
    {
        if (run.Result is SagaResult.Succeeded)
        {
            return true;
        }

        Add(_wording.Unexpected(run));
        return false;
    }

    private bool IsUnwoundAt(int node, TrialOutcome.Ended run) =>
        run.Result is SagaResult.Unwound unwound && unwound.FailedNode == shape.NameOf(node) && unwound.Error.Code == SagaInjections.ErrorCode;

    /// <summary>Adds a fault, unless an earlier run has shown a fault of the same kind and nodes.</summary>
    private void Add(IdempotencyFault fault)
    {
        if (!_faults.Exists(other => other.Kind == fault.Kind && other.Nodes.SequenceEqual(fault.Nodes)))
        {
            _faults.Add(fault);
        }
    }
}
