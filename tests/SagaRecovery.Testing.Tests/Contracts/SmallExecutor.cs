using System.Collections.Concurrent;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using SagaRecovery.Bookkeeping;
using SagaRecovery.Coordinators;
using SagaRecovery.Execution;
using SagaRecovery.Fencing;
using SagaRecovery.Storage;
using SagaRecovery.Testing.Contracts;

namespace SagaRecovery.Testing.Tests.Contracts;

/// <summary>
/// An executor as a user might write one: runs two steps, and keeps the contract unless a test removes one of its guards.
/// </summary>
internal sealed class SmallExecutor : ISagaExecutor, IHostedService
{
    private readonly Lock _lock = new();
    private readonly Dictionary<SagaId, Run> _runs = [];
    private readonly HashSet<SagaId> _relinquished = [];
    private readonly ConcurrentBag<Task> _begun = [];
    private readonly SagaCoordinator _coordinator;
    private readonly SagaStarts _starts;
    private readonly ISagaLog _log;
    private readonly SmallSubject _subject;

    public SmallExecutor(SagaCoordinator coordinator, SagaStarts starts, ISagaLog log, SmallSubject subject)
    {
        _coordinator = coordinator;
        _starts = starts;
        _log = log;
        _subject = subject;
        if (!Lacks(Guard.StopWhenFenced))
        {
            coordinator.Fenced.Register(StopAll);
        }
    }

    public ValueTask<ResumeOutcome> ResumeAsync(SavedSaga saga, Ownership ownership, CancellationToken cancellationToken)
    {
        if (!Lacks(Guard.RefuseWhenFenced))
        {
            _coordinator.ThrowIfFenced();
        }

        if (saga.Definition.Hash != SmallSubject.Definition.Hash && !Lacks(Guard.UnknownDefinition))
        {
            return new(new ResumeOutcome.UnknownDefinition(saga.Name));
        }

        var run = new Run(saga.Id, Lacks(Guard.CarryOwnership) ? ownership.Member.Of(AdoptGeneration.Initial) : ownership);
        lock (_lock)
        {
            if (Lacks(Guard.TakeBack) && _relinquished.Contains(saga.Id))
            {
                return new(ResumeOutcome.AlreadyRunning.Instance);
            }

            if (_runs.TryGetValue(saga.Id, out Run? current) && !Lacks(Guard.OneRun))
            {
                if (Lacks(Guard.ReplaceOlder) || (current.Ownership.Generation >= ownership.Generation && !Lacks(Guard.KeepNewer))
                    || (current.Ownership.Generation == ownership.Generation))
                {
                    return new(ResumeOutcome.AlreadyRunning.Instance);
                }

                current.Stopped = !Lacks(Guard.StopReplaced);
            }

            _runs[saga.Id] = run;
        }

        if (!Lacks(Guard.Begin))
        {
            _begun.Add(Task.Run(() => RunAsync(run), CancellationToken.None));
        }

        return new(ResumeOutcome.Resumed.Instance);
    }

