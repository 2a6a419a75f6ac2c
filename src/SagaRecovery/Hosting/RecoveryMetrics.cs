using System.Diagnostics.Metrics;
using SagaRecovery.Diagnostics;
using SagaRecovery.Execution;
using SagaRecovery.Status;
using SagaRecovery.Timing;

namespace SagaRecovery.Hosting;

/// <summary>The metrics of recovery. Counters come from pass reports and gauges from the status, so that metrics agree with both.</summary>
internal sealed class RecoveryMetrics : IDisposable
{
    private static readonly string[] s_outcomes =
    [
        "recovered", "failed", "skipped", "unknown_definition", "abandoned", "superseded", "not_attempted", "backing_off", "held", "paused", "deferred", "waiting_for_slot",
        "unreadable", "removed",
    ];

    private readonly SteadyTimeProvider _time;
    private readonly Meter _meter; // a factory owns its meters and ignores their disposal; without a factory, this class disposes its own
    private readonly Counter<long> _passes;
    private readonly Histogram<double> _passDuration;
    private readonly Counter<long> _found;
    private readonly Counter<long> _sagas;
    private readonly Histogram<double> _timeToRecover;
    private readonly Counter<long> _starts;
    private readonly Counter<long> _violations;
    private readonly Counter<long> _interrupted;
    private readonly Counter<long> _missedHints;
    private readonly Counter<long> _lost;
    private readonly Counter<long> _endsLost;
    private readonly Counter<long> _takeOvers;
    private readonly Counter<long> _takenOver;
    private readonly Counter<long> _refills;
    private readonly DefinitionLabels _definitions = new([]);
    private long _lastSuccess; // the time at which the last complete pass ended, or the process started, in ticks
    private long _recoveries; // as in the totals of the report, which may fall
    private long _recoveriesCounted;

