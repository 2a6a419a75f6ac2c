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

    /// <summary>Sentences on the crash loop for operators; null if there is none, or if it is too short to be reported.</summary>
    public string? LoopMessage => Loop is not { IsReported: true } loop ? null
        : $"The last {loop.Crashes} processes ended without a shutdown or were replaced while they ran, the latest within {PlainText.Duration(loop.LastLived)} of its join. " + loop switch
        {
            { ClearsSuspects: true } => "The latest crashed before any suspected saga was resumed, so no single saga is to blame: check the exit code, the memory limit and the liveness probe.",
            { IsUnwatched: true } => "A process crashed before any suspected saga was resumed, so no single saga is to blame. Sagas within the usual probation are suspected "
                + $"as always; one that kills its process later is looked for again after {loop.WatchFrom - loop.Crashes} more {(loop.WatchFrom - loop.Crashes == 1 ? "crash" : "crashes")}.",
            { Probation: { } probation } => $"No single saga is known as the cause yet; each is watched for {PlainText.Duration(probation)} after it is resumed.",
            _ => "No single saga is known as the cause yet.",
        };
}
