namespace LongSeqKernels.Models;

/// <summary>
/// A seeded generator of random numbers whose sequence never changes between versions of .NET (SplitMix64). One seed has as many
/// independent streams as wanted, so that batch n or parameter n draws the same numbers whatever was drawn before it.
/// </summary>
public sealed class RandomStream
{
    private ulong _state;

    /// <summary>Starts stream <paramref name="stream"/> of <paramref name="seed"/>.</summary>
    public RandomStream(long seed, long stream = 0)
    {
        _state = Mix((ulong)seed + 0x9E3779B97F4A7C15UL) ^ Mix(((ulong)stream * 0xD1342543DE82EF95UL) + 0x632BE59BD9B4E019UL);
    }

    /// <summary>64 uniform bits.</summary>
    public ulong NextBits()
    {
        _state += 0x9E3779B97F4A7C15UL;
        return Mix(_state);
    }

    /// <summary>Uniform in [0, 1).</summary>
    public double NextUnit() => (NextBits() >> 11) * (1.0 / (1UL << 53));

    /// <summary>Uniform in 0 .. <paramref name="count"/> - 1.</summary>
    /// <param name="count">1 or more.</param>
    public int NextIndex(int count)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        return (int)(((UInt128)NextBits() * (ulong)count) >> 64);
    }

    /// <summary>Uniform in 0 .. <paramref name="count"/> - 1.</summary>
    /// <param name="count">1 or more.</param>
    public long NextIndex(long count)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        return (long)(((UInt128)NextBits() * (ulong)count) >> 64);
    }

    /// <summary>Normal with mean 0 and variance 1 (Box and Muller's cosine branch).</summary>
    public double NextNormal() => Math.Sqrt(-2 * Math.Log(1 - NextUnit())) * Math.Cos(2 * Math.PI * NextUnit());

    /// <summary>Gamma with scale 1 (Marsaglia and Tsang; shapes below 1 through shape + 1).</summary>
    /// <param name="shape">Greater than 0.</param>
    public double NextGamma(double shape)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(shape);
        if (shape < 1)
        {
            return NextGamma(shape + 1) * Math.Pow(1 - NextUnit(), 1 / shape);
        }
        double d = shape - (1.0 / 3);
        double c = 1 / Math.Sqrt(9 * d);
        while (true)
        {
            double x = NextNormal();
            double v = 1 + (c * x);
            if (v <= 0)
            {
                continue;
            }
            v *= v * v;
            if (Math.Log(1 - NextUnit()) < (0.5 * x * x) + d - (d * v) + (d * Math.Log(v)))
            {
                return d * v;
            }
        }
    }

    /// <summary>Beta in [0, 1].</summary>
    /// <param name="alpha">Greater than 0.</param>
    /// <param name="beta">Greater than 0.</param>
    public double NextBeta(double alpha, double beta)
    {
        double x = NextGamma(alpha);
        double y = NextGamma(beta);
        // Both underflow to 0 for tiny shapes; the distribution is then two points.
        return x + y > 0 ? x / (x + y) : NextUnit() * (alpha + beta) < alpha ? 1 : 0;
    }

    /// <summary>Puts <paramref name="values"/> in a random order.</summary>
    public void Shuffle<T>(Span<T> values)
    {
        for (int i = values.Length - 1; i > 0; i--)
        {
            int j = NextIndex(i + 1);
            (values[i], values[j]) = (values[j], values[i]);
        }
    }

    private static ulong Mix(ulong z)
    {
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9UL;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBUL;
        return z ^ (z >> 31);
    }
}
