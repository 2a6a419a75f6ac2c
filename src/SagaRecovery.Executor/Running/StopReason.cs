namespace SagaRecovery.Executor.Running;

/// <summary>The reason why a run stops before its saga has ended.</summary>
internal enum StopReason
{
    /// <summary>The host shuts down. The run may still write the results of its actions.</summary>
    Shutdown,

    /// <summary>A newer process has joined under this coordinator id.</summary>
    Fenced,

    /// <summary>The store rejected a write: this process no longer owns the saga at this generation.</summary>
    SagaFenced,

    /// <summary>The database was failed over or restored, and has lost the whole saga.</summary>
    LostByDatabase,

    /// <summary>The database was failed over or restored, and its log has events that the run lacks.</summary>
    Superseded,

    /// <summary>Recovery found the saga finished or owned by another process.</summary>
    Relinquished,

    /// <summary>The saga left this coordinator and returned. A run at a newer generation replaces this one.</summary>
    Replaced,

    /// <summary>An operator holds the saga. The run ends at the next step boundary, and its steps in flight are not cancelled.</summary>
    Held,

    /// <summary>The previous run of the saga in this process has a step that does not end.</summary>
    PredecessorHangs,

    /// <summary>The run failed with an exception.</summary>
    Faulted,
}

internal static class StopReasonText
{
    public static string Describe(this StopReason reason) => reason switch
    {
        StopReason.Shutdown => "this process is shutting down",
        StopReason.Fenced => "a newer process has joined under this coordinator id",
        StopReason.SagaFenced => "this process no longer owns the saga at this generation",
        StopReason.LostByDatabase => "the database has lost the saga",
        StopReason.Superseded => "the log in the database has newer events than this run",
        StopReason.Relinquished => "recovery relinquished the saga",
        StopReason.Replaced => "the saga was resumed at a newer generation",
        StopReason.PredecessorHangs => "the previous run of the saga in this process has a step that does not end",
        StopReason.Held => "an operator holds the saga",
        _ => "the run failed",
    };
}
