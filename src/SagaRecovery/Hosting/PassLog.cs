using Microsoft.Extensions.Logging;
using SagaRecovery.Bookkeeping;
using SagaRecovery.Diagnostics;
using SagaRecovery.Status;

namespace SagaRecovery.Hosting;

/// <summary>
/// Logs what a pass decided, one line for each decision. A decision to leave a saga as it is has a line when it is taken first, and not at
/// each pass that takes it again. One pass or refill at a time uses this class.
/// </summary>
internal sealed class PassLog(ILogger logger)
{
    /// <summary>The number of definitions that are named with their sagas that wait for a slot.</summary>
    private const int BacklogShown = 5;

    /// <summary>The maximum number of unknown definitions that have lines of their own. A dynamic saga can have any number of them.</summary>
    private const int MaxUnknownDefinitions = 20;

    private const int HashDigits = 12;

    private readonly Repeated<SagaId> _held = new();
    private readonly Repeated<SagaId> _deferred = new();
    private readonly Repeated<UnreadableCandidate> _unreadable = new();
    private readonly Dictionary<(string Name, DefinitionKey? Definition), int> _unknown = []; // with the number of sagas in the last line
    private int _moreUnknown; // the number of further ones in the last line
    private (RecoveryPause? Pause, int Sagas) _paused;
    private IReadOnlyList<Candidate> _recover = []; // of the present pass
    private HashSet<SagaId> _notAttempted = []; // by the last pass and the refills after it, which have announced them

    public void Write(OpenedPass pass)
    {
        Write(pass.OpeningStarts);
        Write(pass.ClosingStarts);
    }

    public void Write(RecoveryPlan plan, RecoveryPause? pause)
    {
        if (logger.IsEnabled(LogLevel.Debug))
        {
            Each(plan.AlreadyRunning, sagaId => Log.AlreadyRunning(logger, sagaId));
            Each(plan.BackingOff, saga => Log.BackingOff(logger, saga.Candidate.SagaId, saga.NextTry));
        }

        _recover = plan.Recover;
        WriteNeedsRecovery(plan.Recover);
        Each(plan.EndsLost, saga => Log.EndLost(logger, saga.SagaId, saga.Name));
        Each(plan.Readopted, saga => Log.Readopted(logger, saga.Candidate.SagaId, saga.Candidate.Name, saga.Previous, saga.Candidate.Generation));
        _held.EachNew(plan.Held, saga => saga.SagaId, saga => Log.Held(logger, saga.SagaId));
        _deferred.EachNew(plan.Deferred, saga => saga.SagaId, saga => Log.Deferred(logger, saga.SagaId));
        _unreadable.EachNew(plan.Unreadable, saga => saga, saga => Log.Unreadable(logger, saga.SagaId, ErrorText.Plain(saga.Error)));
        WritePause(pause, plan.Paused.Count);
    }

    /// <summary>Writes the end of a pass.</summary>
    /// <param name="report">The report of the pass.</param>
    /// <param name="wasAttempted">Returns true if the pass has a result for a saga; null if the pass had no plan.</param>
    public void Write(PassReport report, Func<SagaId, bool>? wasAttempted)
    {
        if (wasAttempted is not null)
        {
            _notAttempted = report.NotAttempted == 0 ? [] : [.. _recover.Select(saga => saga.SagaId).Where(saga => !wasAttempted(saga))];
        }

        _recover = []; // may be large
        Log.ActivationComplete(
            logger,
            IsNoteworthy(report) ? LogLevel.Information : LogLevel.Debug,
            report.Start.Iteration,
            report.Result,
            report.Duration.TotalMilliseconds,
            report.Found,
            report.Recovered,
            report.Failed,
            report.Skipped,
            report.Removed);
    }

    /// <summary>Writes one line for each definition that is unknown now or has ceased to be, or whose number of sagas has changed notably.</summary>
    public void Write(IReadOnlyList<UnknownDefinitionSagas> unknown)
    {
        HashSet<(string, DefinitionKey?)> present = [.. unknown.Select(one => (one.Name, one.Definition))];
        foreach ((string name, DefinitionKey? definition) in _unknown.Keys.Where(known => !present.Contains(known)))
        {
            Log.NoUnknownDefinition(logger, name, Abbreviate(definition));
            _unknown.Remove((name, definition)); // Dictionary allows removal during enumeration
        }

        int more = 0;
        foreach (UnknownDefinitionSagas one in unknown.OrderByDescending(one => one.Sagas))
        {
            bool isKnown = _unknown.TryGetValue((one.Name, one.Definition), out int logged);
            if (!isKnown && _unknown.Count >= MaxUnknownDefinitions)
            {
                more++;
            }
            else if (IsNotable(logged, one.Sagas))
            {
                Log.UnknownDefinitionSagas(logger, one.Sagas, one.Name, Abbreviate(one.Definition), one.Missing);
                _unknown[(one.Name, one.Definition)] = one.Sagas;
            }
        }

        if (more > 0 && IsNotable(_moreUnknown, more))
        {
            Log.MoreUnknownDefinitions(logger, more);
            _moreUnknown = more;
        }
    }