    public RecoveryMetrics(SagaRecoveryStatus status, SagaStarts starts, SteadyTimeProvider time, IMeterFactory? factory = null)
    {
        _time = time;
        _lastSuccess = time.Now.UtcTicks;
        _meter = SagaRecoveryTelemetry.CreateMeter(factory);
        _passes = _meter.CreateCounter<long>("saga_recovery.passes", "{pass}", "Recovery passes, by result and reason.");
        _passDuration = _meter.CreateHistogram<double>(
            "saga_recovery.pass.duration", "s", "The time from the opening of a pass to its completion.", tags: null, SagaRecoveryTelemetry.Durations);
        _found = _meter.CreateCounter<long>("saga_recovery.sagas.found", "{saga}", "Sagas that passes listed.");
        _sagas = _meter.CreateCounter<long>("saga_recovery.sagas", "{saga}", "Sagas that passes and refills processed, by outcome.");
        _refills = _meter.CreateCounter<long>("saga_recovery.refills", "{refill}", "Refills: between two passes, they resume sagas that wait for a slot.");
        _timeToRecover = _meter.CreateHistogram(
            "saga_recovery.time_to_recover",
            "s",
            "The time for which a recovered saga had not been run by any process.",
            tags: null,
            new InstrumentAdvice<double> { HistogramBucketBoundaries = [.. DurationHistogram.Bounds.Select(bound => bound.TotalSeconds)] });
        _starts = _meter.CreateCounter<long>("saga_recovery.starts.observed", "{saga}", "Announced starts that passes read.");
        _violations = _meter.CreateCounter<long>("saga_recovery.protocol_violations", "{saga}", "Sagas inserted before they were announced.");
        _interrupted = _meter.CreateCounter<long>("saga_recovery.sagas.interrupted", "{saga}", "Runs that the executor interrupted.");
        _missedHints = _meter.CreateCounter<long>(
            "saga_recovery.hints.missed", "{saga}", "Sagas assigned to this coordinator that only a periodic pass found.");
        _lost = _meter.CreateCounter<long>("saga_recovery.sagas.lost", "{saga}", "Sagas whose rows the database has lost, in a fail-over or a restore.");
        _endsLost = _meter.CreateCounter<long>(
            "saga_recovery.ends.lost", "{saga}", "Sagas that had ended in this process and whose end the database has lost; they are recovered.");
        _takeOvers = _meter.CreateCounter<long>("saga_recovery.take_overs", "{take_over}", "Take-overs from silent coordinators by this process.");
        _takenOver = _meter.CreateCounter<long>("saga_recovery.take_overs.sagas", "{saga}", "Sagas that this process reassigned in take-overs.");

        Gauge("saga_recovery.tracked", "{saga}", "Sagas that may be running in this process.", report => report.Tracked);
        Gauge("saga_recovery.waiting", "{saga}", "Unfinished sagas of this coordinator that a pass could not resume.", report => report.WaitingCount);
        _meter.CreateObservableGauge(
            "saga_recovery.waiting_for_slot",
            () => ByDefinition(status.Current.SlotBacklog),
            "{saga}",
            "Sagas that wait for a slot and are not loaded, by definition. Those that the executor has loaded and queued are in saga_recovery.runs.waiting.");
        Gauge(
            "saga_recovery.waiting_for_slot.age",
            "s",
            "The longest time for which a saga that waits for a slot and is not loaded has not been run by any process.",
            report => Age(report.SlotBacklog.Min(backlog => backlog.Since), time));
        Gauge("saga_recovery.held", "{saga}", "Sagas on hold, which recovery does not resume.", report => report.HeldCount);
        Gauge(
            "saga_recovery.deferred",
            "{saga}",
            "Sagas that wait after a crash until the probation of other sagas is over.",
            report => report.LastPass?.Deferred ?? 0);
        Gauge(
            "saga_recovery.not_relinquished",
            "{saga}",
            "Sagas that are no longer listed, and about which the executor gave the last pass no answer.",
            report => report.LastPass?.NotRelinquished ?? 0);
        Gauge("saga_recovery.unreadable", "{saga}", "Sagas whose rows the last pass could not read.", report => report.LastPass?.Unreadable ?? 0);
        Gauge("saga_recovery.stalled", "{saga}", "Stalled sagas: those without a new event for too long.", report => report.Stalled?.Count ?? 0);
        Gauge(
            "saga_recovery.steps.overdue",
            "{step}",
            "Steps that have been retried for longer than the stalled threshold of their definition.",
            report => report.Steps?.OverdueCount ?? 0);
        Gauge(
            "saga_recovery.steps.hanging",
            "{step}",
            "Steps whose attempt has not ended for longer than the stalled threshold of their definition.",
            report => report.Steps?.HangingCount ?? 0);
        Gauge(
            "saga_recovery.idle.age",
            "s",
            "The longest time for which a waiting saga has not been run by any process.",
            report => Age(report.IdleSince, time));
        Gauge("saga_recovery.passes.failing", "{pass}", "The current number of failed passes in a row.", report => report.FailedInARow);
        Gauge(
            "saga_recovery.pass.age",
            "s",
            "The time since the last complete pass, or since the start of the process if none has ended.",
            _ => Age(new DateTimeOffset(Volatile.Read(ref _lastSuccess), TimeSpan.Zero), time));
        Gauge("saga_recovery.paused", unit: null, "1 while recovery is paused.", report => report.Paused is null ? 0 : 1);
        Gauge(
            "saga_recovery.joined",
            unit: null,
            "1 once this process has joined as a coordinator, unless it is fenced.",
            report => report.Coordinator is { Incarnation: not null, Fenced: null } ? 1 : 0);
        Gauge(
            "saga_recovery.fenced",
            unit: null,
            "1 once a newer process has joined under this coordinator id.",
            report => report.Coordinator.Fenced is null ? 0 : 1);
        KnownGauge(
            "saga_recovery.incarnation",
            "{join}",
            "The number of joins under this coordinator id, by this process and its predecessors; absent until this process has joined.",
            report => report.Coordinator.Incarnation?.Value);
        Gauge(
            "saga_recovery.rejoins",
            "{join}",
            "Joins repeated by this process because its database was failed over, restored or restarted.",
            report => report.Coordinator.Rejoins);
        Gauge(
            "saga_recovery.heartbeat.late",
            unit: null,
            "1 while no heartbeat of this process has been written for two heartbeat periods.",
            report => report.Heartbeat?.LateSince is null ? 0 : 1);
        Gauge("saga_recovery.draining", unit: null, "1 once this process is draining and takes no new sagas.", report => report.Drain is null ? 0 : 1);
        Gauge("saga_recovery.drain.left", "{saga}", "Sagas that the finished drain of this process could not reassign.", report => report.Drain?.Left ?? 0);
        StoreGauges("saga_recovery.orphans", "unfinished sagas whose owner is no known coordinator", report => report.Cluster?.Orphans);
        StoreGauges("saga_recovery.owner_down", "unfinished sagas whose owner does not answer", report => report.Cluster?.OwnerDown);
        StoreGauges("saga_recovery.stuck", "stuck sagas, up to 10,000", report => report.Unresolved?.Stuck);
        StoreGauges("saga_recovery.abandoned", "abandoned sagas, up to 10,000", report => report.Unresolved?.Abandoned);
        _meter.CreateObservableGauge(
            "saga_recovery.problems",
            () => ReadProblems(status.Current.Problems),
            "{problem}",
            "Problems that deserve an operator's attention, by kind. Those of the store are the same on every node, so take the maximum of each kind.");
        _meter.CreateObservableGauge(
            "saga_recovery.starts.unread", () => starts.Unread, "{message}", "Announcements of starts, and messages about them, that no pass has read yet.");

        void StoreGauges(string name, string description, Func<RecoveryReport, UnownedSagas?> read)
        {
            KnownGauge(
                name,
                "{saga}",
                $"The number of {description}, in the whole store: every node reports the same, so take the maximum. Absent until they were counted.",
                report => read(report)?.Count);
            KnownGauge(
                $"{name}.age", "s",
                $"The age of the oldest of the {description}, in the whole store: every node reports the same. Absent until they were counted.",
                report => read(report) is { } group ? Age(group.Oldest, time) : null);
        }

        // Reports nothing while the value is not known. A 0 would end an alert whenever a process restarts.
        void KnownGauge(string name, string unit, string description, Func<RecoveryReport, double?> read) =>
            _meter.CreateObservableGauge<double>(
                name, () => read(status.Current) is { } value ? [new Measurement<double>(value)] : Array.Empty<Measurement<double>>(), unit, description);

        void Gauge(string name, string? unit, string description, Func<RecoveryReport, double> read) =>
            _meter.CreateObservableGauge(name, () => read(status.Current), unit, description);
    }

