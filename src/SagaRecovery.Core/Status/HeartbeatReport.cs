namespace SagaRecovery.Status;

/// <summary>The heartbeats of this process. Immutable.</summary>
/// <remarks>Without them, other coordinators take the process for dead, and may take over its sagas.</remarks>
public sealed record HeartbeatReport
{
    /// <summary>The time at which the store answered the last heartbeat; null if it has answered none.</summary>
    public DateTimeOffset? LastWritten { get; init; }

    /// <summary>The time since which heartbeats are late; null unless none has been written for two heartbeat periods.</summary>
    /// <value>The time of the last heartbeat, or that of the first attempt if none was written.</value>
    public DateTimeOffset? LateSince { get; init; }

    /// <summary>The error of the last attempt; null if it succeeded, or has no answer yet.</summary>
    public string? Error { get; init; }

    /// <summary>The meaning of a missing listener connection, in sentences for operators.</summary>
    public static string WithoutListener =>
        "Heartbeats use the pool. Sagas assigned to this process are found at the next heartbeat. "
        + "Operator actions in other processes, such as a release, take effect here at the next periodic pass.";

    /// <summary>
    /// The reason for which the listener connection is not open; null if it is. Heartbeats then use the pool, and find assigned sagas. Other hints
    /// are lost until a periodic pass.
    /// </summary>
    public string? ListenerError { get; init; }
}
