using System.Diagnostics;
using LongSeqKernels.Models;

namespace LongSeqKernels.Cli;

/// <summary>Times requests at request level and point by point, and compares their results.</summary>
internal sealed class BatchingMeter(LongSeqContext context, StcaModel model, int repeat)
{
    /// <summary>So small that no weight moves by a bit that counts, so that all steps have the same losses.</summary>
    private const double StandingStill = 1e-15;

    private readonly List<Comparison> _training = [];
    private readonly List<Comparison> _scoring = [];
    private long _requestLevelBytes;
    private long _pointwiseBytes;

    /// <summary>Measures a request.</summary>
    public void Measure(RequestBatch request)
    {
        RequestBatch pointwise = PointwiseBatch.Of(request);
        _requestLevelBytes += Bytes(request);
        _pointwiseBytes += Bytes(pointwise);
        _training.Add(Compare(Train(request), Train(pointwise)));
        _scoring.Add(Compare(Score(request), Score(pointwise)));
    }

    /// <summary>What was measured of requests of one shape.</summary>
    public IEnumerable<BatchingMeasurement> Results(int history, int targets)
    {
        foreach ((BatchingPhase phase, List<Comparison> users) in ((BatchingPhase, List<Comparison>)[])[(BatchingPhase.Training, _training), (BatchingPhase.Scoring, _scoring)])
        {
            double[] ratios = [.. users.Select(user => user.PointwiseSeconds / user.RequestLevelSeconds)];
            yield return new BatchingMeasurement(
                phase, history, targets, Latency.Of([.. users.Select(user => user.RequestLevelSeconds)]).Median, Latency.Of([.. users.Select(user => user.PointwiseSeconds)]).Median,
                PairedUsers.Mean(ratios), _requestLevelBytes / users.Count, _pointwiseBytes / users.Count, users.Max(user => user.Difference));
        }
    }

    private static long Bytes(RequestBatch batch) =>
        (sizeof(int) * ((long)batch.HistoryItems.Length + batch.HistoryActions.Length + batch.TargetItems.Length))
        + (sizeof(long) * ((long)batch.HistoryTimes.Length + batch.RequestTimes.Length + batch.HistoryLimits.Length + batch.History.Offsets.Length + batch.Targets.Offsets.Length))
        + (sizeof(float) * ((long)batch.TargetContext.Length + batch.Labels.Length));

    private static Comparison Compare((double Seconds, float[] Values) requestLevel, (double Seconds, float[] Values) pointwise)
    {
        double difference = 0;
        for (int i = 0; i < requestLevel.Values.Length; i++)
        {
            difference = Math.Max(difference, Math.Abs(requestLevel.Values[i] - pointwise.Values[i]) / Math.Max(1, Math.Abs(pointwise.Values[i])));
        }
        return new Comparison(requestLevel.Seconds, pointwise.Seconds, difference);
    }

    private (double Seconds, float[] Losses) Train(RequestBatch batch)
    {
        var options = new TrainingOptions { LearningRate = new LearningRate(StandingStill, 0, repeat + 1), Optimiser = new AdamWOptions { WeightDecay = 0 } };
        var seconds = new List<double>();
        double loss = 0;
        long started = Stopwatch.GetTimestamp();
        new ModelTrainer(context, model, new BatchSequence([batch]), options).Run(new TrainingSchedule(), progress =>
        {
            // The first step takes the memory that the others reuse.
            if (progress.Step > 1)
            {
                seconds.Add(Stopwatch.GetElapsedTime(started).TotalSeconds);
            }
            loss = progress.Loss;
            started = Stopwatch.GetTimestamp();
        });
        return (Latency.Of(seconds).Median, [(float)loss]);
    }

    private (double Seconds, float[] Logits) Score(RequestBatch batch)
    {
        StcaScorer scorer = model.CreateScorer(context);
        var logits = new float[batch.Targets.Total];
        var seconds = new List<double>();
        for (int run = -1; run < repeat; run++)
        {
            long started = Stopwatch.GetTimestamp();
            scorer.Score(batch, logits);
            if (run >= 0)
            {
                seconds.Add(Stopwatch.GetElapsedTime(started).TotalSeconds);
            }
        }
        return (Latency.Of(seconds).Median, logits);
    }

    private readonly record struct Comparison(double RequestLevelSeconds, double PointwiseSeconds, double Difference);
}
