using SagaRecovery.Storage;

namespace SagaRecovery.Executor.Progress;

/// <summary>The steps to take next.</summary>
/// <param name="Events">New events. They must be durable before anything in <paramref name="Actions"/> or <paramref name="Undos"/> begins.</param>
/// <param name="Actions">The nodes whose action to run.</param>
/// <param name="Undos">The nodes whose undo to run.</param>
internal readonly record struct NextSteps(List<SavedNodeEvent> Events, List<int> Actions, List<int> Undos)
{
    public void Clear()
    {
        Events.Clear();
        Actions.Clear();
        Undos.Clear();
    }
}

/// <summary>
/// The progress of one saga and the decision about its next steps. It makes every decision of a run, without I/O, clock or async. Not
/// thread-safe.
/// </summary>
internal sealed class SagaProgress
{
    private readonly NodeStates _states;
    private readonly bool[] _dispatched; // begun by this process; a node that is started in the log but not dispatched was interrupted by a crash
    private readonly ReadOnlyMemory<byte>[] _outputs;
    private readonly ReadOnlyMemory<byte>[] _errors;
    private readonly ReadOnlyMemory<byte>[] _undoErrors;
    private readonly bool[] _uncertain; // the action failed, and its undo runs all the same
    private readonly NextSteps _next = new(new(1), new(1), []); // reused by every call of Next
    private Func<int, bool> _mayStayOpen = static _ => false;

    public SagaProgress(SagaShape shape)
    {
        Shape = shape;
        _states = new NodeStates(shape);
        _dispatched = new bool[shape.Count];
        _outputs = new ReadOnlyMemory<byte>[shape.Count];
        _errors = new ReadOnlyMemory<byte>[shape.Count];
        _undoErrors = new ReadOnlyMemory<byte>[shape.Count];
        _uncertain = new bool[shape.Count];
    }

    /// <summary>Creates the progress of a new saga after the first events of its log.</summary>
    public static SagaProgress After(SagaShape shape, IReadOnlyList<SavedNodeEvent> firstEvents)
    {
        var progress = new SagaProgress(shape);
        foreach (SavedNodeEvent nodeEvent in firstEvents)
        {
            progress.Record(nodeEvent);
        }

        return progress;
    }

    public SagaShape Shape { get; }

    /// <summary>
    /// The node whose action failed. The log keeps no order, so after a replay with several failures it is the one with the lowest id.
    /// </summary>
    public int? FailedNode { get; private set; }

    /// <summary>The node whose undo failed; null if none did.</summary>
    public int? StuckNode { get; private set; }

    /// <summary>True if the saga unwinds because it was cancelled.</summary>
    public bool IsCancelled { get; private set; }

    public bool IsUnwinding => IsCancelled || FailedNode is not null;

    public NodeState this[int node] => _states[node];

    /// <summary>The final state of the saga; null while steps remain.</summary>
    public SagaState? End
    {
        get
        {
            if (!IsUnwinding)
            {
                return _states.Count(NodeState.Succeeded) == Shape.Count ? SagaState.Succeeded : null;
            }

            if (StuckNode is not null)
            {
                return _states.Count(NodeState.Started) + _states.Count(NodeState.UndoStarted) == 0 ? SagaState.Stuck : null;
            }

            int undone = _states.Count(NodeState.NeverStarted) + _states.Count(NodeState.Failed) + _states.Count(NodeState.UndoFinished);
            return undone == Shape.Count ? SagaState.Unwound : null;
        }
    }

    /// <summary>Returns the cause of a state of this saga for searches; null for a state that has none.</summary>
    public SagaFailure? FailureIn(SagaState state) => (state, StuckNode, FailedNode) switch
    {
        (SagaState.Running or SagaState.Succeeded, _, _) => null,
        (SagaState.Stuck, { } stuck, _) => new SagaFailure(Shape.NameOf(stuck), SagaErrors.Read(_undoErrors[stuck]).Code),
        (_, _, { } failed) when !IsCancelled => new SagaFailure(Shape.NameOf(failed), SagaErrors.Read(_errors[failed]).Code),
        _ => IsCancelled ? new SagaFailure(Node: null, SagaErrors.Cancelled.Code) : null,
    };

    public ReadOnlyMemory<byte> OutputOf(int node) => _outputs[node];

    /// <summary>Returns the error of a node's action.</summary>
    public ReadOnlyMemory<byte> ErrorOf(int node) => _errors[node];

