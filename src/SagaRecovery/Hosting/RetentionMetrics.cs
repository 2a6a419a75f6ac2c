using System.Diagnostics.Metrics;
using SagaRecovery.Status;

namespace SagaRecovery.Hosting;

/// <summary>The metrics of retention. They come from the reports of its runs.</summary>
internal sealed class RetentionMetrics : IDisposable
{
    private static readonly string[] s_results = ["completed", "elsewhere", "failed"];

    private readonly Meter _meter; // a factory owns its meters and ignores their disposal; without a factory, this class disposes its own
    private readonly Counter<long> _deleted;
    private readonly Counter<long> _archived;
    private readonly Counter<long> _runs;
    private readonly Histogram<double> _duration;

    public RetentionMetrics(SagaRecoveryStatus status, IMeterFactory? factory = null)
    {
        _meter = SagaRecoveryTelemetry.CreateMeter(factory);
        _deleted = _meter.CreateCounter<long>("saga_recovery.retention.deleted", "{saga}", "Ended sagas that retention deleted.");
        _archived = _meter.CreateCounter<long>("saga_recovery.retention.archived", "{saga}", "Ended sagas that were exported before their deletion.");
        _runs = _meter.CreateCounter<long>("saga_recovery.retention.runs", "{run}", "Runs of retention, by result.");
        _duration = _meter.CreateHistogram<double>(
            "saga_recovery.retention.duration", "s", "The duration of a run of retention.", tags: null, SagaRecoveryTelemetry.Durations);
        _meter.CreateObservableGauge(
            "saga_recovery.retention.failing", () => status.Current.Retention?.FailedInARow ?? 0, "{run}", "The current number of failed runs of retention in a row.");
        _meter.CreateObservableGauge(
            "saga_recovery.retention.backlog",
            () => status.Current.Retention?.LastRun is { Elsewhere: false } run ? run.Found - run.Deleted : 0,
            "{saga}",
            "Expired sagas that the last run of retention found and did not delete; 0 if another process was deleting.");
        _meter.CreateObservableGauge(
            "saga_recovery.retention.ended",
            () => status.Current.Retention?.EndedAbout ?? 0,
            "{saga}",
            "The estimated number of ended sagas, in the whole store: every node reports the same, so take the maximum.");
    }

    public void Dispose() => _meter.Dispose();

    /// <summary>Creates the series of all counters at 0, with each value of their labels.</summary>
    public void BeginSeries()
    {
        foreach (string result in s_results)
        {
            _runs.Add(0, new KeyValuePair<string, object?>("result", result));
        }

        _deleted.Add(0);
        _archived.Add(0);
    }

    public void Record(RetentionRun run)
    {
        _deleted.Add(run.Deleted);
        _archived.Add(run.Archived);
        _runs.Add(1, new KeyValuePair<string, object?>("result", run.Error is not null ? "failed" : run.Elsewhere ? "elsewhere" : "completed"));
        _duration.Record(run.Duration.TotalSeconds);
    }
}
