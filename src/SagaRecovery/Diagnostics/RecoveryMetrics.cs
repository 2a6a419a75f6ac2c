using System.Diagnostics.Metrics;
using SagaRecovery.Status;

namespace SagaRecovery.Diagnostics;

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
    private readonly Counter<long> _givenUp;

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
        _givenUp = _meter.CreateCounter<long>("saga_recovery.sagas.given_up", "{saga}", "Runs that the executor gave up.");

        Gauge("saga_recovery.tracked", "{saga}", "Sagas that may be running in this process.", report => report.Tracked);
        Gauge("saga_recovery.waiting", "{saga}", "Sagas in progress and ours that a pass came to and could not hand over.", report => report.WaitingCount);
        Gauge("saga_recovery.held", "{saga}", "Sagas that are kept from being handed over.", report => report.HeldCount);
        Gauge("saga_recovery.deferred", "{saga}", "Sagas that wait after a crash until others have outlived their probation.", report => report.LastPass?.Deferred ?? 0);
        Gauge("saga_recovery.not_progressing", "{saga}", "Sagas without a new event for too long.", report => report.NotProgressing?.Count ?? 0);
        Gauge("saga_recovery.idle.age", "s", "For how long the saga that nobody has run longest has been idle.", report => Age(report, time));
        Gauge("saga_recovery.passes.failing", "{pass}", "Failed passes in a row, up to now.", report => report.FailedInARow);
        Gauge("saga_recovery.paused", unit: null, "1 while recovery is paused.", report => report.Paused is null ? 0 : 1);
        Gauge("saga_recovery.joined", unit: null, "1 once this process has joined as a coordinator, unless it is fenced.", report => report.Coordinator is { Incarnation: not null, Fenced: null } ? 1 : 0);
        Gauge("saga_recovery.fenced", unit: null, "1 once a newer process runs under this coordinator id.", report => report.Coordinator.Fenced is null ? 0 : 1);
        _meter.CreateObservableGauge("saga_recovery.starts.unread", () => starts.Unread, "{message}", "Announcements and their follow-ups that no pass has read yet.");

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
        Count("not_here", pass.NotHere);
        Count("abandoned", pass.Abandoned);
        Count("moved_on", pass.MovedOn);
        Count("not_attempted", pass.NotAttempted);
        Count("backing_off", pass.BackingOff);
        Count("held", pass.Held);
        Count("paused", pass.Paused);
        Count("deferred", pass.Deferred);
        Count("unreadable", pass.Unreadable);
        Count("removed", pass.Removed);
        StartsRead(pass);
    }

    /// <summary>What the drains of a pass, or of a dry run, showed.</summary>
    public void StartsRead(PassReport pass)
    {
        _starts.Add(pass.ObservedStarts);
        _violations.Add(pass.ProtocolViolations);
        _givenUp.Add(pass.GivenUp);
    }

    public void Recovered(TimeSpan idle) => _timeToRecover.Record(idle.TotalSeconds);

    private void Count(string outcome, int sagas) => _sagas.Add(sagas, new KeyValuePair<string, object?>("outcome", outcome));

    private static double Age(RecoveryReport report, TimeProvider time) =>
        report.IdleSince is { } since ? Math.Max(0, (time.GetUtcNow() - since).TotalSeconds) : 0;

    private static string SnakeCase<T>(T value)
        where T : struct, Enum => System.Text.Json.JsonNamingPolicy.SnakeCaseLower.ConvertName(value.ToString());
}
