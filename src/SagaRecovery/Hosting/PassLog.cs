using Microsoft.Extensions.Logging;
using SagaRecovery.Bookkeeping;
using SagaRecovery.Diagnostics;
using SagaRecovery.Status;

namespace SagaRecovery.Hosting;

/// <summary>Logs what a pass decided, one line for each decision.</summary>
internal static class PassLog
{
    /// <summary>The number of definitions that are named with their sagas that wait for a slot.</summary>
    private const int BacklogShown = 5;

    public static void Write(ILogger logger, OpenedPass pass)
    {
        Write(logger, pass.OpeningStarts);
        Write(logger, pass.ClosingStarts);
    }

    public static void Write(ILogger logger, RecoveryPlan plan, RecoveryPause? pause)
    {
        if (logger.IsEnabled(LogLevel.Debug))
        {
            Each(plan.AlreadyRunning, sagaId => Log.AlreadyRunning(logger, sagaId));
            Each(plan.BackingOff, saga => Log.BackingOff(logger, saga.Candidate.SagaId, saga.NextTry));
        }

        WriteNeedsRecovery(logger, plan.Recover);
        Each(plan.EndsLost, saga => Log.EndLost(logger, saga.SagaId, saga.Name));
        Each(plan.Readopted, saga => Log.Readopted(logger, saga.Candidate.SagaId, saga.Candidate.Name, saga.Previous, saga.Candidate.Generation));
        Each(plan.Held, saga => Log.Held(logger, saga.SagaId));
        Each(plan.Deferred, saga => Log.Deferred(logger, saga.SagaId));
        Each(plan.Unreadable, saga => Log.Unreadable(logger, saga.SagaId, ErrorText.Plain(saga.Error)));
        if (pause is not null && plan.Paused.Count > 0)
        {
            Log.Paused(logger, PlainText.OneLine(pause.Note.Actor), PlainText.OneLine(pause.Note.Reason), plan.Paused.Count);
        }
    }

    public static void WriteNeedsRecovery(ILogger logger, IReadOnlyList<Candidate> sagas) => Each(sagas, saga => Log.NeedsRecovery(logger, saga.SagaId, saga.Name));

    /// <summary>Logs how many sagas wait for a slot: one line, since there may be a million. Each has a line of its own when its turn comes.</summary>
    public static void WriteBacklog(ILogger logger, int waiting, IReadOnlyList<SlotBacklog> backlog, bool isNew)
    {
        LogLevel level = isNew ? LogLevel.Information : LogLevel.Debug;
        if (waiting > 0 && logger.IsEnabled(level))
        {
            IEnumerable<string> largest = backlog.OrderByDescending(one => one.Count).Take(BacklogShown).Select(one => $"{PlainText.OneLine(one.Definition)}: {one.Count}");
            string definitions = string.Join(", ", largest);
            Log.WaitingForSlot(logger, level, waiting, definitions);
        }
    }

    public static void Write(ILogger logger, PassReport report) => Log.ActivationComplete(
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

    private static bool IsNoteworthy(PassReport report) =>
        report.Result != PassResult.Completed || report.Recovered > 0 || report.Lost > 0 || report.Start.Reason is PassReason.Startup or PassReason.Explicit;

    private static void Write(ILogger logger, DrainedStarts starts)
    {
        Each(starts.Announced, sagaId => Log.ObservedStart(logger, sagaId));
        Each(starts.Interrupted, sagaId => Log.Interrupted(logger, sagaId));
        Each(starts.Violations, sagaId => Log.ProtocolViolation(logger, sagaId));
    }

    private static void Each<T>(IReadOnlyList<T> items, Action<T> write)
    {
        foreach (T item in items)
        {
            write(item);
        }
    }
}
