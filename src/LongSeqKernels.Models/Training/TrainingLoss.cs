namespace LongSeqKernels.Models;

/// <summary>What training minimises.</summary>
public enum TrainingLoss
{
    /// <summary>Binary cross entropy of each target's label.</summary>
    BinaryCrossEntropy,

    /// <summary>
    /// Cross entropy of the labels, scaled to sum 1, against the softmax over the targets of a request. Requests without a positive label do not count. Logits are
    /// corrected by <see cref="RequestBatch.TargetLogProbabilities"/>.
    /// </summary>
    SampledSoftmax,
}

/// <summary>
/// Losses with request-level reduction (STCA, arXiv 2511.06077, section 3.2): a mean over the targets of a request, then over requests, so that a request counts
/// the same whatever its number of targets, and point-wise batches of the same requests have the same loss.
/// </summary>
public static class RequestLoss
{
    /// <summary>Computes a loss and its gradient in double precision.</summary>
    /// <param name="loss">Which.</param>
    /// <param name="batch">Requests, labels and sampling probabilities.</param>
    /// <param name="logits"><c>[T]</c>.</param>
    /// <param name="gradient"><c>[T]</c> of the loss with respect to the logits, overwritten.</param>
    /// <returns>The loss; 0 when no request counts.</returns>
    /// <exception cref="ArgumentException">A tensor has the wrong length or a label is not within 0 .. 1.</exception>
    public static double Compute(TrainingLoss loss, RequestBatch batch, ReadOnlySpan<float> logits, Span<float> gradient)
    {
        Check.Defined(loss);
        BatchCheck.Labels(batch);
        Check.Length(logits, batch.Targets.Total, "one per target");
        Check.Length(gradient, batch.Targets.Total, "one per target");
        ReadOnlySpan<float> labels = batch.Labels.Span;
        ReadOnlySpan<float> logProbabilities = batch.TargetLogProbabilities.Span;
        int counted = 0;
        for (int request = 0; request < batch.Requests.Count; request++)
        {
            counted += Counts(loss, labels[Targets(batch.Requests, request)]) ? 1 : 0;
        }
        double sum = 0;
        for (int request = 0; request < batch.Requests.Count; request++)
        {
            Range range = Targets(batch.Requests, request);
            if (!Counts(loss, labels[range]))
            {
                gradient[range].Clear();
            }
            else if (loss == TrainingLoss.BinaryCrossEntropy)
            {
                sum += BinaryCrossEntropy(logits[range], labels[range], 1.0 / counted, gradient[range]);
            }
            else
            {
                sum += SampledSoftmax(logits[range], labels[range], logProbabilities.IsEmpty ? default : logProbabilities[range], 1.0 / counted, gradient[range]);
            }
        }
        return sum;
    }

    private static Range Targets(JaggedLayout requests, int request) => (int)requests.Start(request)..(int)(requests.Start(request) + requests.Length(request));

    private static bool Counts(TrainingLoss loss, ReadOnlySpan<float> labels) =>
        loss == TrainingLoss.BinaryCrossEntropy ? !labels.IsEmpty : labels.ContainsAnyExcept(0f);

    private static double BinaryCrossEntropy(ReadOnlySpan<float> logits, ReadOnlySpan<float> labels, double weight, Span<float> gradient)
    {
        double sum = 0;
        double each = weight / logits.Length;
        for (int i = 0; i < logits.Length; i++)
        {
            double x = logits[i];
            double tail = Math.Exp(-Math.Abs(x));
            double sigmoid = (x >= 0 ? 1 : tail) / (1 + tail);
            sum += Math.Max(x, 0) - (x * labels[i]) + Math.Log(1 + tail);
            gradient[i] = (float)(each * (sigmoid - labels[i]));
        }
        return each * sum;
    }

    private static double SampledSoftmax(ReadOnlySpan<float> logits, ReadOnlySpan<float> labels, ReadOnlySpan<float> logProbabilities, double weight, Span<float> gradient)
    {
        double Corrected(ReadOnlySpan<float> logits, ReadOnlySpan<float> logProbabilities, int i) => logits[i] - (logProbabilities.IsEmpty ? 0.0 : logProbabilities[i]);
        double maximum = double.NegativeInfinity;
        double positives = 0;
        for (int i = 0; i < logits.Length; i++)
        {
            maximum = Math.Max(maximum, Corrected(logits, logProbabilities, i));
            positives += labels[i];
        }
        double total = 0;
        for (int i = 0; i < logits.Length; i++)
        {
            total += Math.Exp(Corrected(logits, logProbabilities, i) - maximum);
        }
        double logSumExp = maximum + Math.Log(total);
        double sum = 0;
        for (int i = 0; i < logits.Length; i++)
        {
            double x = Corrected(logits, logProbabilities, i);
            double share = labels[i] / positives;
            sum += share * (logSumExp - x);
            gradient[i] = (float)(weight * (Math.Exp(x - logSumExp) - share));
        }
        return weight * sum;
    }
}
