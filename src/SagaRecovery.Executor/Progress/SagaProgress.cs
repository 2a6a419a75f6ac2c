using SagaRecovery.Storage;

namespace SagaRecovery.Executor.Progress;

/// <summary>What to do now.</summary>
/// <param name="Events">New events: to be durable before anything in <paramref name="Act"/> or <paramref name="Undo"/> is begun.</param>
/// <param name="Act">Nodes whose action is to be run.</param>
/// <param name="Undo">Nodes whose undo is to be run.</param>
internal readonly record struct SagaTurn(List<SavedNodeEvent> Events, List<int> Act, List<int> Undo)
{
    public void Clear()
    {
        Events.Clear();
        Act.Clear();
        Undo.Clear();
    }
}

/// <summary>
/// Where one saga stands, and what may be done next. All decisions about a run are taken here: no I/O, no clock, no async. Not
/// thread-safe.
/// </summary>
internal sealed class SagaProgress
{
    private readonly NodeState[] _states;
    private readonly bool[] _handedOut; // begun by this process; what stands as started in the log and is not, was cut off by a crash
    private readonly ReadOnlyMemory<byte>[] _outputs;
    private readonly ReadOnlyMemory<byte>[] _errors;
    private readonly SagaTurn _turn = new([], [], []); // used again from turn to turn

    public SagaProgress(SagaShape shape)
    {
        Shape = shape;
        _states = new NodeState[shape.Count];
        _handedOut = new bool[shape.Count];
        _outputs = new ReadOnlyMemory<byte>[shape.Count];
        _errors = new ReadOnlyMemory<byte>[shape.Count];
    }

    public SagaShape Shape { get; }

    /// <summary>The node whose action failed first, as far as the log tells: it has no order, so of several the one with the least id.</summary>
    public int? FailedNode { get; private set; }

    /// <summary>The node whose undo failed.</summary>
    public int? StuckNode { get; private set; }

    public bool IsUnwinding => FailedNode is not null;

    public NodeState this[int node] => _states[node];

    /// <summary>The end that the saga has come to; null: there is more to do.</summary>
    public SagaState? End
    {
        get
        {
            bool allSucceeded = true;
            bool settled = true; // nothing under way
            bool allUndone = true;
            foreach (NodeState state in _states)
            {
                allSucceeded &= state is NodeState.Succeeded;
                settled &= state is not (NodeState.Started or NodeState.UndoStarted);
                allUndone &= state is NodeState.NeverStarted or NodeState.Failed or NodeState.UndoFinished;
            }

            if (!IsUnwinding)
            {
                return allSucceeded ? SagaState.Succeeded : null;
            }

            if (StuckNode is not null)
            {
                return settled ? SagaState.Stuck : null;
            }

            return allUndone ? SagaState.Unwound : null;
        }
    }

    public ReadOnlyMemory<byte> OutputOf(int node) => _outputs[node];

    /// <summary>Why its action or its undo failed; the undo's error is the later one, and an action that failed is not undone.</summary>
    public ReadOnlyMemory<byte> ErrorOf(int node) => _errors[node];

    /// <summary>The whole log that leads here, by node.</summary>
    public List<SavedNodeEvent> ToEvents()
    {
        List<SavedNodeEvent> events = [];
        for (int node = 0; node < _states.Length; node++)
        {
            foreach (NodeEventType type in Enum.GetValues<NodeEventType>())
            {
                if (Leads(type, _states[node]))
                {
                    events.Add(new SavedNodeEvent(node, type, DataOf(node, type)));
                }
            }
        }

        return events;
    }

    /// <summary>Takes in what happened.</summary>
    /// <exception cref="InvalidOperationException">It cannot have happened: the caller has a bug.</exception>
    public void Record(SavedNodeEvent nodeEvent)
    {
        (int node, NodeEventType type, ReadOnlyMemory<byte> data) = nodeEvent;
        if (_states[node] != Before(type))
        {
            throw new InvalidOperationException($"Node {node} '{Shape.NameOf(node)}' is {_states[node]}: {type} cannot follow.");
        }

        _states[node] = After(type);
        switch (type)
        {
            case NodeEventType.Succeeded:
                _outputs[node] = data;
                _handedOut[node] = false; // its undo is yet to be handed out
                break;
            case NodeEventType.Failed:
                _errors[node] = data;
                FailedNode ??= node;
                break;
            case NodeEventType.UndoFailed:
                _errors[node] = data;
                StuckNode ??= node;
                break;
        }
    }

    /// <summary>Takes the saga for one that is to be undone although the failure does not stand in its log: a loss of commits took it.</summary>
    /// <param name="failedNode">The node that is taken to have failed. If its action is under way, it is run again and undone.</param>
    public void UnwindFrom(int failedNode) => FailedNode = failedNode;

