using SagaRecovery.Bookkeeping;

namespace SagaRecovery.Status;

/// <summary>The end of the previous process under the same coordinator id.</summary>
/// <param name="Crashed">
/// True if the process has not shut down: it crashed, was killed, or still ran when the present process fenced it.
/// </param>
/// <param name="LastSeen">The time of its last heartbeat. If it crashed, no process has run its sagas since then.</param>
/// <param name="InFlight">
/// The number of unfinished sagas that were not yet past probation when the process ended. Any of them may have caused a crash.
/// </param>
public sealed record PreviousProcess(bool Crashed, DateTimeOffset LastSeen, int InFlight)
{
    /// <summary>The crash loop of which that process was the last one; null if there is none, or if the present process has survived it.</summary>
    public CrashLoop? Loop { get; init; }
}