    public void Dispose() => _meter.Dispose();

    /// <summary>Creates the series of all counters at 0, with each value of their labels.</summary>
    public void BeginSeries()
    {
        foreach (PassResult result in Enum.GetValues<PassResult>())
        {
            foreach (PassReason reason in Enum.GetValues<PassReason>())
            {
                _passes.Add(0, new KeyValuePair<string, object?>("result", SnakeCase(result)), new("reason", SnakeCase(reason)));
            }
        }

        foreach (string outcome in s_outcomes)
        {
            Count(outcome, 0);
        }

        foreach (Counter<long> counter in new[] { _found, _starts, _violations, _interrupted, _missedHints, _lost, _endsLost, _takeOvers, _takenOver, _refills })
        {
            counter.Add(0);
        }
    }

    public void RecordPass(PassReport pass)
    {
        if (pass.Result is PassResult.Completed or PassResult.CompletedWithFailures)
        {
            Volatile.Write(ref _lastSuccess, _time.Now.UtcTicks);
        }

        var result = new KeyValuePair<string, object?>("result", SnakeCase(pass.Result));
        _passes.Add(1, result, new("reason", SnakeCase(pass.Start.Reason)));
        _passDuration.Record(pass.Duration.TotalSeconds, result);
        _found.Add(pass.Found);
        Count("failed", pass.Failed);
        Count("skipped", pass.Skipped);
        Count("unknown_definition", pass.UnknownDefinition);
        Count("abandoned", pass.Abandoned);
        Count("superseded", pass.Superseded);
        Count("not_attempted", pass.NotAttempted);
        Count("backing_off", pass.BackingOff);
        Count("held", pass.Held);
        Count("paused", pass.Paused);
        Count("deferred", pass.Deferred);
        Count("waiting_for_slot", pass.WaitingForSlot);
        Count("unreadable", pass.Unreadable);
        Count("removed", pass.Removed);
        _missedHints.Add(pass.MissedHints);
        _lost.Add(pass.Lost);
        _endsLost.Add(pass.EndsLost);
        RecordStarts(pass);
        CountRecoveries(pass.Recovered);
    }

