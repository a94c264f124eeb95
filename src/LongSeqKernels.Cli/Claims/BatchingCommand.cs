using System.CommandLine;
using LongSeqKernels.Models;

namespace LongSeqKernels.Cli;

/// <summary>What a step was measured for.</summary>
internal enum BatchingPhase
{
    /// <summary>Forward, loss, backward and optimiser.</summary>
    Training,

    /// <summary>Scoring alone.</summary>
    Scoring,
}

/// <summary>The same requests at request level and point by point.</summary>
/// <param name="Phase">What ran.</param>
/// <param name="History">Events of each history.</param>
/// <param name="Targets">Targets of each request.</param>
/// <param name="RequestLevelSeconds">Median time of a request, over users.</param>
/// <param name="PointwiseSeconds">The same point by point.</param>
/// <param name="Speedup">Point-wise time over request-level time: mean over users and its standard error.</param>
/// <param name="RequestLevelBytes">Bytes of a request's batch.</param>
/// <param name="PointwiseBytes">The same point by point.</param>
/// <param name="LargestDifference">Between the losses (training) or the logits (scoring), relative to 1 or their size.</param>
internal sealed record BatchingMeasurement(
    BatchingPhase Phase, int History, int Targets, double RequestLevelSeconds, double PointwiseSeconds, Estimate Speedup, long RequestLevelBytes, long PointwiseBytes, double LargestDifference);

/// <summary>
/// <c>lsk evaluate batching</c>: request-level batching (STCA, arXiv 2511.06077, section 3.2) against point-wise batches of the same requests: throughput, bytes, equal results.
/// </summary>
internal sealed class BatchingCommand : ClaimCommand
{
    private const double Bar = 5;
    private const double Tolerance = 1e-6;

    private readonly Option<NumberList> _lengths = OptionOf.Integers("--lengths", "Events of each history", [500, 2000], 8, 1_000_000);
    private readonly Option<NumberList> _targets = OptionOf.Integers("--targets", "Targets of each request, one of them positive", [10, 40], 2, 10_000);
    private readonly Option<int> _users = OptionOf.Integer("--users", "Users, each with one request", 5, 2);
    private readonly Option<int> _repeat = OptionOf.Integer("--repeat", "How often each request is run; the median counts", 3);
    private readonly Option<int> _width = OptionOf.Integer("--width", "Model width D", 64, 1, 1024);
    private readonly Option<int> _layers = OptionOf.Integer("--layers", "Stacked cross-attention layers", 2, 1, 64);
    private readonly Option<int> _heads = OptionOf.Integer("--heads", "Attention heads, a divisor of the width", 2, 1, 256);

    public BatchingCommand(CommandHost host)
        : base("batching", "Claim: request-level batching trains and scores many times faster than point-wise batches, with the same results", host)
    {
        foreach (Option option in (Option[])[_lengths, _targets, _users, _repeat, _width, _layers, _heads])
        {
            Add(option);
        }
        Add(Seed);
    }

    public override string Details =>
        """
        A point-wise batch has a copy of the history for every target, a request-level batch one for all targets of a request. Both run the same requests of the log's
        training part with the same initial weights; training steps have a learning rate too small to move them, so losses can be compared. Run it on a quiet machine.
        """;

    public override IReadOnlyList<string> Examples => ["lsk evaluate batching log.lsklog", "lsk evaluate batching log.lsklog --lengths 512,2000,8000 --targets 40,300"];

    protected override void CheckOptions(Invocation invocation)
    {
        if (invocation.Get(_width) % invocation.Get(_heads) != 0)
        {
            throw Failure.Usage($"--heads is {invocation.Get(_heads)}; it must be a divisor of the width ({invocation.Get(_width)}).");
        }
    }

    protected override ClaimOutcome Measure(ClaimRun run)
    {
        int[] lengths = [.. run.Invocation.Get(_lengths).Values.Distinct().Order()];
        int[] targets = [.. run.Invocation.Get(_targets).Values.Distinct().Order()];
        int users = run.Invocation.Get(_users);
        StcaModel model = Model(run);
        var measurements = new List<BatchingMeasurement>();
        run.Terminal.Track("Measuring", (long)lengths.Length * targets.Length * users, "requests", sink =>
        {
            long done = 0;
            foreach (int length in lengths)
            {
                foreach (int count in targets)
                {
                    var meter = new BatchingMeter(run.Context, model, run.Invocation.Get(_repeat));
                    foreach (RequestBatch request in Requests(run, length, count, users, run.Invocation.Get(Seed)))
                    {
                        run.Interruption.ThrowIfCancellationRequested();
                        meter.Measure(request);
                        sink.Report(++done, $"{Format.Count(length)} events, {Format.Count(count)} targets");
                    }
                    measurements.AddRange(meter.Results(length, count));
                }
            }
            return measurements.Count;
        });
        return Outcome(run, measurements, lengths, targets, users);
    }

