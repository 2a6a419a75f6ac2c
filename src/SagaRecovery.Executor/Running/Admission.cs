namespace SagaRecovery.Executor.Running;

/// <summary>The result of admitting a run to the table.</summary>
internal enum Admission
{
    /// <summary>The run has a slot. The caller starts it.</summary>
    Started,

    /// <summary>The run waits for a free slot.</summary>
    Queued,

    /// <summary>The saga is already running at this generation or a newer one.</summary>
    AlreadyRunning,

    /// <summary>The table is closed to new runs.</summary>
    Closed,
}
