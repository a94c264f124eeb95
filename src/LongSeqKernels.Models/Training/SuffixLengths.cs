namespace LongSeqKernels.Models;

/// <summary>
/// Random history lengths for length-extrapolative training (STCA, arXiv 2511.06077): <c>L = Minimum + s (Maximum - Minimum)</c>, s ~ Beta(Alpha, Beta),
/// rounded to a multiple of 8; a batch keeps that many of the most recent events. Small equal shapes make s U-shaped, which the paper found best.
/// </summary>
/// <param name="Minimum">Shortest suffix, a multiple of 8, 8 or more.</param>
/// <param name="Maximum">Longest suffix, a multiple of 8, <paramref name="Minimum"/> or more.</param>
/// <param name="Alpha">First shape of the Beta distribution, greater than 0.</param>
/// <param name="Beta">Second shape, greater than 0.</param>
public sealed record SuffixLengths(int Minimum, int Maximum, double Alpha = 0.3, double Beta = 0.3)
{
    /// <summary>Lengths are multiples of this.</summary>
    public const int Granularity = 8;

    /// <summary>Draws a length.</summary>
    public int Sample(RandomStream random)
    {
        double length = Minimum + (random.NextBeta(Alpha, Beta) * (Maximum - Minimum));
        return (int)(Math.Round(length / Granularity) * Granularity);
    }

    /// <summary>Checks the extents and shapes.</summary>
    /// <exception cref="ArgumentException">One of them is out of range.</exception>
    public void Validate()
    {
        if (Minimum < Granularity || Minimum % Granularity != 0)
        {
            throw Error.Range(nameof(Minimum), Minimum, $"a multiple of {Granularity}, {Granularity} or more");
        }
        if (Maximum < Minimum || Maximum % Granularity != 0)
        {
            throw Error.Range(nameof(Maximum), Maximum, $"a multiple of {Granularity}, {nameof(Minimum)} ({Minimum}) or more");
        }
        if (!double.IsFinite(Alpha) || Alpha <= 0)
        {
            throw Error.Range(nameof(Alpha), Alpha, "finite and greater than 0");
        }
        if (!double.IsFinite(Beta) || Beta <= 0)
        {
            throw Error.Range(nameof(Beta), Beta, "finite and greater than 0");
        }
    }
}
