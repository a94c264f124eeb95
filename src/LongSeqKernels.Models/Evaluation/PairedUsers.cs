namespace LongSeqKernels.Models;

/// <summary>Means over users with their standard errors, of scorers that ranked the same requests.</summary>
public static class PairedUsers
{
    /// <summary>A mean over users.</summary>
    /// <param name="values">One per user, one or more.</param>
    public static Estimate Mean(IReadOnlyList<double> values)
    {
        double mean = values.Average();
        return new Estimate(mean, Math.Sqrt(values.Average(value => (value - mean) * (value - mean)) / values.Count));
    }

    /// <summary>The mean difference of values of the same users.</summary>
    /// <param name="values">One per user.</param>
    /// <param name="others">One per user.</param>
    public static Estimate Difference(IReadOnlyList<double> values, IReadOnlyList<double> others) => Mean([.. values.Zip(others, (value, other) => value - other)]);

    /// <summary>
    /// The mean gain of a scorer over a base as a share of the mean gain of another, with the jackknife's standard error: numerator and denominator are of the same users and move
    /// together.
    /// </summary>
    /// <param name="values">Mean AUC of each user by the scorer.</param>
    /// <param name="bases">The same users' by the base.</param>
    /// <param name="full">The same users' by the scorer whose gain counts as all.</param>
    /// <exception cref="ArgumentException">The lists differ in length, or there are fewer than two users.</exception>
    public static Estimate ShareOfGain(IReadOnlyList<double> values, IReadOnlyList<double> bases, IReadOnlyList<double> full)
    {
        int users = values.Count;
        if (users < 2 || bases.Count != users || full.Count != users)
        {
            throw Error.Invalid(nameof(values), $"of {values.Count}, {bases.Count} and {full.Count} users", "of the same users as the others, two or more");
        }
        double gain = values.Sum() - bases.Sum();
        double whole = full.Sum() - bases.Sum();
        double[] without = [.. Enumerable.Range(0, users).Select(user => (gain - values[user] + bases[user]) / (whole - full[user] + bases[user]))];
        double mean = without.Average();
        return new Estimate(gain / whole, Math.Sqrt((users - 1.0) / users * without.Sum(share => (share - mean) * (share - mean))));
    }
}
