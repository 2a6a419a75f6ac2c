namespace SagaRecovery.Executor.Running;

/// <summary>Why a run stops before its saga has ended.</summary>
internal enum StopReason
{
    /// <summary>The host shuts down. What was done until then is still ours to write.</summary>
    Shutdown,

    /// <summary>A newer process runs under this coordinator id.</summary>
    Fenced,

    /// <summary>A write was refused: the saga is not ours at this generation any more.</summary>
    SagaFenced,

    /// <summary>The database was failed over or restored, and has lost the saga as a whole.</summary>
    LostByDatabase,

    /// <summary>The database was failed over or restored, and its log of the saga has events that the run does not know.</summary>
    Superseded,

    /// <summary>Recovery found the saga finished, or no longer ours.</summary>
    TakenAway,

    /// <summary>The saga left this coordinator and came back: a run at a newer generation takes over.</summary>
    Replaced,

    /// <summary>The run itself failed.</summary>
    Faulted,
}

internal static class StopReasonText
{
    public static string Describe(this StopReason reason) => reason switch
    {
        StopReason.Shutdown => "this process is shutting down",
        StopReason.Fenced => "a newer process runs under this coordinator id",
        StopReason.SagaFenced => "the saga is not ours at this generation any more",
        StopReason.LostByDatabase => "the database has lost the saga",
        StopReason.Superseded => "the log in the database has gone on without this run, and decides",
        StopReason.TakenAway => "the saga was taken away from this process",
        StopReason.Replaced => "the saga was handed over again at a newer generation",
        _ => "the run was given up",
    };
}
