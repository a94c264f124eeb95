namespace LongSeqKernels.Models;

/// <summary>How well one request was ranked.</summary>
/// <param name="Auc">Share of negatives below the positive.</param>
/// <param name="Nll">Negative log of the positive's softmax probability.</param>
/// <param name="ReciprocalRank">1 over the positive's rank; ties count half.</param>
/// <param name="Hit10">1 when the positive is among the ten best, otherwise 0.</param>
internal readonly record struct RequestMetrics(double Auc, double Nll, double ReciprocalRank, double Hit10)
{
    /// <summary>Metrics of a request whose first logit is the positive's.</summary>
    public static RequestMetrics Of(string scorer, ReadOnlySpan<float> logits)
    {
        double above = 0;
        double highest = double.NegativeInfinity;
        for (int i = 0; i < logits.Length; i++)
        {
            if (!float.IsFinite(logits[i]))
            {
                throw new ArithmeticException($"{scorer} gave a logit of {logits[i]}; logits must be finite.");
            }
            highest = Math.Max(highest, logits[i]);
            if (i > 0)
            {
                above += logits[i] > logits[0] ? 1 : logits[i] == logits[0] ? 0.5 : 0;
            }
        }
        double sum = 0;
        foreach (float logit in logits)
        {
            sum += Math.Exp(logit - highest);
        }
        return new RequestMetrics(1 - (above / (logits.Length - 1)), Math.Log(sum) + highest - logits[0], 1 / (1 + above), above < 10 ? 1 : 0);
    }
}
