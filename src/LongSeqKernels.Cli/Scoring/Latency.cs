namespace LongSeqKernels.Cli;

/// <summary>Quantiles of measured times, in seconds.</summary>
internal sealed record Latency(int Runs, double Median, double P90, double P99, double Max)
{
    public static Latency Of(List<double> seconds)
    {
        double[] sorted = [.. seconds];
        Array.Sort(sorted);
        return new Latency(sorted.Length, Quantile(sorted, 0.5), Quantile(sorted, 0.9), Quantile(sorted, 0.99), sorted[^1]);
    }

    /// <summary>The smallest time that a share of the runs did not exceed.</summary>
    private static double Quantile(double[] sorted, double share) => sorted[Math.Clamp((int)Math.Ceiling(share * sorted.Length) - 1, 0, sorted.Length - 1)];
}

/// <summary>The two steps of scoring and their sum.</summary>
internal sealed record ScoreLatencies(Latency Encode, Latency Score, Latency Total);
