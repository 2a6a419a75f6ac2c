namespace SagaRecovery.Stress.Reconciliation;

/// <summary>The event ids that the reconciliation reads. They are stable: see the <c>Log.cs</c> of recovery (1–99) and executor (100–199).</summary>
internal enum LogEventId
{
    Joined = 1,
    Fenced = 2,
    ObservedStart = 5,
    Recovered = 8,
    FailedToRecover = 9,
    Finished = 10,
    PassComplete = 11,
    PassFailed = 12,
    Reassigned = 14,
    Abandoned = 16,
    ProtocolViolation = 20,
    Interrupted = 21,
    Drained = 40,
    LostByDatabase = 45,
    TakenBack = 92,
    StoppedOnRequest = 93,
    Started = 100,
    Resumed = 101,
    Succeeded = 102,
    Unwound = 104,
    Stuck = 105,
    RunInterrupted = 107,
    WritesFailing = 109,
    WritesRecovered = 110,
}
