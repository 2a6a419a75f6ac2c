using System.Diagnostics.Metrics;
using SagaRecovery.Execution;
using SagaRecovery.Status;

namespace SagaRecovery.Hosting;

/// <summary>The metrics of recovery. What is counted comes from the reports of passes, and what is gauged from the status: one truth.</summary>
internal sealed class RecoveryMetrics : IDisposable
{
    private readonly Meter _meter; // a factory keeps its meters and ignores their disposal; one of our own goes with us
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

    public RecoveryMetrics(SagaRecoveryStatus status, SagaStarts starts, TimeProvider time, IMeterFactory? factory = null)
    {
        _meter = SagaRecoveryTelemetry.CreateMeter(factory);
        _passes = _meter.CreateCounter<long>("saga_recovery.passes", "{pass}", "Recovery passes, by result and by what asked for them.");
        _passDuration = _meter.CreateHistogram<double>("saga_recovery.pass.duration", "s", "From opening a pass to its completion.", tags: null, SagaRecoveryTelemetry.Durations);
        _found = _meter.CreateCounter<long>("saga_recovery.sagas.found", "{saga}", "Sagas that passes listed.");
        _sagas = _meter.CreateCounter<long>("saga_recovery.sagas", "{saga}", "What passes did with sagas, by outcome.");
        _timeToRecover = _meter.CreateHistogram(
            "saga_recovery.time_to_recover",
            "s",
            "For how long nobody had run a saga that was recovered.",
            tags: null,
            new InstrumentAdvice<double> { HistogramBucketBoundaries = [.. DurationHistogram.Bounds.Select(bound => bound.TotalSeconds)] });
        _starts = _meter.CreateCounter<long>("saga_recovery.starts.observed", "{saga}", "Announced starts that passes read.");
        _violations = _meter.CreateCounter<long>("saga_recovery.protocol_violations", "{saga}", "Sagas inserted before they were announced.");
        _interrupted = _meter.CreateCounter<long>("saga_recovery.sagas.given_up", "{saga}", "Runs that the executor gave up.");
        _missedHints = _meter.CreateCounter<long>("saga_recovery.hints.missed", "{saga}", "Sagas that were assigned to this coordinator, and that a periodic pass had to find.");
        _lost = _meter.CreateCounter<long>("saga_recovery.sagas.lost", "{saga}", "Sagas that the database has lost as a whole, in a fail-over or a restore.");
        _endsLost = _meter.CreateCounter<long>("saga_recovery.ends.lost", "{saga}", "Sagas that had ended here and whose end the database has lost: they are recovered.");
        _takeOvers = _meter.CreateCounter<long>("saga_recovery.take_overs", "{take_over}", "How often this process took over from a coordinator that was silent.");
        _takenOver = _meter.CreateCounter<long>("saga_recovery.take_overs.sagas", "{saga}", "Sagas that this process gave to those that answer when it took over.");

        Gauge("saga_recovery.tracked", "{saga}", "Sagas that may be running in this process.", report => report.Tracked);
        Gauge("saga_recovery.waiting", "{saga}", "Sagas in progress and ours that a pass came to and could not hand over.", report => report.WaitingCount);
        Gauge("saga_recovery.held", "{saga}", "Sagas that are kept from being handed over.", report => report.HeldCount);
        Gauge("saga_recovery.deferred", "{saga}", "Sagas that wait after a crash until others have outlived their probation.", report => report.LastPass?.Deferred ?? 0);
        Gauge("saga_recovery.not_progressing", "{saga}", "Sagas without a new event for too long.", report => report.Stalled?.Count ?? 0);
        Gauge("saga_recovery.idle.age", "s", "For how long the saga that nobody has run longest has been idle.", report => Age(report.IdleSince, time));
        Gauge("saga_recovery.passes.failing", "{pass}", "Failed passes in a row, up to now.", report => report.FailedInARow);
        Gauge("saga_recovery.paused", unit: null, "1 while recovery is paused.", report => report.Paused is null ? 0 : 1);
        Gauge("saga_recovery.joined", unit: null, "1 once this process has joined as a coordinator, unless it is fenced.", report => report.Coordinator is { Incarnation: not null, Fenced: null } ? 1 : 0);
        Gauge("saga_recovery.fenced", unit: null, "1 once a newer process runs under this coordinator id.", report => report.Coordinator.Fenced is null ? 0 : 1);
        Gauge("saga_recovery.rejoins", "{join}", "How often this process has joined again, because its database was failed over, restored or started anew.", report => report.Coordinator.Rejoins);
        Gauge("saga_recovery.draining", unit: null, "1 once this process takes no new sagas, because it is to be emptied.", report => report.Drain is null ? 0 : 1);
        Gauge("saga_recovery.drain.left", "{saga}", "Sagas that the drain of this process, once it has ended, has left to it.", report => report.Drain?.Left ?? 0);
        OfTheStore("saga_recovery.orphans", "unfinished sagas whose owner is no known coordinator", report => report.Cluster?.Orphans);
        OfTheStore("saga_recovery.stranded", "unfinished sagas whose owner does not answer", report => report.Cluster?.OwnerDown);
        _meter.CreateObservableGauge("saga_recovery.starts.unread", () => starts.Unread, "{message}", "Announcements and their follow-ups that no pass has read yet.");

        void OfTheStore(string name, string which, Func<RecoveryReport, UnownedSagas?> of)
        {
            Gauge(name, "{saga}", $"How many {which}, on the whole store: every node reports the same, so take the maximum.", report => of(report)?.Count ?? 0);
            Gauge($"{name}.age", "s", $"The age of the oldest of the {which}, on the whole store: every node reports the same.", report => Age(of(report)?.Oldest, time));
        }

        void Gauge(string name, string? unit, string description, Func<RecoveryReport, double> read) =>
            _meter.CreateObservableGauge(name, () => read(status.Current), unit, description);
    }

