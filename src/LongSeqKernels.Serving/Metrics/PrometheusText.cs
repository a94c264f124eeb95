using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using System.Globalization;
using System.Text;

namespace LongSeqKernels.Serving;

/// <summary>Listens to a meter and writes its instruments as Prometheus reads them (text format 0.0.4): counters, gauges and histograms with at most one label.</summary>
internal sealed class PrometheusText : IDisposable
{
    private readonly MeterListener _listener = new();
    private readonly ConcurrentQueue<Series> _series = new();

    public PrometheusText(Meter meter)
    {
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (ReferenceEquals(instrument.Meter, meter))
            {
                var series = new Series(instrument);
                _series.Enqueue(series);
                listener.EnableMeasurementEvents(instrument, series);
            }
        };
        _listener.SetMeasurementEventCallback<long>((_, value, tags, state) => ((Series)state!).Record(value, tags));
        _listener.SetMeasurementEventCallback<double>((_, value, tags, state) => ((Series)state!).Record(value, tags));
        _listener.Start();
    }

    public string Write()
    {
        _listener.RecordObservableInstruments();
        var text = new StringBuilder();
        foreach (Series series in _series)
        {
            series.Write(text);
        }
        return text.ToString();
    }

    public void Dispose() => _listener.Dispose();

    /// <summary>One instrument: a value per label.</summary>
    private sealed class Series(Instrument instrument)
    {
        private readonly double[]? _bounds = instrument is Histogram<double> histogram ? [.. histogram.Advice!.HistogramBucketBoundaries!] : null;
        private readonly SortedDictionary<string, Value> _values = new(StringComparer.Ordinal);
        private readonly Lock _lock = new();

        public void Record(double measurement, ReadOnlySpan<KeyValuePair<string, object?>> tags)
        {
            string label = tags.IsEmpty ? "" : string.Create(CultureInfo.InvariantCulture, $"{tags[0].Key}=\"{tags[0].Value}\"");
            lock (_lock)
            {
                if (!_values.TryGetValue(label, out Value? value))
                {
                    _values[label] = value = new Value(new long[_bounds?.Length ?? 0]);
                }
                if (_bounds is null)
                {
                    value.Sum = instrument.IsObservable ? measurement : value.Sum + measurement;
                    return;
                }
                value.Sum += measurement;
                value.Count++;
                // Prometheus' buckets hold all that is smaller, too.
                for (int i = _bounds.Length - 1; i >= 0 && measurement <= _bounds[i]; i--)
                {
                    value.Buckets[i]++;
                }
            }
        }

        public void Write(StringBuilder text)
        {
            string kind = _bounds is not null ? "histogram" : instrument.IsObservable ? "gauge" : "counter";
            text.Append(CultureInfo.InvariantCulture, $"# HELP {instrument.Name} {instrument.Description}\n# TYPE {instrument.Name} {kind}\n");
            lock (_lock)
            {
                foreach ((string label, Value value) in _values)
                {
                    if (_bounds is null)
                    {
                        text.Append(CultureInfo.InvariantCulture, $"{instrument.Name}{(label.Length > 0 ? $"{{{label}}}" : "")} {value.Sum}\n");
                        continue;
                    }
                    for (int i = 0; i < _bounds.Length; i++)
                    {
                        text.Append(CultureInfo.InvariantCulture, $"{instrument.Name}_bucket{{le=\"{_bounds[i]}\"}} {value.Buckets[i]}\n");
                    }
                    text.Append(CultureInfo.InvariantCulture, $"{instrument.Name}_bucket{{le=\"+Inf\"}} {value.Count}\n{instrument.Name}_sum {value.Sum}\n{instrument.Name}_count {value.Count}\n");
                }
            }
        }

        private sealed class Value(long[] buckets)
        {
            public long[] Buckets => buckets;

            public double Sum { get; set; }

            public long Count { get; set; }
        }
    }
}
