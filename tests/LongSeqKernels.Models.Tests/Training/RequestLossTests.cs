using NUnit.Framework;

namespace LongSeqKernels.Models.Tests;

public sealed class RequestLossTests
{
    [Test]
    public void BinaryCrossEntropyIsTheMeanOfRequestsMeans()
    {
        RequestBatch batch = Batch([2, 0, 3], [1, 0, 0.5f, 1, 0]);
        float[] logits = [0.3f, -1.2f, 2, -0.4f, 0.1f];
        double Term(int i) => -(batch.Labels.Span[i] * Math.Log(Sigmoid(logits[i]))) - ((1 - batch.Labels.Span[i]) * Math.Log(1 - Sigmoid(logits[i])));
        double expected = (((Term(0) + Term(1)) / 2) + ((Term(2) + Term(3) + Term(4)) / 3)) / 2;
        var gradient = new float[5];
        Assert.That(RequestLoss.Compute(TrainingLoss.BinaryCrossEntropy, batch, logits, gradient), Is.EqualTo(expected).Within(1e-12));
        Assert.That(gradient[0], Is.EqualTo((Sigmoid(logits[0]) - 1) / 4).Within(1e-7));
        Assert.That(gradient[2], Is.EqualTo((Sigmoid(logits[2]) - 0.5) / 6).Within(1e-7));
    }

    [Test]
    public void SampledSoftmaxCountsRequestsWithAPositiveOnly()
    {
        RequestBatch batch = Batch([3, 2], [1, 0, 1, 0, 0]);
        float[] logits = [0.3f, -1.2f, 2, -0.4f, 0.1f];
        double total = Math.Exp(logits[0]) + Math.Exp(logits[1]) + Math.Exp(logits[2]);
        var gradient = new float[5];
        double expected = 0.5 * (Math.Log(total) - logits[0] + Math.Log(total) - logits[2]);
        Assert.That(RequestLoss.Compute(TrainingLoss.SampledSoftmax, batch, logits, gradient), Is.EqualTo(expected).Within(1e-12));
        Assert.That(gradient[1], Is.EqualTo(Math.Exp(logits[1]) / total).Within(1e-7));
        Assert.That(gradient[0], Is.EqualTo((Math.Exp(logits[0]) / total) - 0.5).Within(1e-7));
        Assert.That(gradient[3..], Is.All.Zero);
    }

    [Test]
    public void SampledSoftmaxSubtractsTheSamplersLogProbabilities()
    {
        float[] probabilities = [0.5f, -1, 0.25f];
        float[] logits = [0.3f, -1.2f, 2];
        float[] corrected = [.. logits.Zip(probabilities, (logit, q) => logit - q)];
        var gradient = new float[3];
        var other = new float[3];
        double loss = RequestLoss.Compute(TrainingLoss.SampledSoftmax, Batch([3], [1, 0, 0], probabilities), logits, gradient);
        Assert.That(loss, Is.EqualTo(RequestLoss.Compute(TrainingLoss.SampledSoftmax, Batch([3], [1, 0, 0]), corrected, other)).Within(1e-7));
        Assert.That(gradient, Is.EqualTo(other).Within(1e-7));
    }

    [Test]
    public void HugeLogitsStayFinite([Values] TrainingLoss loss)
    {
        var gradient = new float[4];
        double value = RequestLoss.Compute(loss, Batch([4], [1, 0, 0, 1]), [-1e30f, 1e30f, -1e4f, 1e4f], gradient);
        Assert.That(value, Is.GreaterThan(1e29).And.LessThan(double.PositiveInfinity));
        Assert.That(gradient, Has.All.Matches<float>(float.IsFinite));
    }

    [Test]
    public void NoRequestsNoLoss([Values] TrainingLoss loss) =>
        Assert.That(RequestLoss.Compute(loss, Batch([0, 0], []), [], []), Is.Zero);

    private static double Sigmoid(double x) => 1 / (1 + Math.Exp(-x));

    private static RequestBatch Batch(long[] requests, float[] labels, float[]? logProbabilities = null) => new()
    {
        History = JaggedLayout.FromLengths(0),
        HistoryItems = default,
        HistoryTimes = default,
        RequestTimes = new long[1],
        Targets = JaggedLayout.FromLengths(labels.Length),
        TargetItems = new int[labels.Length],
        Requests = JaggedLayout.FromLengths(requests),
        Labels = labels,
        TargetLogProbabilities = logProbabilities,
    };
}
