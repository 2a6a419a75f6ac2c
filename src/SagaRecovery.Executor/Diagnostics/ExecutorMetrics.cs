using System.Diagnostics.Metrics;
using SagaRecovery.Diagnostics;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Executor.Diagnostics;

/// <summary>The metrics of the durable executor. They share a meter with those of recovery.</summary>
internal sealed class ExecutorMetrics : IDisposable
{
    private static readonly string[] s_results = ["succeeded", "unwound", "cancelled", "stuck", "interrupted"];

    private readonly Meter _meter; // a factory owns its meters and ignores their disposal; a meter created without one is disposed here
    private readonly Counter<long> _events;
    private readonly Counter<long> _fenced;
    private readonly Histogram<int> _groupSize;
    private readonly Histogram<double> _writeDuration;
    private readonly Counter<long> _completedRuns;
    private readonly Histogram<double> _runDuration;
    private readonly KeyValuePair<string, object?>[] _registered; // the labels of the registered definitions
    private readonly DefinitionLabels _labels;

    /// <param name="definitions">The names of all registered definitions. The series of their labels begin at 0.</param>
    /// <param name="runs">Counts the runs and the steps that are retried, by definition.</param>
    /// <param name="hung">Counts the stopped runs whose steps do not end.</param>
    /// <param name="factory">The factory of the meter; null for a meter of its own.</param>
    public ExecutorMetrics(IEnumerable<string> definitions, Func<IReadOnlyDictionary<string, RunCount>> runs, Func<int> hung, IMeterFactory? factory)
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
        _completedRuns = _meter.CreateCounter<long>("saga_recovery.runs.ended", "{saga}", "Runs that ended in this process, by definition and result.");
        _runDuration = _meter.CreateHistogram(
            "saga_recovery.runs.duration",
            "s",
            "The time for which a run had a slot in this process until its saga ended, by definition.",
            tags: null,
            new InstrumentAdvice<double> { HistogramBucketBoundaries = [.. DurationHistogram.Bounds.Select(bound => bound.TotalSeconds)] });
        string[] names = [.. definitions.Distinct(StringComparer.Ordinal)];
        _labels = new DefinitionLabels(names);
        _registered = [.. names.Select(_labels.Of).Distinct()];
        Gauge("saga_recovery.runs", "{saga}", "Sagas that are running, by definition.", count => count.Running);
        Gauge("saga_recovery.runs.waiting", "{saga}", "Sagas that are loaded and queued for a slot, by definition. Those that are not loaded are in saga_recovery.waiting_for_slot.", count => count.Waiting);
        Gauge("saga_recovery.steps.retrying", "{step}", "Steps that are being retried, by definition.", count => count.Retrying);
        _meter.CreateObservableGauge("saga_recovery.runs.hung", () => hung(), "{saga}", "Stopped sagas with a step that does not end.");

        void Gauge(string name, string unit, string description, Func<RunCount, int> read) => _meter.CreateObservableGauge(
            name,
            () =>
            {
                ILookup<KeyValuePair<string, object?>, RunCount> counts = runs().ToLookup(one => _labels.Of(one.Key), one => one.Value);
                return _registered.Union(counts.Select(same => same.Key)).Select(label => new Measurement<int>(counts[label].Sum(read), label));
            },
            unit,
            description);
    }

    public void Dispose() => _meter.Dispose();

    /// <summary>Counts the events that were inserted together with a saga.</summary>
    public void SagaInserted(NewSaga saga) => _events.Add(saga.Events.Count);

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

    /// <summary>Creates the series of all counters at 0. A query for an increase does not see the first sample of a series.</summary>
    public void BeginSeries()
    {
        foreach (KeyValuePair<string, object?> definition in _registered)
        {
            foreach (string result in s_results)
            {
                _completedRuns.Add(0, definition, new("result", result));
            }
        }

        _events.Add(0);
        _fenced.Add(0);
    }

    public void RunCompleted(string definition, SagaResult result, TimeSpan duration)
    {
        KeyValuePair<string, object?> label = _labels.Of(definition);
        _completedRuns.Add(1, label, new("result", result switch
        {
            SagaResult.Succeeded => "succeeded",
            SagaResult.Unwound => "unwound",
            SagaResult.Cancelled => "cancelled",
            SagaResult.Stuck => "stuck",
            _ => "interrupted",
        }));
        if (result is not SagaResult.Interrupted)
        {
            _runDuration.Record(duration.TotalSeconds, label);
        }
    }
}

/// <summary>The runs of one definition at one moment.</summary>
/// <param name="Running">The runs that have a slot.</param>
/// <param name="Waiting">The runs that wait for a slot.</param>
/// <param name="Retrying">The steps that are being retried.</param>
internal readonly record struct RunCount(int Running, int Waiting, int Retrying);