    public void Dispose() => _meter.Dispose();

    public void PassEnded(PassReport pass)
    {
        var result = new KeyValuePair<string, object?>("result", SnakeCase(pass.Result));
        _passes.Add(1, result, new("reason", SnakeCase(pass.Start.Reason)));
        _passDuration.Record(pass.Duration.TotalSeconds, result);
        _found.Add(pass.Found);
        Count("recovered", pass.Recovered);
        Count("failed", pass.Failed);
        Count("skipped", pass.Skipped);
        Count("not_here", pass.UnknownDefinition);
        Count("abandoned", pass.Abandoned);
        Count("moved_on", pass.Superseded);
        Count("not_attempted", pass.NotAttempted);
        Count("backing_off", pass.BackingOff);
        Count("held", pass.Held);
        Count("paused", pass.Paused);
        Count("deferred", pass.Deferred);
        Count("unreadable", pass.Unreadable);
        Count("removed", pass.Removed);
        _missedHints.Add(pass.MissedHints);
        _lost.Add(pass.Lost);
        _endsLost.Add(pass.EndsLost);
        _takeOvers.Add(0); // there from the first pass on, for whoever asks for an increase
        _takenOver.Add(0);
        StartsRead(pass);
    }

    /// <summary>What the drains of a pass, or of a dry run, showed.</summary>
    public void StartsRead(PassReport pass)
    {
        _starts.Add(pass.ObservedStarts);
        _violations.Add(pass.ProtocolViolations);
        _interrupted.Add(pass.Interrupted);
    }

    public void TookOver(long sagas)
    {
        _takeOvers.Add(1);
        _takenOver.Add(sagas);
    }

    public void Recovered(TimeSpan idle) => _timeToRecover.Record(idle.TotalSeconds);

    private void Count(string outcome, int sagas) => _sagas.Add(sagas, new KeyValuePair<string, object?>("outcome", outcome));

    private static double Age(DateTimeOffset? beginning, TimeProvider time) =>
        beginning is { } since ? Math.Max(0, (time.GetUtcNow() - since).TotalSeconds) : 0;

    private static string SnakeCase<T>(T value)
        where T : struct, Enum => System.Text.Json.JsonNamingPolicy.SnakeCaseLower.ConvertName(value.ToString());
}