    /// <summary>
    /// Says what is to be done now, and takes it as begun. Asked again without news, it has nothing more to say. The first time after a
    /// replay it hands out what the log shows as under way: that is run again, without logging its start twice.
    /// </summary>
    /// <returns>Valid until the next call.</returns>
    public SagaTurn Next()
    {
        SagaTurn turn = _turn;
        turn.Clear();
        for (int node = 0; node < _states.Length; node++)
        {
            if (MayStart(node))
            {
                Begin(turn, node, NodeEventType.Started);
            }

            if (_states[node] is NodeState.Started && !_handedOut[node] && ParentsHaveEnded(node))
            {
                HandOutAction(turn, node);
            }
        }

        // Children have greater ids: going down, an undo that is finished on the spot lets its parents begin in the same turn.
        for (int node = _states.Length - 1; node >= 0; node--)
        {
            if (MayUndo(node))
            {
                Begin(turn, node, NodeEventType.UndoStarted);
            }

            if (_states[node] is NodeState.UndoStarted && !_handedOut[node] && ChildrenHaveSettled(node))
            {
                HandOutUndo(turn, node);
            }
        }

        return turn;
    }

    private static NodeState Before(NodeEventType type) => type switch
    {
        NodeEventType.Started => NodeState.NeverStarted,
        NodeEventType.Succeeded or NodeEventType.Failed => NodeState.Started,
        NodeEventType.UndoStarted => NodeState.Succeeded,
        _ => NodeState.UndoStarted,
    };

    private static NodeState After(NodeEventType type) => type switch
    {
        NodeEventType.Started => NodeState.Started,
        NodeEventType.Succeeded => NodeState.Succeeded,
        NodeEventType.Failed => NodeState.Failed,
        NodeEventType.UndoStarted => NodeState.UndoStarted,
        NodeEventType.UndoFinished => NodeState.UndoFinished,
        _ => NodeState.UndoFailed,
    };

    /// <summary>Whether an event of this type is among those that lead to a state.</summary>
    private static bool Leads(NodeEventType type, NodeState state) => After(type) == state || type switch
    {
        NodeEventType.Started => state is not NodeState.NeverStarted,
        NodeEventType.Succeeded => state is NodeState.UndoStarted or NodeState.UndoFinished or NodeState.UndoFailed,
        NodeEventType.UndoStarted => state is NodeState.UndoFinished or NodeState.UndoFailed,
        _ => false,
    };

    private ReadOnlyMemory<byte> DataOf(int node, NodeEventType type) => type switch
    {
        NodeEventType.Succeeded => _outputs[node],
        NodeEventType.Failed or NodeEventType.UndoFailed => _errors[node],
        _ => default,
    };

    private bool MayStart(int node)
    {
        if (IsUnwinding || _states[node] is not NodeState.NeverStarted)
        {
            return false;
        }

        foreach (int parent in Shape.ParentsOf(node))
        {
            if (_states[parent] is not NodeState.Succeeded)
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>As always, but where the database has lost what a parent came to: that is run again first, for its output.</summary>
    private bool ParentsHaveEnded(int node)
    {
        foreach (int parent in Shape.ParentsOf(node))
        {
            if (_states[parent] is NodeState.NeverStarted or NodeState.Started)
            {
                return false;
            }
        }

        return true;
    }

    private bool MayUndo(int node)
    {
        if (!IsUnwinding || StuckNode is not null || _states[node] is not NodeState.Succeeded || _states.Contains(NodeState.Started))
        {
            return false;
        }

        foreach (int child in Shape.ChildrenOf(node))
        {
            if (_states[child] is not (NodeState.NeverStarted or NodeState.Failed or NodeState.UndoFinished))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>As always, but where the database has lost the end of a child's undo: that is undone again first.</summary>
    private bool ChildrenHaveSettled(int node)
    {
        foreach (int child in Shape.ChildrenOf(node))
        {
            if (_states[child] is NodeState.Started or NodeState.UndoStarted || (_states[child] is NodeState.Succeeded && StuckNode is null))
            {
                return false;
            }
        }

        return true;
    }

    private void HandOutAction(SagaTurn turn, int node)
    {
        foreach (int parent in Shape.ParentsOf(node))
        {
            if (_states[parent] is NodeState.Failed)
            {
                Begin(turn, node, NodeEventType.Failed, SagaErrors.Write(SagaErrors.LostInput(Shape.NameOf(parent))));
                return;
            }
        }

        _handedOut[node] = true;
        turn.Act.Add(node);
    }

    private void Begin(SagaTurn turn, int node, NodeEventType type, ReadOnlyMemory<byte> data = default)
    {
        var nodeEvent = new SavedNodeEvent(node, type, data);
        Record(nodeEvent);
        turn.Events.Add(nodeEvent);
    }

    private void HandOutUndo(SagaTurn turn, int node)
    {
        _handedOut[node] = true;
        if (Shape.HasUndo(node))
        {
            turn.Undo.Add(node);
        }
        else
        {
            Begin(turn, node, NodeEventType.UndoFinished);
        }
    }
}
