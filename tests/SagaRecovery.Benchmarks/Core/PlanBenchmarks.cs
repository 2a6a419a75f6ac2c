using BenchmarkDotNet.Attributes;
using SagaRecovery.Bookkeeping;
using SagaRecovery.Fencing;
using SagaRecovery.Status;

namespace SagaRecovery.Benchmarks.Core;

/// <summary>A plan over <see cref="Sagas"/> listed sagas, without the listing. Public and open: BenchmarkDotNet derives from it.</summary>
[MemoryDiagnoser]
public class PlanBenchmarks
{
    private readonly DateTimeOffset _now = TimeProvider.System.GetUtcNow();
    private SagaId[] _ids = [];
    private SagaTracker _tracker = null!;
    private OpenedPass _pass = null!;
    private CandidateListing _listing = null!;
    private RecoveryPlan _plan = null!;

    /// <summary>The number of sagas: set before the run.</summary>
    public static IReadOnlyList<int> Sizes { get; set; } = [];

    [ParamsSource(nameof(Sizes))]
    public int Sagas { get; set; }

    [GlobalSetup(Target = nameof(Known))]
    public void TrackAll()
    {
        TrackNone();
        OpenPass();
        _plan = _pass.Reconcile(_listing, RecoveryControls.None, _now).MakePlan();
        PassOutcome outcome = _plan.BeginOutcome();
        foreach (SagaId id in _ids)
        {
            outcome.Record(id, ResumeResult.Recovered.Instance, _now);
        }

        outcome.Complete(_now);
    }

    [GlobalSetup(Target = nameof(KnownScattered))]
    public void TrackAllInAnotherOrder()
    {
        TrackAll();
        new Random(1).Shuffle(_ids);
    }

    [GlobalSetup(Target = nameof(Unknown))]
    public void TrackNone()
    {
        _ids = [.. Enumerable.Range(0, Sagas).Select(_ => SagaId.NewAt(_now))];
        _tracker = new SagaTracker(new StartInbox(), BackoffPolicy.Default);
    }

    [IterationSetup]
    public void OpenPass()
    {
        _pass = _tracker.OpenPass(PassReason.Periodic, _now);
        _listing = _pass.BeginListing();
        foreach (SagaId id in _ids)
        {
            _listing.Add(new Candidate(id, "in-flight", AdoptGeneration.Initial));
        }
    }

    /// <summary>All run here, and were recovered or started in the order of the listing: the usual pass.</summary>
    [Benchmark]
    public RecoveryPlan Known() => MakePlan();

    /// <summary>All run here, and the listing has them in another order than the tracker: the worst case for the caches.</summary>
    [Benchmark]
    public RecoveryPlan KnownScattered() => MakePlan();

    /// <summary>None runs here: the first pass.</summary>
    [Benchmark]
    public RecoveryPlan Unknown() => MakePlan();

    [IterationCleanup]
    public void ClosePass() => _plan.BeginOutcome().Complete(_now);

    private RecoveryPlan MakePlan() => _plan = _pass.Reconcile(_listing, RecoveryControls.None, _now).MakePlan();
}