    /// <summary>Returns the error of a node's undo.</summary>
    public ReadOnlyMemory<byte> UndoErrorOf(int node) => _undoErrors[node];

    /// <summary>Returns true if the action of a node failed and its undo runs all the same, without an output.</summary>
    public bool IsUncertain(int node) => _uncertain[node];

    /// <summary>Returns the complete log that leads to this progress, ordered by node.</summary>
    public List<SavedNodeEvent> ToEvents()
    {
        List<SavedNodeEvent> events = [];
        for (int node = 0; node < Shape.Count; node++)
        {
            foreach (NodeEventType type in Enum.GetValues<NodeEventType>())
            {
                if (LeadsTo(type, node))
                {
                    events.Add(new SavedNodeEvent(node, type, DataOf(node, type)));
                }
            }
        }

        return events;
    }

    /// <summary>Applies an event.</summary>
    /// <exception cref="InvalidOperationException">The event cannot follow the state of its node: the caller has a bug.</exception>
    public void Record(SavedNodeEvent nodeEvent)
    {
        (int node, NodeEventType type, ReadOnlyMemory<byte> data) = nodeEvent;
        if (type is NodeEventType.UndoStarted && SagaErrors.IsAfterFailure(data))
        {
            RunUndoAfterFailure(node);
        }

        if (!MayFollow(type, _states[node]))
        {
            throw new InvalidOperationException($"Node {node} '{Shape.NameOf(node)}' is {_states[node]}: {type} cannot follow.");
        }

        _uncertain[node] |= type is NodeEventType.Failed && SagaErrors.IsUncertain(data);
        bool mayUndo = MayUndo;
        bool isStuck = StuckNode is not null;
        _states.Set(node, _uncertain[node] && type is NodeEventType.Failed ? NodeState.FailedUncertain : StateAfter(type));
        switch (type)
        {
            case NodeEventType.Succeeded:
                _outputs[node] = data;
                _dispatched[node] = false; // its undo has not been dispatched
                break;
            case NodeEventType.Failed:
                _errors[node] = data;
                _dispatched[node] = false; // an undo of it has not been dispatched
                FailedNode ??= node;
                break;
            case NodeEventType.UndoFailed:
                _undoErrors[node] = data;
                StuckNode ??= node;
                break;
        }

        if (MayUndo != mayUndo || StuckNode is not null != isStuck)
        {
            _states.ReconsiderAll();
        }
    }

    /// <summary>Lets the undo of a node run although its action failed. Does nothing for a node that has not failed.</summary>
    public void RunUndoAfterFailure(int node)
    {
        if (_states[node] is NodeState.Failed)
        {
            _uncertain[node] = true;
            _states.Set(node, NodeState.FailedUncertain);
        }
    }

    /// <summary>Marks the saga as unwinding although its log lacks the failure, because the database lost the commit.</summary>
    /// <param name="failedNode">The node that is assumed to have failed. If its action was in flight, it runs again and is undone.</param>
    public void UnwindFrom(int failedNode)
    {
        FailedNode = failedNode;
        _states.ReconsiderAll();
    }

    /// <summary>
    /// Cancels the saga: no further action starts, and what has succeeded is undone. A node whose action had started in an earlier process
    /// runs again before its undo, unless its effect need not be known.
    /// </summary>
    /// <param name="mayStayOpen">Tells whether an action may be left without a result: its node has no undo, or one for that case.</param>
    public void Cancel(Func<int, bool> mayStayOpen)
    {
        IsCancelled = true;
        _mayStayOpen = mayStayOpen;
        _states.ReconsiderAll();
    }

    /// <summary>
    /// Returns the next steps and records them as begun, so a second call without new events returns none. The first call after a replay
    /// also returns the steps that the log shows as started: they run again, and their start is not logged twice.
    /// </summary>
    /// <returns>The next steps, valid until the next call.</returns>
    public NextSteps Next()
    {
        NextSteps next = _next;
        next.Clear();
        for (int node = _states.ToAct.TakeLowest(); node >= 0; node = _states.ToAct.TakeLowest())
        {
            if (CanStart(node))
            {
                AddEvent(next, node, NodeEventType.Started);
            }

            if (_states[node] is NodeState.Started && !_dispatched[node] && _states.ParentsHaveCompleted(node))
            {
                if (IsCancelled && _mayStayOpen(node))
                {
                    AddEvent(next, node, NodeEventType.Failed, SagaErrors.Write(SagaErrors.Cancelled));
                }
                else
                {
                    DispatchAction(next, node);
                }
            }
        }

        // Children have higher ids. In descending order, an undo that finishes at once lets its parents begin in the same call.
        for (int node = _states.ToUndo.TakeHighest(); node >= 0; node = _states.ToUndo.TakeHighest())
        {
            if (CanUndo(node))
            {
                AddEvent(next, node, NodeEventType.UndoStarted, _uncertain[node] ? SagaErrors.AfterFailure : default);
            }

            if (_states[node] is NodeState.UndoStarted && !_dispatched[node] && MayFinishUndo(node))
            {
                DispatchUndo(next, node);
            }
        }

        return next;
    }

