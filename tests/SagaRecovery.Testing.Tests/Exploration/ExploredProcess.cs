using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using SagaRecovery.Activation;
using SagaRecovery.Bookkeeping;
using SagaRecovery.Coordinators;
using SagaRecovery.Diagnostics;
using SagaRecovery.Execution;
using SagaRecovery.Fencing;
using SagaRecovery.Hosting;
using SagaRecovery.Status;
using SagaRecovery.Storage;
using SagaRecovery.Timing;

namespace SagaRecovery.Testing.Tests.Exploration;

/// <summary>One process: the real pass, resumer, wake-ups, starts, bookkeeping and status, wired as the container does it.</summary>
[SuppressMessage("Design", "CA1001", Justification = "What it owns holds a timer that never fires; millions of these come and go.")]
internal sealed class ExploredProcess
{
    public static readonly CoordinatorId Us = new(Guid.Parse("c0000000-0000-4000-8000-000000000001"));

    private static RecoveryMetrics? s_metrics; // one for all: no listener exists, and meters are never released

    private readonly RecoveryPass _pass;
    private readonly RecoveryWakeups _wakeups;
    private WakeupRequests _requests;
    private Task<PassReport>? _running;

    public ExploredProcess(InMemorySagaStore database, int pageSize)
    {
        IOptions<SagaRecoveryOptions> options = Options.Create(new SagaRecoveryOptions { CoordinatorId = Us, MaxConcurrency = 1 });
        var time = new SteadyTimeProvider(new FrozenTime());
        Log = database; // starts are explored by moves of their own, not by gates
        Store = new ExploredStore(new SimulatedStore(database, Gates, pageSize), database);
        Executor = new ScriptedExecutor(Gates);
        Tracker = new SagaTracker(Inbox, BackoffPolicy.Default);
        Coordinator = new SagaCoordinator(options, time, NullLogger<SagaCoordinator>.Instance);
        _wakeups = new RecoveryWakeups(time);
        Starts = new SagaStarts(Inbox, Coordinator, _wakeups, options);
        Status = new SagaRecoveryStatus(Coordinator, options, time);
        var runnable = new RunnableDefinitions(Executor);
        var requests = new RunRequests(Executor, Tracker, Coordinator, options, time, NullLogger<SagaRecoveryService>.Instance) { BeginWorker = work => work() };
        var resumer = new SagaResumer(Executor, Store, runnable, Coordinator, Status, options, time, NullLogger<SagaRecoveryService>.Instance);
        Controls = new ExploredControls(database);
        var guard = new CrashLoopGuard(
            Controls, new NoSagaOperations(), Tracker, Status, options, time, NullLogger<SagaRecoveryService>.Instance);
        s_metrics ??= new RecoveryMetrics(Status, Starts, time);
        var batches = new BatchResumer(Tracker, Store, guard, resumer, Coordinator, s_metrics, Status.Loop, options, time) { BeginWorker = work => work() };
        var log = new PassLog(NullLogger<SagaRecoveryService>.Instance);
        _pass = new RecoveryPass(Tracker, Store, Controls, guard, resumer, requests, runnable, batches, Coordinator, Status, s_metrics, log, new OperatorActionLog(time, NullLogger<OperatorActionLog>.Instance), time, NullLogger<SagaRecoveryService>.Instance);
        Coordinator.EnsureJoinedAsync(Store, CancellationToken.None).Outcome();
    }

    public InlineGates Gates { get; } = new();

    public StartInbox Inbox { get; } = new();

    public ExploredStore Store { get; }

    public ExploredControls Controls { get; }

    public ISagaLog Log { get; }

    public ScriptedExecutor Executor { get; }

    public SagaTracker Tracker { get; }

    public SagaCoordinator Coordinator { get; }

    public SagaStarts Starts { get; }

    public SagaRecoveryStatus Status { get; }

    public Membership Member => Coordinator.Member!.Value;

    public bool IsFenced => Coordinator.Fenced.IsCancellationRequested;

    public bool HasPass => _running is not null;

    public UnreadEntries Unread { get; } = new();

    /// <summary>The recoveries that passes have counted and whose runs are not known to be over, by saga.</summary>
    public SortedDictionary<int, AdoptGeneration> Recovered { get; } = [];

    /// <summary>Activations of the trigger with no answer yet.</summary>
    public List<Activation> Activations { get; } = [];

    /// <summary>Of the pass under way.</summary>
    public PassWatch? Watch { get; set; }

    public RecoveryTotals TotalsBefore { get; private set; } = new();

    public int PassesBegun { get; private set; }

    public bool IsExplicit => _requests.Reason is PassReason.Explicit;

    public void Trigger() => Activations.Add(new Activation(_wakeups.RequestAndWaitAsync(CancellationToken.None), PassesBegun));

    /// <summary>As in the loop of the hosted service: takes the requests, and runs a pass.</summary>
    public void BeginPass(PassWatch watch)
    {
        Watch = watch;
        Unread.DrainInto(watch, Recovered);
        TotalsBefore = Status.Current.Totals;
        PassesBegun++;
        Store.Forget();
        Controls.Forget();
        _requests = _wakeups.TakeRequests();
        _running = _pass.RunAsync(_requests.Reason ?? PassReason.Periodic, CancellationToken.None, CancellationToken.None);
    }

    public void AddTo(Fingerprint fingerprint, int sagas)
    {
        fingerprint.Add(PassesBegun);
        fingerprint.Add(IsFenced);
        fingerprint.Add([.. Activations.Select(activation => PassesBegun - activation.PassesBegun)]);
        Unread.AddTo(fingerprint);
        fingerprint.Add([.. Recovered.Keys]);
        fingerprint.Add([.. Recovered.Values.Select(generation => (int)generation.Value)]);
        for (int saga = 0; saga < sagas; saga++)
        {
            fingerprint.Add((int)(Executor.RunsAt(World.IdOf(saga))?.Value ?? 0));
            fingerprint.Add(Executor.CancellationOf(World.IdOf(saga)) is not null);
            TrackerState.Add(Tracker, World.IdOf(saga), Unread.StartOfLease, fingerprint);
        }

        fingerprint.Add(HasPass);
        if (HasPass)
        {
            fingerprint.Add(IsExplicit);
            fingerprint.Add((int)Gates.Step!.Value);
            Store.AddTo(fingerprint);
            fingerprint.Add([.. Controls.Cancelled.Select(saga => (int)saga.Value.ToByteArray()[^1])]);
            Watch!.AddTo(fingerprint);
        }
    }

    /// <summary>Lets the pass continue to its next gate.</summary>
    /// <returns>Its report, if that was the end of it.</returns>
    public PassReport? StepPass(bool fail)
    {
        if (fail)
        {
            Gates.Fail();
        }
        else
        {
            Gates.Release();
        }

        return TakeReport();
    }

    /// <summary>The report of a pass that has just ended; its waiters are answered.</summary>
    public PassReport? TakeReport()
    {
        if (Gates.Step is not null)
        {
            return null;
        }

        PassReport report = _running!.Outcome();
        _running = null;
        _requests.Answer(report);
        return report;
    }
}

/// <summary>One activation of the trigger.</summary>
/// <param name="Answer">Completes with the report.</param>
/// <param name="PassesBegun">The number of passes that had begun by then: none of them may answer it.</param>
internal sealed record Activation(Task<PassReport> Answer, int PassesBegun);
