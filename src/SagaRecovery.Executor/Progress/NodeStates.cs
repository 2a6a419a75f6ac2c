namespace SagaRecovery.Executor.Progress;

/// <summary>
/// The states of the nodes of one saga. It counts them, and the neighbours of each node that block it, so that a decision about a node costs
/// the same in a DAG of any size. It also collects the nodes about which a decision may have changed. Not thread-safe.
/// </summary>
internal sealed class NodeStates
{
    private readonly SagaShape _shape;
    private readonly NodeState[] _states;
    private readonly Blockers[] _blockers;
    private readonly int[] _counts = new int[(int)NodeState.UndoFailed + 1];

    public NodeStates(SagaShape shape)
    {
        _shape = shape;
        _states = new NodeState[shape.Count];
        _blockers = new Blockers[shape.Count];
        _counts[(int)NodeState.NeverStarted] = shape.Count;
        for (int node = 0; node < shape.Count; node++)
        {
            _blockers[node].ParentsIncomplete = shape.ParentsOf(node).Length;
        }

        ToAct = new NodeSet(shape.Count);
        ToUndo = new NodeSet(shape.Count);
        ReconsiderAll();
    }

    public NodeState this[int node] => _states[node];

    /// <summary>The nodes whose action may have to begin.</summary>
    public NodeSet ToAct { get; }

    /// <summary>The nodes whose undo may have to begin.</summary>
    public NodeSet ToUndo { get; }

    /// <summary>Counts the nodes in a state.</summary>
    public int Count(NodeState state) => _counts[(int)state];

    /// <summary>Returns true if no parent of a node has still to end its action.</summary>
    public bool ParentsHaveCompleted(int node) => _blockers[node].ParentsIncomplete == 0;

    /// <summary>Returns true if no child of a node has an action or an undo in flight.</summary>
    public bool ChildrenHaveSettled(int node) => _blockers[node].ChildrenInFlight == 0;

    /// <summary>Returns true if a child of a node has still to be undone.</summary>
    public bool HasChildToUndo(int node) => _blockers[node].ChildrenToUndo > 0;

    /// <summary>Returns true if every child of a node had no effect, or is undone.</summary>
    public bool ChildrenAreUndone(int node) => _blockers[node] is { ChildrenInFlight: 0, ChildrenToUndo: 0, ChildrenStuck: 0 };

    public void Set(int node, NodeState state)
    {
        NodeState before = _states[node];
        _states[node] = state;
        _counts[(int)before]--;
        _counts[(int)state]++;
        ToAct.Add(node);
        ToUndo.Add(node);
        if (IsIncomplete(before) && !IsIncomplete(state))
        {
            foreach (int child in _shape.ChildrenOf(node))
            {
                if (--_blockers[child].ParentsIncomplete == 0)
                {
                    ToAct.Add(child);
                }
            }
        }

        foreach (int parent in _shape.ParentsOf(node))
        {
            _blockers[parent].Count(before, -1);
            _blockers[parent].Count(state, 1);
            if (_blockers[parent].ChildrenInFlight == 0)
            {
                ToUndo.Add(parent);
            }
        }
    }

    /// <summary>Makes every node a candidate, after a change that concerns all of them.</summary>
    public void ReconsiderAll()
    {
        ToAct.AddAll();
        ToUndo.AddAll();
    }

    private static bool IsIncomplete(NodeState state) => state is NodeState.NeverStarted or NodeState.Started;

    /// <summary>The numbers of neighbours that a node waits for.</summary>
    private struct Blockers
    {
        public int ParentsIncomplete;
        public int ChildrenInFlight;
        public int ChildrenToUndo;
        public int ChildrenStuck;

        public void Count(NodeState child, int change)
        {
            switch (child)
            {
                case NodeState.Started or NodeState.UndoStarted:
                    ChildrenInFlight += change;
                    break;
                case NodeState.Succeeded or NodeState.FailedUncertain:
                    ChildrenToUndo += change;
                    break;
                case NodeState.UndoFailed:
                    ChildrenStuck += change;
                    break;
            }
        }
    }
}