    /// <summary>Writes the sagas of a refill.</summary>
    public void Write(Refill refill) => WriteNeedsRecovery(refill.Sagas);

    /// <summary>Records the sagas of a refill that were not attempted, since they have been announced. Must precede the end of the refill.</summary>
    public void WriteEnd(Refill refill)
    {
        foreach (Candidate saga in refill.Sagas)
        {
            _ = refill.HasResult(saga.SagaId) ? _notAttempted.Remove(saga.SagaId) : _notAttempted.Add(saga.SagaId);
        }
    }

    /// <summary>Logs how many sagas wait for a slot: one line, since there may be a million. Each has a line of its own when its turn comes.</summary>
    public void WriteBacklog(int waiting, IReadOnlyList<SlotBacklog> backlog, bool isNew)
    {
        LogLevel level = isNew ? LogLevel.Information : LogLevel.Debug;
        if (waiting > 0 && logger.IsEnabled(level))
        {
            IEnumerable<string> largest = backlog.OrderByDescending(one => one.Count).Take(BacklogShown).Select(one => $"{PlainText.OneLine(one.Definition)}: {one.Count}");
            string definitions = string.Join(", ", largest);
            Log.WaitingForSlot(logger, level, waiting, definitions);
        }
    }

    private static string Abbreviate(DefinitionKey? definition) => definition is null ? "no hash" : $"{definition.Hash[..Math.Min(HashDigits, definition.Hash.Length)]}…";

    /// <summary>Returns true if a number has doubled or halved since it was logged.</summary>
    private static bool IsNotable(int logged, int present) => logged == 0 || present / logged >= 2 || logged / present >= 2;

    private static bool IsNoteworthy(PassReport report) =>
        report.Result != PassResult.Completed || report.Recovered > 0 || report.Lost > 0 || report.Start.Reason is PassReason.Startup or PassReason.Explicit;

    private void WriteNeedsRecovery(IReadOnlyList<Candidate> sagas) => Each(sagas, saga =>
    {
        if (!_notAttempted.Contains(saga.SagaId))
        {
            Log.NeedsRecovery(logger, saga.SagaId, saga.Name);
        }
    });

    private void WritePause(RecoveryPause? pause, int sagas)
    {
        if (pause is null || sagas == 0)
        {
            _paused = default;
        }
        else if (pause != _paused.Pause || IsNotable(_paused.Sagas, sagas))
        {
            Log.Paused(logger, PlainText.OneLine(pause.Note.Actor), PlainText.OneLine(pause.Note.Reason), sagas);
            _paused = (pause, sagas);
        }
    }

    private void Write(DrainedStarts starts)
    {
        Each(starts.Announced, sagaId => Log.ObservedStart(logger, sagaId));
        Each(starts.Interrupted, Write);
        Each(starts.Violations, sagaId => Log.ProtocolViolation(logger, sagaId));
    }

    private void Write(InterruptedRun run)
    {
        if (run.IsRequested)
        {
            Log.StoppedOnRequest(logger, run.SagaId, run.Reason);
        }
        else
        {
            Log.Interrupted(logger, run.SagaId, run.Reason);
        }

        if (run.WasRecovered)
        {
            Log.TakenBack(logger, run.SagaId);
        }
    }

    private static void Each<T>(IReadOnlyList<T> items, Action<T> write)
    {
        foreach (T item in items)
        {
            write(item);
        }
    }

    /// <summary>The findings of the last pass of one kind, so that the next pass logs only new ones.</summary>
    private sealed class Repeated<TKey>
    {
        private HashSet<TKey> _last = [];

        public void EachNew<T>(IReadOnlyList<T> found, Func<T, TKey> keyOf, Action<T> write)
        {
            HashSet<TKey> previous = _last;
            _last = found.Count == 0 ? [] : [.. found.Select(keyOf)];
            foreach (T one in found)
            {
                if (!previous.Contains(keyOf(one)))
                {
                    write(one);
                }
            }
        }
    }
}
