using SagaRecovery.Status;

namespace SagaRecovery.Testing.Tests.Exploration;

/// <summary>The result of a resume; the executor's answer may be on its way.</summary>
internal enum ResumeNote
{
    Failed,
    TakenOn,
    RanAlready,
}

/// <summary>The duties of one pass of one process, and the real events while it is under way.</summary>
internal sealed class PassWatch
{
    /// <summary>Sagas in progress and ours that no process ran or was starting when the pass began, and that have not changed since.</summary>
    public HashSet<int> Owed { get; } = [];

    /// <summary>Sagas that were finished or not ours when the pass began, with no start under way, and that have not changed since.</summary>
    public HashSet<int> Dead { get; } = [];

    /// <summary>Sagas in progress and ours whose cancellation was stored when the pass began, and that have not changed since.</summary>
    public HashSet<int> Cancelled { get; } = [];

    /// <summary>Sagas whose resume was begun, with its result.</summary>
    public SortedDictionary<int, ResumeNote> Resumed { get; } = [];

    public int Announced { get; set; }

    public int Found { get; set; }

    public int Recovered { get; set; }

    public int Failed { get; set; }

    /// <summary>Interruptions that the pass has read.</summary>
    public int FailedRuns { get; set; }

    /// <summary>Those of runs that had been counted as recovered.</summary>
    public int TakenBack { get; set; }

    public int Unlisted { get; set; }

    public int Reassigned { get; set; }

    public int Lost { get; set; }

    /// <summary>A saga changed: any result of the pass for it is right.</summary>
    public void Touch(int saga)
    {
        Owed.Remove(saga);
        Dead.Remove(saga);
        Cancelled.Remove(saga);
    }

    public void AddTo(Fingerprint fingerprint)
    {
        fingerprint.Add([.. Owed.Order()]);
        fingerprint.Add([.. Dead.Order()]);
        fingerprint.Add([.. Cancelled.Order()]);
        fingerprint.Add([.. Resumed.Keys]);
        fingerprint.Add([.. Resumed.Values.Select(note => (int)note)]);
        fingerprint.Add([Announced, Found, Recovered, Failed, FailedRuns, TakenBack, Unlisted, Reassigned, Lost]);
    }

    /// <summary>Compares a report with what really happened.</summary>
    /// <exception cref="Violation">They differ.</exception>
    public void Check(PassReport pass, RecoveryTotals before, RecoveryTotals after)
    {
        Same("observed starts", pass.ObservedStarts, Announced);
        if (pass.Result != PassResult.Failed)
        {
            Same("found", pass.Found, Found);
        }

        Same("recovered", pass.Recovered, Recovered);
        Same("failed", pass.Failed, Failed);
        Same("failed runs", pass.FailedRuns, FailedRuns);
        Same("taken back", pass.TakenBack, TakenBack);
        Same("removed", pass.Removed, Unlisted);
        Same("lost", pass.Lost, Lost);
        Same("reassigned", pass.Reassigned, Reassigned);
        Same("the sum of all buckets", Sum(pass), pass.Found);
        Same("recovered since start", after.Recovered, before.Recovered + Recovered - TakenBack);
        Same("failed since start", after.Failed, before.Failed + Failed + FailedRuns);
        Same("starts observed since start", after.ObservedStarts, before.ObservedStarts + Announced);
        Same("finished since start", after.InferredFinished, before.InferredFinished + Unlisted);
        Same("reassigned since start", after.BadStateInExecutor, before.BadStateInExecutor + Reassigned);
        Same("passes since start", after.Passes, before.Passes + 1);
    }

    private static int Sum(PassReport pass) => pass.Recovered + pass.Failed + pass.Skipped + pass.UnknownDefinition + pass.Abandoned + pass.Superseded
        + pass.NotAttempted + pass.BackingOff + pass.Held + pass.Unreadable;

    private static void Same(string what, long reported, long real)
    {
        if (reported != real)
        {
            throw new Violation(Promise.TrueReport, $"the report has {what}: {reported}, and it was {real}");
        }
    }
}
