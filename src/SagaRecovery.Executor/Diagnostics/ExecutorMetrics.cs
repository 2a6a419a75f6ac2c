using System.Diagnostics.Metrics;
using SagaRecovery.Storage;

namespace SagaRecovery.Executor.Diagnostics;

/// <summary>The metrics of the durable executor. They share a meter with those of recovery.</summary>
internal sealed class ExecutorMetrics : IDisposable
{
    private readonly Meter _meter; // a factory owns its meters and ignores their disposal; a meter created without one is disposed here
    private readonly Counter<long> _events;
    private readonly Counter<long> _fenced;
    private readonly Histogram<int> _groupSize;
    private readonly Histogram<double> _writeDuration;
    private readonly Counter<long> _completedRuns;

    public ExecutorMetrics(Func<int> running, Func<int> waiting, Func<int> hung, IMeterFactory? factory)
    {
        _meter = SagaRecoveryTelemetry.CreateMeter(factory);
        _events = _meter.CreateCounter<long>("saga_recovery.events.written", "{event}", "Node events written to the saga log.");
        _fenced = _meter.CreateCounter<long>(
            "saga_recovery.writes.fenced",
            "{entry}",
            "Entries that the saga log rejected because this process no longer owns the saga or the coordinator id.");
        _groupSize = _meter.CreateHistogram(
            "saga_recovery.write.group_size",
            "{entry}",
            "Entries written by one transaction.",
            tags: null,
            new InstrumentAdvice<int> { HistogramBucketBoundaries = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512] });
        _writeDuration = _meter.CreateHistogram<double>(
            "saga_recovery.write.duration",
            "s",
            "Time from sending a group of entries until it is committed.",
            tags: null,
            SagaRecoveryTelemetry.Durations);
        _completedRuns = _meter.CreateCounter<long>("saga_recovery.runs.ended", "{saga}", "Runs that ended in this process, by result.");
        _meter.CreateObservableGauge("saga_recovery.runs", () => running(), "{saga}", "Sagas that are running.");
        _meter.CreateObservableGauge("saga_recovery.runs.waiting", () => waiting(), "{saga}", "Sagas that are queued for a free slot.");
        _meter.CreateObservableGauge("saga_recovery.runs.hung", () => hung(), "{saga}", "Stopped sagas with a step that does not end.");
    }

    public void Dispose() => _meter.Dispose();

    public void GroupWritten(IReadOnlyList<SagaLogEntry> entries, IReadOnlyList<bool> written, TimeSpan duration)
    {
        int events = 0;
        int fenced = 0;
        for (int i = 0; i < entries.Count; i++)
        {
            events += written[i] ? entries[i].Events.Count : 0;
            fenced += written[i] ? 0 : 1;
        }

        _events.Add(events);
        _fenced.Add(fenced);
        _groupSize.Record(entries.Count);
        _writeDuration.Record(duration.TotalSeconds);
    }

    public void RunCompleted(SagaResult result) => _completedRuns.Add(1, new KeyValuePair<string, object?>("result", result switch
    {
        SagaResult.Succeeded => "succeeded",
        SagaResult.Unwound => "unwound",
        SagaResult.Cancelled => "cancelled",
        SagaResult.Stuck => "stuck",
        _ => "interrupted",
    }));
}
