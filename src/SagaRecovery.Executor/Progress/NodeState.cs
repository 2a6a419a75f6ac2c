namespace SagaRecovery.Executor.Progress;

/// <summary>Where a node stands: what the last event of its log says.</summary>
internal enum NodeState : byte
{
    NeverStarted,
    Started,
    Succeeded,
    Failed,
    UndoStarted,
    UndoFinished,
    UndoFailed,
}