    /// <summary>Counts the sagas that a refill resumed. They were found by an earlier pass.</summary>
    public void RecordRefill(RefillReport refill)
    {
        _refills.Add(1);
        CountRecoveries(refill.Recovered);
        Count("failed", refill.Failed);
        Count("skipped", refill.Skipped);
        Count("unknown_definition", refill.UnknownDefinition);
        Count("abandoned", refill.Abandoned);
        Count("superseded", refill.Superseded);
        Count("not_attempted", refill.NotAttempted);
    }

    /// <summary>Counts what the drains of a pass or a dry run found.</summary>
    public void RecordStarts(PassReport pass)
    {
        _starts.Add(pass.ObservedStarts);
        _violations.Add(pass.ProtocolViolations);
        _interrupted.Add(pass.Interrupted);
        Count("failed", pass.FailedRuns);
        _recoveries -= pass.TakenBack;
    }

    public void RecordTakeOver(long sagas)
    {
        _takeOvers.Add(1);
        _takenOver.Add(sagas);
    }

    public void RecordRecovered(TimeSpan idle) => _timeToRecover.Record(idle.TotalSeconds);

    /// <summary>
    /// Counts the recoveries that the passes and refills before this one have made, so that a run which is interrupted at once is never counted as
    /// recovered. One that is taken back later is set off against the next ones, since a counter must not fall.
    /// </summary>
    /// <param name="made">The number of recoveries that this pass or refill has made.</param>
    private void CountRecoveries(int made)
    {
        int settled = (int)Math.Max(0, _recoveries - _recoveriesCounted);
        _recoveriesCounted += settled;
        Count("recovered", settled);
        _recoveries += made;
    }

    private void Count(string outcome, int sagas) => _sagas.Add(sagas, new KeyValuePair<string, object?>("outcome", outcome));

    private IEnumerable<Measurement<int>> ByDefinition(IReadOnlyList<SlotBacklog> backlogs) => backlogs
        .GroupBy(backlog => _definitions.Of(backlog.Definition))
        .Select(same => new Measurement<int>(same.Sum(backlog => backlog.Count), same.Key));

    private static double Age(DateTimeOffset? start, SteadyTimeProvider time) =>
        start is { } since ? Math.Max(0, (time.Now - since).TotalSeconds) : 0;

    private static string SnakeCase<T>(T value)
        where T : struct, Enum => System.Text.Json.JsonNamingPolicy.SnakeCaseLower.ConvertName(value.ToString());

    /// <summary>Every kind has both series from the first count on.</summary>
    private static IEnumerable<Measurement<long>> ReadProblems(ProblemList? problems) => problems is null ? [] :
        from kind in Enum.GetValues<ProblemKind>()
        let count = problems.Counts.FirstOrDefault(one => one.Kind == kind) ?? new ProblemCount(kind, 0, 0)
        from series in new[] { (Value: count.Open, IsAcknowledged: false), (Value: count.Acknowledged, IsAcknowledged: true) }
        select new Measurement<long>(series.Value, new("kind", ProblemKinds.NameOf(kind)), new("acknowledged", series.IsAcknowledged ? "true" : "false"));
}
