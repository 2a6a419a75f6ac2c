namespace SagaRecovery.Status;

/// <summary>The end of the previous process under the same coordinator id.</summary>
/// <param name="Crashed">True if the process ended without a shutdown.</param>
/// <param name="LastSeen">The time of its last heartbeat. No process has run its sagas since then.</param>
/// <param name="InFlight">
/// The number of unfinished sagas that were not yet past probation when the process ended. Any of them may have caused a crash.
/// </param>
public sealed record PreviousProcess(bool Crashed, DateTimeOffset LastSeen, int InFlight);
