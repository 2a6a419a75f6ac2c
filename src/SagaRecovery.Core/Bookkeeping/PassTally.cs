using SagaRecovery.Status;

namespace SagaRecovery.Bookkeeping;

/// <summary>Counts hand-over results, and keeps the last few of each kind that the report's histories show.</summary>
internal sealed class PassTally
{
    public int Recovered { get; private set; }

    public int AlreadyRunning { get; private set; }

    public int NotHere { get; private set; }

    public int Failed { get; private set; }

    public int Abandoned { get; private set; }

    public int MovedOn { get; private set; }

    public int Removed { get; private set; }

    public int TakenAway { get; private set; }

    public int NotAttempted { get; set; }

    public int Readopted { get; set; }

    public List<TimeSpan> Idle { get; } = [];

    public Queue<RecoveredSaga> RecoveredSagas { get; } = new();

    public Queue<FailedSaga> FailedSagas { get; } = new();

    public void Count(Candidate candidate, HandOverResult result, DateTimeOffset at, DateTimeOffset idleSince)
    {
        switch (result)
        {
            case HandOverResult.Recovered:
                Recovered++;
                Idle.Add(at - idleSince);
                Keep(RecoveredSagas, new RecoveredSaga(at, candidate.SagaId, candidate.Name, at - idleSince));
                break;
            case HandOverResult.AlreadyRunning:
                AlreadyRunning++;
                break;
            case HandOverResult.MovedOn:
                MovedOn++;
                break;
            case HandOverResult.NotHere:
                NotHere++;
                break;
            case HandOverResult.Failed failed:
                Failed++;
                Keep(FailedSagas, new FailedSaga(at, candidate.SagaId, candidate.Name, failed.Error));
                break;
            case HandOverResult.Abandoned abandoned:
                Abandoned++;
                Keep(FailedSagas, new FailedSaga(at, candidate.SagaId, candidate.Name, $"abandoned: {abandoned.Reason}"));
                break;
        }
    }

    public void Count(RelinquishOutcome answer)
    {
        Removed++;
        TakenAway += answer == RelinquishOutcome.Relinquished ? 1 : 0;
    }

    private static void Keep<T>(Queue<T> kept, T item)
    {
        kept.Enqueue(item);
        if (kept.Count > RecoveryReport.HistoryLength)
        {
            kept.Dequeue();
        }
    }
}
