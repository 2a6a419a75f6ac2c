using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection;

namespace SagaRecovery.Executor.Tests.Telemetry;

/// <summary>The view of a metrics pipeline on one host.</summary>
internal sealed class MeterReading : IDisposable
{
    private readonly MeterListener _listener = new();
    private readonly ConcurrentDictionary<string, Instrument> _instruments = new();
    private readonly ConcurrentDictionary<string, double> _sums = new();
    private readonly ConcurrentDictionary<(string Instrument, string Tag), ConcurrentDictionary<string, bool>> _tags = new();

    /// <summary>Listens from before the host's first measurement on.</summary>
    public MeterReading(IServiceProvider host)
    {
        var factory = host.GetRequiredService<IMeterFactory>();
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Meter.Name == SagaRecoveryTelemetry.MeterName && instrument.Meter.Scope == factory)
            {
                _instruments[instrument.Name] = instrument;
                listener.EnableMeasurementEvents(instrument);
            }
        };
        _listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Note(instrument, value, tags));
        _listener.SetMeasurementEventCallback<int>((instrument, value, tags, _) => Note(instrument, value, tags));
        _listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => Note(instrument, value, tags));
        _listener.Start();
    }

    /// <summary>Every name of these instruments in Prometheus.</summary>
    public IEnumerable<string> PrometheusNames => _instruments.Values.SelectMany(PrometheusNamesOf);

    /// <summary>The instruments of which a measurement was seen.</summary>
    public IEnumerable<string> Measured => _sums.Keys.Select(key => key.Split(' ')[0]).Distinct();

    public IReadOnlyCollection<Instrument> Instruments => [.. _instruments.Values];

    /// <summary>The sum of a counter or histogram; the current value of a gauge. With a tag: of the measurements that have it.</summary>
    public double Read(string instrument, string tag = "")
    {
        if (_instruments[instrument].IsObservable)
        {
            foreach (string key in _sums.Keys.Where(key => key == instrument || key.StartsWith(instrument + ' ', StringComparison.Ordinal)))
            {
                _sums[key] = 0;
            }

            _listener.RecordObservableInstruments();
        }

        return _sums.GetValueOrDefault(tag.Length == 0 ? instrument : $"{instrument} {tag}");
    }

    /// <summary>The values of a tag that were seen under a Prometheus name.</summary>
    public IReadOnlyCollection<string> TagsOf(string instrument, string tag) =>
        _tags.TryGetValue((instrument, tag), out ConcurrentDictionary<string, bool>? values) ? [.. values.Keys] : [];

    public IEnumerable<string> TagValues => _tags.Values.SelectMany(values => values.Keys);

    public void Dispose() => _listener.Dispose();

    private void Note(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        Add(instrument.Name, value);
        foreach ((string tag, object? of) in tags)
        {
            Add($"{instrument.Name} {tag}={of}", value);
            _tags.GetOrAdd((instrument.Name, tag), _ => new())[$"{of}"] = true;
        }
    }

    private void Add(string key, double value) => _sums.AddOrUpdate(key, value, (_, sum) => sum + value);

    /// <summary>As the OpenTelemetry specification translates them.</summary>
    private static IEnumerable<string> PrometheusNamesOf(Instrument instrument)
    {
        string name = instrument.Name.Replace('.', '_') + (instrument.Unit == "s" ? "_seconds" : "");
        return instrument.GetType().GetGenericTypeDefinition() == typeof(Histogram<>)
            ? [$"{name}_bucket", $"{name}_sum", $"{name}_count"]
            : [instrument.GetType().GetGenericTypeDefinition() == typeof(Counter<>) ? $"{name}_total" : name];
    }
}
