using SagaRecovery.Bookkeeping;
using SagaRecovery.Fencing;
using SagaRecovery.Status;

namespace SagaRecovery.Core.Tests.Fixture;

/// <summary>
/// A process that recovers sagas, driven step by step: its inbox, its tracker, its executor, and the database that outlives it. It does
/// what a real pass does between the pure steps, counts what really happens, and checks every pass against the laws of the bookkeeping.
/// </summary>
internal sealed class ScriptedProcess
{
    public static readonly DateTimeOffset Noon = new(2026, 11, 22, 12, 0, 0, TimeSpan.Zero);

    private readonly Dictionary<SagaId, AdoptGeneration> _counted = []; // as recovered, by their present run
    private int _missedHints;
    private readonly Queue<Action> _resumes = new();
    private OpenedPass? _pass;
    private CandidateListing? _listing;
    private List<SagaId> _listed = [];
    private RecoveryPlan? _plan;
    private PassOutcome? _outcome;
    private Refill? _refill;

    public ScriptedProcess(FakeDatabase? database = null, CrashGuardPolicy? crashGuard = null)
    {
        Database = database ?? new FakeDatabase();
        Tracker = new SagaTracker(Inbox, BackoffPolicy.Default, crashGuard);
    }

    public FakeDatabase Database { get; }

    public FakeExecutor Executor { get; } = new();

    public StartInbox Inbox { get; } = new();

    public SagaTracker Tracker { get; }

    public DateTimeOffset Now { get; private set; } = Noon;

    /// <summary>The expected totals of the report: what really happened.</summary>
    public RecoveryTotals Truth { get; set; } = new();

    public RecoveryReport Report { get; private set; } = new()
    {
        Coordinator = new CoordinatorStatus(new CoordinatorId(Guid.Empty), new Incarnation(1), Fenced: null),
        Period = TimeSpan.FromMinutes(10),
    };

    public WaitingSaga? Waiting(SagaId sagaId) => Tracker.Waiting.SingleOrDefault(saga => saga.SagaId == sagaId);

    public bool HasOpenPass => _pass is not null;

    public bool HasOpenRefill => _refill is not null;

    public bool HasPlan => _plan is not null;

    public bool HasListing => _listing is not null;

    public bool HasResumesLeft => _resumes.Count > 0;

    /// <summary>An id that a reader recognises in a failure message.</summary>
    public static SagaId Saga(int number) => SagaId.Parse($"00000000-0000-0000-0000-{number:D12}");

    /// <summary>The process dies, and another takes its place on the same database.</summary>
    public ScriptedProcess CrashAndRestart() => new(Database) { Now = Now, Held = Held, MaxRunning = MaxRunning };

    public void Wait(TimeSpan time) => Now += time;

    /// <summary>The sagas that operators hold.</summary>
    public HashSet<SagaId> Held { get; private init; } = [];

    /// <summary>Sagas of this coordinator that were in flight when a process died.</summary>
    public List<Suspect> Suspects { get; private init; } = [];

    /// <summary>The sagas that may run at once; null: no limit.</summary>
    public int? MaxRunning { get; set; }

    private ExecutorCapacity? Capacity => MaxRunning is { } most ? new ExecutorCapacity(most - Executor.Running.Count) : null;

    public bool WaitsForSlot(SagaId sagaId) => Tracker.Observe(sagaId, Now).Slot is not null;

    /// <summary>The relation of the executor to each definition.</summary>
    public Func<DefinitionKey, DefinitionSupport> Support { get; set; } = _ => DefinitionSupport.NotReported;

    /// <summary>The pause of recovery; null: not paused.</summary>
    public RecoveryPause? Pause { get; set; }

    // ---- starts

    public ScriptedStart Announce(SagaId sagaId)
    {
        Truth = Truth with { ObservedStarts = Truth.ObservedStarts + 1 };
        return new ScriptedStart(this, Inbox.Announce(sagaId));
    }

    /// <summary>A start without incident, from the announcement to the run.</summary>
    public void Start(SagaId sagaId) => Announce(sagaId).Insert().Run().Confirm();

    // ---- runs

    public void Finish(SagaId sagaId)
    {
        Executor.End(sagaId);
        Database.Finish(sagaId);
    }

    public void ReportInterrupted(SagaId sagaId, string? reason = null) => ReportInterrupted(sagaId, Executor.End(sagaId), reason);

    public void ReportInterrupted(SagaId sagaId, AdoptGeneration generation, string? reason = null)
    {
        bool wasCounted = _counted.TryGetValue(sagaId, out AdoptGeneration counted) && counted <= generation && _counted.Remove(sagaId);
        Truth = Truth with
        {
            MissingFromExecutor = Truth.MissingFromExecutor + 1,
            Failed = Truth.Failed + 1,
            Recovered = Truth.Recovered - (wasCounted ? 1 : 0),
        };
        Inbox.ReportInterrupted(sagaId, generation, reason);
    }

    /// <summary>An operator has the run of a saga stopped.</summary>
    public void ReportStopped(SagaId sagaId)
    {
        _counted.Remove(sagaId);
        Truth = Truth with { MissingFromExecutor = Truth.MissingFromExecutor + 1 };
        Inbox.ReportInterrupted(sagaId, Executor.End(sagaId), "an operator holds the saga", isRequested: true);
    }

    // ---- a refill

    public Refill BeginRefill(int most = 100) => _refill = Tracker.BeginRefill(Capacity, most, Controls, Now);