    private static List<RequestBatch> Requests(ClaimRun run, int length, int targets, int users, long seed)
    {
        RequestProtocol protocol = RequestProtocol.For(run.Log) with { TrainMinHistory = length, Negatives = targets - 1 };
        var maker = new RequestMaker(run.Log, protocol);
        List<RequestBatch> requests =
        [
            .. TestRequests.Draw(maker, 1, seed, LogPart.Train).Take(users)
                .Select(request => RequestBatches.PerRequest(run.Log, [request], length, BatchContent.Labels | BatchContent.Popularity)),
        ];
        return requests.Count == users ? requests : throw new Failure(
            $"Only {Format.Count(requests.Count, "user")} of {run.Log.Source} have a training request with {Format.Count(length)} events before it and {Format.Count(targets - 1)} negatives; --users asks for {Format.Count(users)}.");
    }

    private StcaModel Model(ClaimRun run) => StcaModel.Create(new StcaConfig
    {
        Items = run.Log.ItemCount,
        Categories = run.Log.ItemCategories.IsEmpty ? 0 : run.Log.CategoryCount,
        Actions = run.Log.ActionCount,
        Width = run.Invocation.Get(_width),
        Heads = run.Invocation.Get(_heads),
        Layers = run.Invocation.Get(_layers),
        ContextWidth = 1,
        Seed = run.Invocation.Get(Seed),
    }, run.Log.ItemCategories);

    private ClaimOutcome Outcome(ClaimRun run, List<BatchingMeasurement> measurements, int[] lengths, int[] targets, int users)
    {
        var table = new ResultTable("phase", ">history", ">targets", ">samples/s", ">point-wise", ">speed-up", "", ">bytes/request", ">point-wise", ">fewer bytes", ">largest difference");
        foreach (BatchingMeasurement row in measurements.OrderBy(row => row.Phase).ThenBy(row => row.History).ThenBy(row => row.Targets))
        {
            table.Row(
                row.Phase == BatchingPhase.Training ? "training" : "scoring",
                Format.Count(row.History),
                Format.Count(row.Targets),
                Format.Significant(row.Targets / row.RequestLevelSeconds),
                Format.Significant(row.Targets / row.PointwiseSeconds),
                Format.Fixed(row.Speedup.Mean, 2),
                "± " + Format.Fixed(row.Speedup.Error, 2),
                Format.Count(row.RequestLevelBytes),
                Format.Count(row.PointwiseBytes),
                Format.Percent(1 - ((double)row.RequestLevelBytes / row.PointwiseBytes)),
                row.LargestDifference.ToString("0.0e+0"));
        }
        double difference = measurements.Max(row => row.LargestDifference);
        List<Finding> findings =
        [
            .. measurements.Where(row => row is { Phase: BatchingPhase.Training, History: 2000, Targets: 40 }).Select(row => new Finding(
                row.Speedup.Mean >= Bar,
                $"Training at 2,000 events and 40 targets: {Format.Fixed(row.Speedup.Mean, 2)} ± {Format.Fixed(row.Speedup.Error, 2)} times the samples per second of point-wise batches (bar: {Bar}).")),
            new Finding(difference <= Tolerance, $"Losses and logits differ by {difference:0.0e+0} at most, relative to 1 or their size (bar: {Tolerance:0e+0})."),
        ];
        ChartSeries[] series =
        [
            .. from phase in new[] { BatchingPhase.Training, BatchingPhase.Scoring }
               from count in targets
               select new ChartSeries(
                   $"{(phase == BatchingPhase.Training ? "training" : "scoring")}, {Format.Count(count, "target")}",
                   [.. lengths.Select(length => measurements.Single(row => row.Phase == phase && row.History == length && row.Targets == count).Speedup)]),
        ];
        return new ClaimOutcome
        {
            Title = "Request-level batching against point-wise batches",
            Conditions = $"{Format.Count(users, "user")} with one request each, median of {Format.Count(run.Invocation.Get(_repeat), "run")}; STCA of {Model(run).Config.Summary}.",
            Table = table,
            Legend = "Samples: targets. Speed-up: mean over users of the ratio of times; ±: one standard error over users. Bytes: what a batch holds of identifiers, times and features.",
            Findings = findings,
            Chart = new SeriesChart
            {
                Title = "Request-level batching: samples per second over point-wise",
                Subtitle = $"{Format.Count(users, "user")}; bars: ± 1 standard error over users",
                HorizontalLabel = "history length (events)",
                Ticks = [.. lengths.Select(length => Format.Count(length))],
                VerticalLabel = "speed-up",
                Series = series,
                Source = run.Log.Source,
            }.ToSvg(),
            Batching = measurements,
        };
    }
}
