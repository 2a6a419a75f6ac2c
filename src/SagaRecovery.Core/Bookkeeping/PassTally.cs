using SagaRecovery.Status;

namespace SagaRecovery.Bookkeeping;

/// <summary>Counts the results of a pass and keeps the most recent sagas for the histories of the report.</summary>
internal sealed class PassTally
{
    public int Recovered { get; private set; }

    public int AlreadyRunning { get; private set; }

    public int UnknownDefinition { get; private set; }

    public int Failed { get; private set; }

    public int Abandoned { get; private set; }

    public int Superseded { get; private set; }

    public int Removed { get; private set; }

    public int Reassigned { get; private set; }

    public int NotRelinquished { get; set; }

    public int Readopted { get; set; }

    public List<TimeSpan> IdleTimes { get; } = [];

    public Queue<RecoveredSaga> RecoveredSagas { get; } = new();

    public Queue<FailedSaga> FailedSagas { get; } = new();

    public void Count(Candidate candidate, ResumeResult result, DateTimeOffset at, DateTimeOffset idleSince)
    {
        switch (result)
        {
            case ResumeResult.Recovered:
                Recovered++;
                IdleTimes.Add(at - idleSince);
                KeepLast(RecoveredSagas, new RecoveredSaga(at, candidate.SagaId, candidate.Name, at - idleSince));
                break;
            case ResumeResult.AlreadyRunning:
                AlreadyRunning++;
                break;
            case ResumeResult.Superseded:
                Superseded++;
                break;
            case ResumeResult.UnknownDefinition:
                UnknownDefinition++;
                break;
            case ResumeResult.Failed failed:
                Failed++;
                KeepLast(FailedSagas, new FailedSaga(at, candidate.SagaId, candidate.Name, failed.Error));
                break;
            case ResumeResult.Abandoned abandoned:
                Abandoned++;
                KeepLast(FailedSagas, new FailedSaga(at, candidate.SagaId, candidate.Name, $"abandoned: {abandoned.Reason}"));
                break;
        }
    }

    public void Count(RelinquishOutcome outcome)
    {
        Removed++;
        Reassigned += outcome == RelinquishOutcome.Relinquished ? 1 : 0;
    }

    private static void KeepLast<T>(Queue<T> kept, T item)
    {
        kept.Enqueue(item);
        if (kept.Count > RecoveryReport.HistoryLength)
        {
            kept.Dequeue();
        }
    }
}