    private static bool MayFollow(NodeEventType type, NodeState state) => type switch
    {
        NodeEventType.Started => state is NodeState.NeverStarted,
        NodeEventType.Succeeded or NodeEventType.Failed => state is NodeState.Started,
        NodeEventType.UndoStarted => state is NodeState.Succeeded or NodeState.FailedUncertain,
        _ => state is NodeState.UndoStarted,
    };

    private static NodeState StateAfter(NodeEventType type) => type switch
    {
        NodeEventType.Started => NodeState.Started,
        NodeEventType.Succeeded => NodeState.Succeeded,
        NodeEventType.Failed => NodeState.Failed,
        NodeEventType.UndoStarted => NodeState.UndoStarted,
        NodeEventType.UndoFinished => NodeState.UndoFinished,
        _ => NodeState.UndoFailed,
    };

    /// <summary>Returns true if a node has had an event of this type, given its state.</summary>
    private bool LeadsTo(NodeEventType type, int node)
    {
        NodeState state = _states[node];
        bool isUndone = state is NodeState.UndoStarted or NodeState.UndoFinished or NodeState.UndoFailed;
        return StateAfter(type) == state || type switch
        {
            NodeEventType.Started => state is not NodeState.NeverStarted,
            NodeEventType.Succeeded => isUndone && !_uncertain[node],
            NodeEventType.Failed => _uncertain[node],
            NodeEventType.UndoStarted => state is NodeState.UndoFinished or NodeState.UndoFailed,
            _ => false,
        };
    }

    private ReadOnlyMemory<byte> DataOf(int node, NodeEventType type) => type switch
    {
        NodeEventType.Succeeded => _outputs[node],
        NodeEventType.Failed => _errors[node],
        NodeEventType.UndoStarted when _uncertain[node] => SagaErrors.AfterFailure,
        NodeEventType.UndoFailed => _undoErrors[node],
        _ => default,
    };

    /// <summary>True if undos may begin: no action is in flight, since its node might have to be undone first.</summary>
    private bool MayUndo => IsUnwinding && StuckNode is null && _states.Count(NodeState.Started) == 0;

    private bool CanStart(int node) => !IsUnwinding && _states[node] is NodeState.NeverStarted && _states.ParentsHaveCompleted(node);

    private bool CanUndo(int node) =>
        MayUndo && _states[node] is NodeState.Succeeded or NodeState.FailedUncertain && _states.ChildrenAreUndone(node);

    /// <summary>Returns false only if the database has lost the end of a child's undo: the child is undone again first.</summary>
    private bool MayFinishUndo(int node) => _states.ChildrenHaveSettled(node) && (StuckNode is not null || !_states.HasChildToUndo(node));

    private void DispatchAction(NextSteps next, int node)
    {
        foreach (int parent in Shape.ParentsOf(node))
        {
            if (_states[parent] is NodeState.Failed or NodeState.FailedUncertain)
            {
                AddEvent(next, node, NodeEventType.Failed, SagaErrors.Write(SagaErrors.LostInput(Shape.NameOf(parent))));
                return;
            }
        }

        _dispatched[node] = true;
        next.Actions.Add(node);
    }

    private void AddEvent(NextSteps next, int node, NodeEventType type, ReadOnlyMemory<byte> data = default)
    {
        var nodeEvent = new SavedNodeEvent(node, type, data);
        Record(nodeEvent);
        next.Events.Add(nodeEvent);
    }

    private void DispatchUndo(NextSteps next, int node)
    {
        _dispatched[node] = true;
        if (Shape.HasUndo(node))
        {
            next.Undos.Add(node);
        }
        else
        {
            AddEvent(next, node, NodeEventType.UndoFinished);
        }
    }
}
