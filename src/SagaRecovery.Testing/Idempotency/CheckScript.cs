using SagaRecovery.Storage;

namespace SagaRecovery.Testing.Idempotency;

/// <summary>The check as a script of phases, each of which makes runs and judges them. Used once; not thread-safe.</summary>
internal sealed class CheckScript(SagaShape shape, Func<Trial, Task<TrialOutcome>> runTrial)
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
        bool whole = await SucceedTwiceAsync().ConfigureAwait(false)
            && await RepeatEachActionAsync().ConfigureAwait(false)
            && await FailEachNodeAsync().ConfigureAwait(false)
            && await RepeatAndUnwindAsync().ConfigureAwait(false);
        return new IdempotencyReport
        {
            Saga = saga,
            Runs = _runs,
            Faults = _faults,
            UndosNeverRun = [.. Nodes.Where(node => shape.HasUndo(node) && !_undone.Contains(node)).Select(shape.NameOf)],
            EndedEarly = !whole,
        };
    }

    /// <summary>Twice, since a state that differs between two runs that did the same can tell nothing about runs that did not.</summary>
    private async Task<bool> SucceedTwiceAsync()
    {
        if (await EndOfAsync(default).ConfigureAwait(false) is not { } first || !HasSucceeded(first)
            || await EndOfAsync(default).ConfigureAwait(false) is not { } second || !HasSucceeded(second))
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
            if (await EndOfAsync(new Trial(ActsTwice: node)).ConfigureAwait(false) is not { } run)
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
            if (await EndOfAsync(new Trial(Fails: node)).ConfigureAwait(false) is not { } run)
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

    /// <summary>
    /// Each node that is undone in some run, in the fullest of those that left nothing: its action twice, which must not make a second
    /// thing that the undo does not know of; then its undo twice.
    /// </summary>
    private async Task<bool> RepeatAndUnwindAsync()
    {
        foreach (int node in Nodes)
        {
            Unwinding? once = _unwindings.Where(unwinding => unwinding.Done.Contains(node))
                .OrderByDescending(unwinding => unwinding.IsClean).ThenByDescending(unwinding => unwinding.Done.Count).FirstOrDefault();
            if (once is null)
            {
                continue;
            }

            var actsTwice = new Trial(once.Failing, ActsTwice: node);
            if (!await UnwindsAsOnceAsync(actsTwice, once, evidence => _wording.ActionNotIdempotent(actsTwice, node, evidence)).ConfigureAwait(false))
            {
                return false;
            }

            var undoesTwice = new Trial(once.Failing, UndoesTwice: node);
            if (shape.HasUndo(node)
                && !await UnwindsAsOnceAsync(undoesTwice, once, evidence => _wording.UndoNotIdempotent(undoesTwice, node, evidence)).ConfigureAwait(false))
            {
                return false;
            }
        }

        return true;
    }

    private async Task<bool> UnwindsAsOnceAsync(Trial trial, Unwinding once, Func<IReadOnlyList<string>, IdempotencyFault> fault)
    {
        if (await EndOfAsync(trial).ConfigureAwait(false) is not { } run)
        {
            return false;
        }

        if (!IsUnwoundAt(once.Failing, run))
        {
            Add(fault([FaultWording.Describe(run.Result)]));
        }
        else if (run.Before.Difference(run.After) is var left && !once.LeavesAsMuchAs(left))
        {
            Add(fault(left));
        }

        return true;
    }

    /// <summary>Makes a run.</summary>
    /// <returns>Its end; null: it has none, or started elsewhere than the first, and the check is over.</returns>
    private async Task<TrialOutcome.Ended?> EndOfAsync(Trial trial)
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
                throw new InvalidOperationException("A trial has no other outcome.");
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

    /// <summary>Keeps the first of several faults of one kind of the same nodes: later runs meet it again.</summary>
    private void Add(IdempotencyFault fault)
    {
        if (!_faults.Exists(other => other.Kind == fault.Kind && other.Nodes.SequenceEqual(fault.Nodes)))
        {
            _faults.Add(fault);
        }
    }
}
