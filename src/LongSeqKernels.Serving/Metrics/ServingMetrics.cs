using System.Diagnostics.Metrics;

namespace LongSeqKernels.Serving;

/// <summary>
/// What a server counts, as instruments of a meter: OpenTelemetry and dotnet-counters can listen to the meter <see cref="MeterName"/>, <c>/metrics</c> prints it for Prometheus.
/// </summary>
internal sealed class ServingMetrics : IDisposable
{
    public const string MeterName = "LongSeqKernels.Serving";

    private static readonly double[] Seconds = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5];
    private static readonly double[] Requests = [1, 2, 4, 8, 16, 32, 64, 128];
    private static readonly double[] Candidates = [10, 30, 100, 300, 1_000, 3_000, 10_000, 30_000];

    private readonly Meter _meter = new(MeterName);
    private readonly PrometheusText _text;
    private readonly Counter<long> _answers;
    private readonly Histogram<double> _requestSeconds;
    private readonly Histogram<double> _batchRequests;
    private readonly Histogram<double> _batchCandidates;
    private readonly Histogram<double> _scoreSeconds;
    private readonly Histogram<double> _storeSeconds;
    private readonly Counter<long> _storeFailures;

    public ServingMetrics()
    {
        _text = new PrometheusText(_meter);
        _answers = _meter.CreateCounter<long>("lsk_requests_total", null, "Answers of /v1/score by status code.");
        _requestSeconds = Histogram("lsk_request_duration_seconds", "Time from a request's headers to its answer.", Seconds);
        _batchRequests = Histogram("lsk_batch_requests", "Requests that were scored in one run.", Requests);
        _batchCandidates = Histogram("lsk_batch_candidates", "Candidates that were scored in one run.", Candidates);
        _scoreSeconds = Histogram("lsk_score_duration_seconds", "Time of one run of the model.", Seconds);
        _storeSeconds = Histogram("lsk_store_read_duration_seconds", "Time of one read of the store, for a whole batch.", Seconds);
        _storeFailures = _meter.CreateCounter<long>("lsk_store_failures_total", null, "Summaries that could not be read, by reason.");
    }

    public void ObserveWaiting(Func<long> count) => _meter.CreateObservableGauge("lsk_requests_waiting", count, null, "Requests that wait to be scored.");

    public void RequestAnswered(int status, TimeSpan time)
    {
        _answers.Add(1, new KeyValuePair<string, object?>("code", status));
        _requestSeconds.Record(time.TotalSeconds);
    }

    public void BatchScored(int requests, int candidates, TimeSpan time)
    {
        _batchRequests.Record(requests);
        _batchCandidates.Record(candidates);
        _scoreSeconds.Record(time.TotalSeconds);
    }

    public void StoreRead(TimeSpan time) => _storeSeconds.Record(time.TotalSeconds);

    public void StoreFailed(StoreFault fault) => _storeFailures.Add(1, new KeyValuePair<string, object?>("reason", fault));

    /// <summary>All instruments in Prometheus' text format.</summary>
    public string Prometheus() => _text.Write();

    public void Dispose()
    {
        _text.Dispose();
        _meter.Dispose();
    }

    private Histogram<double> Histogram(string name, string description, double[] bounds) =>
        _meter.CreateHistogram(name, null, description, null, new InstrumentAdvice<double> { HistogramBucketBoundaries = bounds });
}
