using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using NUnit.Framework;

namespace LongSeqKernels.Tests;

/// <summary>How far a backend may be from the reference.</summary>
internal static class Tolerance
{
    /// <summary>
    /// The FlashAttention rule: the largest error is at most twice that of a naive computation whose intermediate tensors are stored as
    /// <typeparamref name="T"/>, plus a few roundings of the result.
    /// </summary>
    /// <param name="name">The tensor.</param>
    /// <param name="actual">What the backend computed.</param>
    /// <param name="naive">What the naive computation gives.</param>
    /// <param name="reference">What is exact.</param>
    /// <param name="allowance">Relative error that is allowed beyond the rule: what rounded inputs bring with them, or the freedom to order an fp32 sum.</param>
    /// <param name="cancelled">Absolute error that is allowed beyond the rule: the rounding of terms that cancel.</param>
    public static void AssertFlashRule<T>(
        string name, ReadOnlySpan<float> actual, ReadOnlySpan<float> naive, ReadOnlySpan<float> reference, double allowance = 0, double cancelled = 0)
        where T : unmanaged
    {
        AssertFinite(name, actual);
        double largest = Largest(reference);
        double naiveError = Error(naive, reference, out _);
        double error = Error(actual, reference, out int at);
        double allowed = (2 * naiveError) + (Roundings<T>() * UnitRoundoff<T>() * (largest + 0.3)) + (allowance * largest) + cancelled;
        Assert.That(
            error,
            Is.LessThanOrEqualTo(allowed),
            () => $"{name}[{at}]: twice the naive error is {2 * naiveError:E2}, the largest element {largest:E2}");
    }

    /// <summary>Every element within <paramref name="relative"/> of the reference, relative to 1 + its magnitude; infinities must be equal.</summary>
    public static void AssertClose(string name, ReadOnlySpan<float> actual, ReadOnlySpan<float> reference, double relative)
    {
        Assert.That(actual.Length, Is.EqualTo(reference.Length), name);
        for (int i = 0; i < actual.Length; i++)
        {
            bool close = actual[i] == reference[i] || Math.Abs((double)actual[i] - reference[i]) <= relative * (1 + Math.Abs((double)reference[i]));
            if (!close)
            {
                Assert.Fail($"{name}[{i}] is {actual[i]:R}; the reference has {reference[i]:R}");
            }
        }
    }

    public static void AssertSameBits<T>(T[] actual, T[] expected, string name)
        where T : unmanaged
    {
        Assert.That(actual.Length, Is.EqualTo(expected.Length), name);
        int difference = MemoryMarshal.AsBytes(actual.AsSpan()).CommonPrefixLength(MemoryMarshal.AsBytes(expected.AsSpan())) / Unsafe.SizeOf<T>();
        if (difference < actual.Length)
        {
            Assert.Fail($"{name}[{difference}] is {actual[difference]} and was {expected[difference]}");
        }
    }

    /// <summary>Relative L2 error.</summary>
    public static double RelativeError(ReadOnlySpan<float> actual, ReadOnlySpan<float> reference)
    {
        double difference = 0;
        double norm = 0;
        for (int i = 0; i < reference.Length; i++)
        {
            difference += Math.Pow((double)actual[i] - reference[i], 2);
            norm += Math.Pow(reference[i], 2);
        }
        return Math.Sqrt(difference / norm);
    }

    /// <summary>Rounding to the nearest leaves magnitudes alone on average; truncation shrinks them by 0.7 units of roundoff, which the FlashAttention rule lets pass.</summary>
    public static void AssertRoundedToNearest<T>(string name, ReadOnlySpan<float> actual, ReadOnlySpan<float> reference, double allowance = 0)
        where T : unmanaged
    {
        double excess = 0;
        double magnitude = 0;
        for (int i = 0; i < reference.Length; i++)
        {
            excess += Math.Abs((double)actual[i]) - Math.Abs((double)reference[i]);
            magnitude += Math.Abs((double)reference[i]);
        }
        Assert.That(excess / magnitude, Is.EqualTo(0).Within((0.4 * Roundings<T>() * UnitRoundoff<T>()) + allowance), $"{name}: mean relative change of magnitude");
    }

    public static void AssertFinite(string name, ReadOnlySpan<float> values)
    {
        for (int i = 0; i < values.Length; i++)
        {
            if (!float.IsFinite(values[i]))
            {
                Assert.Fail($"{name}[{i}] is {values[i]}");
            }
        }
    }

    /// <summary>The largest relative error of rounding to T.</summary>
    public static double UnitRoundoff<T>()
        where T : unmanaged => Element<T>.Type switch
        {
            ElementType.Float32 => Math.ScaleB(1, -24),
            ElementType.BFloat16 => Math.ScaleB(1, -8),
            _ => Math.ScaleB(1, -11),
        };

    /// <summary>
    /// fp32 kernels have polynomials or tables for exp, sums in another order, and on tensor cores products of three parts that are added by truncation;
    /// low-precision kernels only the last rounding.
    /// </summary>
    private static double Roundings<T>()
        where T : unmanaged => Element<T>.Type == ElementType.Float32 ? 16 : 1;

    private static double Error(ReadOnlySpan<float> values, ReadOnlySpan<float> reference, out int at)
    {
        Assert.That(values.Length, Is.EqualTo(reference.Length));
        double largest = 0;
        at = 0;
        for (int i = 0; i < reference.Length; i++)
        {
            double error = Math.Abs((double)values[i] - reference[i]);
            if (error > largest)
            {
                (largest, at) = (error, i);
            }
        }
        return largest;
    }

    /// <summary>The largest magnitude, 0 for none.</summary>
    public static double Largest(ReadOnlySpan<float> values)
    {
        double largest = 0;
        foreach (float value in values)
        {
            largest = Math.Max(largest, Math.Abs((double)value));
        }
        return largest;
    }
}
