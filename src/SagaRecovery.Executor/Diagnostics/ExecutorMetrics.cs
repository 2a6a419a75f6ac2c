using System.Diagnostics.Metrics;
using SagaRecovery.Storage;

namespace SagaRecovery.Executor.Diagnostics;

/// <summary>The metrics of the durable executor, beside those of recovery on the same meter.</summary>
internal sealed class ExecutorMetrics : IDisposable
{
    private readonly Meter _meter; // a factory keeps its meters and ignores their disposal; one of our own goes with us
    private readonly Counter<long> _events;
    private readonly Counter<long> _fenced;
    private readonly Histogram<int> _groupSize;
    private readonly Histogram<double> _writeDuration;
    private readonly Counter<long> _ended;

    public ExecutorMetrics(Func<int> running, Func<int> waiting, IMeterFactory? factory)
    {
        _meter = SagaRecoveryTelemetry.CreateMeter(factory);
        _events = _meter.CreateCounter<long>("saga_recovery.events.written", "{event}", "Node events that the saga log took.");
        _fenced = _meter.CreateCounter<long>("saga_recovery.writes.fenced", "{entry}", "Entries that the saga log refused because the saga, or the coordinator, is not this process's any more.");
        _groupSize = _meter.CreateHistogram(
            "saga_recovery.write.group_size",
            "{entry}",
            "Entries written by one transaction.",
            tags: null,
            new InstrumentAdvice<int> { HistogramBucketBoundaries = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512] });
        _writeDuration = _meter.CreateHistogram<double>("saga_recovery.write.duration", "s", "From sending a group to the answer that it is committed.", tags: null, SagaRecoveryTelemetry.Durations);
        _ended = _meter.CreateCounter<long>("saga_recovery.runs.ended", "{saga}", "Runs of sagas that came to their end here, by result.");
        _meter.CreateObservableGauge("saga_recovery.runs", () => running(), "{saga}", "Sagas that run now.");
        _meter.CreateObservableGauge("saga_recovery.runs.waiting", () => waiting(), "{saga}", "Sagas that wait until there is room to run.");
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

    public void Ended(SagaResult result) => _ended.Add(1, new KeyValuePair<string, object?>("result", result switch
    {
        SagaResult.Succeeded => "succeeded",
        SagaResult.Unwound => "unwound",
        SagaResult.Stuck => "stuck",
        _ => "interrupted",
    }));
}