    /// <summary>Resumes the first sagas of the refill, and completes it.</summary>
    public RefillReport CompleteRefill(int resumed = int.MaxValue)
    {
        foreach (Candidate candidate in _refill!.Sagas.Take(resumed))
        {
            Resume(candidate, _refill.Record);
        }

        RefillReport report = _refill.Complete();
        _refill = null;
        Laws.TakenSagasAreAllAccountedFor(report);
        Truth = Truth with { Refills = Truth.Refills + 1 };
        Report = Report.After(report);
        return report;
    }

    public RefillReport Refill()
    {
        BeginRefill();
        return CompleteRefill();
    }

    // ---- a pass, step by step

    public OpenedPass OpenPass(PassReason reason = PassReason.Periodic) => _pass = Tracker.OpenPass(reason, Now);

    public void List()
    {
        _listing = _pass!.BeginListing();
        Database.List(_listing);
        _listing.SetSupport((_, definition) => Support(definition));
        _listed = [.. Database.Candidates.Select(row => row.Key)];
    }

    public RecoveryPlan Plan()
    {
        _plan = _pass!.Reconcile(_listing!, Controls, Now).MakePlan(Capacity);
        Laws.EachSagaIsInOneBucket(_plan, _listed, [.. _listed.Except(_plan.Recover.Select(saga => saga.SagaId)).Where(WaitsForSlot)]);
        _outcome = _plan.BeginOutcome();
        foreach (UnlistedSaga unlisted in _plan.NoLongerListed)
        {
            _resumes.Enqueue(() => ReportUnlisted(unlisted));
        }

        foreach (ReadoptedSaga outdated in _plan.Outdated)
        {
            _resumes.Enqueue(() => _outcome!.RecordUnlisted(
                outdated.Candidate.SagaId, Executor.Relinquish(outdated.Candidate.SagaId, outdated.Previous)));
        }

        foreach (ReadoptedSaga readopted in _plan.Readopted)
        {
            _resumes.Enqueue(() => Readopt(readopted));
        }

        foreach (Candidate candidate in _plan.Recover)
        {
            _resumes.Enqueue(() => Resume(candidate, _outcome!.Record));
        }

        _missedHints = MaxRunning is not null ? _plan.MissedHints // counted when a saga begins to wait, which no bucket shows
            : _pass.Start.Reason == PassReason.Periodic ? _plan.Recover.Concat(_plan.UnknownDefinition).Concat(_plan.Readopted.Select(saga => saga.Candidate)).Count(saga => saga.Generation.Value > 1 && Waiting(saga.SagaId) is null)
            : 0;
        return _plan;
    }

    public void ResumeNext() => _resumes.Dequeue()();

    /// <summary>Resumes the remaining sagas and ends the pass.</summary>
    public PassReport Execute()
    {
        while (HasResumesLeft)
        {
            ResumeNext();
        }

        return Complete();
    }

    /// <summary>Ends the pass with the sagas resumed so far.</summary>
    public PassReport Complete(string? error = null)
    {
        _resumes.Clear();
        Truth = Truth with { MissedHints = Truth.MissedHints + _missedHints };
        return Account(_outcome!.Complete(Now, error));
    }

    public PassReport FailPass(string error = "the database is away") => Account(_pass!.Fail(error, Now));

    public PassReport Pass(PassReason reason = PassReason.Periodic)
    {
        OpenPass(reason);
        List();
        Plan();
        return Execute();
    }

    private RecoveryControls Controls => new()
    {
        Paused = Pause,
        Suspects = Suspects,
        Held = [.. Held.Select(saga => new HeldSaga(saga, "provision", Now, new OperatorNote("ann", "broken")))],
    };

    private PassReport Account(PassReport pass)
    {
        Laws.FoundSagasAreAllAccountedFor(pass);
        Truth = Truth with
        {
            Passes = Truth.Passes + 1,
            FailedPasses = Truth.FailedPasses + (pass.Result == PassResult.Failed ? 1 : 0),
        };
        Report = Report.After(pass);
        (_pass, _listing, _plan, _outcome) = (null, null, null, null);
        return pass;
    }

    private void ReportUnlisted(UnlistedSaga unlisted)
    {
        Laws.ForgottenSagasDoNotRunHere(unlisted, Executor, Database);
        RelinquishOutcome answer = Executor.Relinquish(unlisted.SagaId, unlisted.Generation);
        _outcome!.RecordUnlisted(unlisted.SagaId, answer);
        Truth = Truth with
        {
            InferredFinished = Truth.InferredFinished + 1,
            BadStateInExecutor = Truth.BadStateInExecutor + (answer == RelinquishOutcome.Relinquished ? 1 : 0),
        };
    }

    private void Readopt(ReadoptedSaga readopted)
    {
        Executor.Relinquish(readopted.Candidate.SagaId, readopted.Previous);
        Truth = Truth with { Readopted = Truth.Readopted + 1 };
        Resume(readopted.Candidate, _outcome!.Record);
    }

    /// <summary>Loading checks again, as the real one does: a saga that changed since the listing is dropped.</summary>
    private void Resume(Candidate candidate, Action<SagaId, ResumeResult, DateTimeOffset> record)
    {
        ResumeResult result = Database.IsOursAt(candidate.SagaId, candidate.Generation)
            ? Executor.Resume(candidate)
            : ResumeResult.Superseded.Instance;
        record(candidate.SagaId, result, Now);
        switch (result)
        {
            case ResumeResult.Recovered:
                Truth = Truth with { Recovered = Truth.Recovered + 1 };
                _counted[candidate.SagaId] = candidate.Generation;
                break;
            case ResumeResult.Failed:
                Truth = Truth with { Failed = Truth.Failed + 1 };
                break;
            case ResumeResult.Abandoned:
                Database.Abandon(candidate.SagaId);
                Truth = Truth with { Abandoned = Truth.Abandoned + 1 };
                break;
        }
    }
}
