namespace SagaRecovery.Status;

/// <summary>How the process before this one, under the same coordinator id, ended.</summary>
/// <param name="Crashed">Whether it ended in any other way than by shutting down.</param>
/// <param name="LastSeen">Its last sign of life: for so long nobody ran its sagas.</param>
/// <param name="InFlight">How many sagas in progress it had handed over so shortly before that one of them may have killed it.</param>
public sealed record PreviousProcess(bool Crashed, DateTimeOffset LastSeen, int InFlight);
