namespace SagaRecovery.Executor.Progress;

/// <summary>The state of a node, derived from its last event in the log.</summary>
internal enum NodeState : byte
{
    NeverStarted,
    Started,
    Succeeded,
    Failed,

    /// <summary>The action failed, its effect is uncertain, and its undo has to run.</summary>
    FailedUncertain,
    UndoStarted,
    UndoFinished,
    UndoFailed,
}