    public ValueTask<RelinquishOutcome> RelinquishAsync(SagaId sagaId, AdoptGeneration upTo, CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            if (!_runs.TryGetValue(sagaId, out Run? run) || (run.AtItsEnd && !Lacks(Guard.NoteEnd))
                || (run.Ownership.Generation > upTo && !Lacks(Guard.RelinquishUpTo)))
            {
                return new(RelinquishOutcome.NotRunning);
            }

            run.Stopped = !Lacks(Guard.StopRelinquished);
            _relinquished.Add(sagaId);
            if (!Lacks(Guard.ForgetRelinquished))
            {
                _runs.Remove(sagaId);
            }

            return new(RelinquishOutcome.Relinquished);
        }
    }

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public async Task StopAsync(CancellationToken cancellationToken) =>
        await Task.WhenAll(_begun).WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

    private async Task RunAsync(Run run)
    {
        try
        {
            for (int step = 0; step < 2; step++)
            {
                if (run.Stopped || !await WriteAsync(run, new SavedNodeEvent(step, NodeEventType.Started, default)))
                {
                    return;
                }

                await _subject.Steps.PassAsync(run.SagaId, CancellationToken.None);
                _subject.ThrowIfBroken(run.SagaId);
            }

            run.AtItsEnd = !run.Stopped;
            await (run.Stopped ? Task.CompletedTask : WriteAsync(run, new SavedNodeEvent(1, NodeEventType.Succeeded, default), SagaState.Succeeded));
        }
        catch (InvalidOperationException) when (!Lacks(Guard.Interrupt))
        {
            Forget(run);
            _starts.ReportInterrupted(run.SagaId, run.Ownership.Generation);
        }
        finally
        {
            Forget(run);
        }
    }

    private async Task<bool> WriteAsync(Run run, SavedNodeEvent nodeEvent, SagaState? state = null)
    {
        for (int tries = 0; ; tries++)
        {
            var entry = new SagaLogEntry(run.SagaId, run.Ownership.Generation, [nodeEvent], state);
            IReadOnlyList<bool> taken = await _log.AppendAsync(run.Ownership.Member, [entry], CancellationToken.None);
            if (taken[0] || !Lacks(Guard.TakeNoForAnAnswer) || tries == 3)
            {
                return taken[0] || Lacks(Guard.StopWhenRefused);
            }
        }
    }

    private void StopAll()
    {
        lock (_lock)
        {
            foreach (Run run in _runs.Values)
            {
                run.Stopped = true;
            }
        }
    }

    private void Forget(Run run)
    {
        lock (_lock)
        {
            if (_runs.TryGetValue(run.SagaId, out Run? current) && current == run)
            {
                _runs.Remove(run.SagaId);
            }
        }
    }

    private bool Lacks(Guard guard) => _subject.Lacking == guard;

    private sealed class Run(SagaId sagaId, Ownership ownership)
    {
        private volatile bool _stopped;
        private volatile bool _atItsEnd;

        public SagaId SagaId { get; } = sagaId;

        public Ownership Ownership { get; } = ownership;

        public bool Stopped
        {
            get => _stopped;
            set => _stopped = value;
        }

        public bool AtItsEnd
        {
            get => _atItsEnd;
            set => _atItsEnd = value;
        }
    }
}

/// <summary>The guards of an executor; a test removes one of them.</summary>
public enum Guard
{
    Begin,
    OneRun,
    CarryOwnership,
    UnknownDefinition,
    ReplaceOlder,
    KeepNewer,
    StopReplaced,
    NoteEnd,
    StopRelinquished,
    ForgetRelinquished,
    RelinquishUpTo,
    TakeBack,
    TakeNoForAnAnswer,
    StopWhenRefused,
    StopWhenFenced,
    RefuseWhenFenced,
    Interrupt,
}

/// <summary>The code of a user who checks an own executor against the contract.</summary>
internal sealed class SmallSubject(Guard? lacking = null) : SagaExecutorSubject
{
    private SagaId? _broken;

    public static SavedDefinition Definition { get; } = new(DefinitionHash.Of("{}"u8), "small", 1, "{}"u8.ToArray());

    public Guard? Lacking { get; } = lacking;

    public override TimeSpan WaitTimeout => Lacking is null ? base.WaitTimeout : TimeSpan.FromSeconds(2);

    public override void AddExecutor(SagaRecoveryBuilder recovery)
    {
        recovery.Services.AddSingleton(this);
        recovery.UseExecutor<SmallExecutor>();
        recovery.Services.AddSingleton<IHostedService>(services => services.GetRequiredService<SmallExecutor>());
    }

    public override NewSaga CreateSaga(SagaId sagaId, IServiceProvider services) => new(sagaId, Definition, "{}"u8.ToArray());

    public override void BreakRun(SagaId sagaId) => _broken = sagaId;

    public void ThrowIfBroken(SagaId sagaId)
    {
        if (_broken == sagaId)
        {
            _broken = null;
            throw new InvalidOperationException("This run is broken.");
        }
    }
}
