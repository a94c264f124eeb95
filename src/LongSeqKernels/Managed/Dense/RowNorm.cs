using System.Runtime.CompilerServices;

namespace LongSeqKernels;

/// <summary>
/// Layer normalisation of fp32 rows: <c>y = (x - mean) * scale * gain + bias</c>, <c>scale = 1 / sqrt(variance + epsilon)</c>. Rows go through each step in
/// blocks, whose sums across vectors, divisions and roots are taken for all rows at a time: row by row their latency would be most of the work.
/// A row has the same bits wherever in a block it is.
/// </summary>
internal static unsafe partial class RowNorm<TSimd, TVector>
    where TSimd : struct, ISimd<TVector>
    where TVector : struct
{
    /// <summary>Rows of a block: a vector of 16 sums, and few enough to find them in the L1 cache at the next step.</summary>
    public const int BlockRows = 16;

    /// <summary>Floats that hold the sums of a block before they are folded, and those beside them that narrow vectors read in vain.</summary>
    private const int PartialFloats = 2 * BlockRows * 4;

    /// <summary>The means of rows and their scales; the variance from the centred row, which keeps its digits when the mean is large.</summary>
    /// <param name="x">The rows.</param>
    /// <param name="stride">From a row to the next.</param>
    /// <param name="rows">Number of rows.</param>
    /// <param name="width">Elements of a row.</param>
    /// <param name="epsilon">Added to the variance.</param>
    /// <param name="means">Result, one for each row.</param>
    /// <param name="scales">Result, one for each row.</param>
    public static void Moments(float* x, long stride, int rows, int width, float epsilon, float* means, float* scales)
    {
        for (int row = 0; row < rows; row += BlockRows)
        {
            MomentsOfBlock(x + (row * stride), stride, Math.Min(BlockRows, rows - row), width, epsilon, means + row, scales + row);
        }
    }

    /// <summary>Normalises rows; <paramref name="y"/> may be <paramref name="x"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Normalise(
        float* x, long stride, int rows, int width, float* means, float* scales, float* gain, float* bias, float* y, long resultStride)
    {
        for (int row = 0; row < rows; row++, x += stride, y += resultStride)
        {
            TVector centre = TSimd.Create(means[row]);
            TVector factor = TSimd.Create(scales[row]);
            int i = 0;
            for (; i + TSimd.Count <= width; i += TSimd.Count)
            {
                TVector normalised = TSimd.Multiply(TSimd.Subtract(TSimd.Load(x + i), centre), factor);
                TSimd.Store(TSimd.MultiplyAdd(normalised, TSimd.Load(gain + i), TSimd.Load(bias + i)), y + i);
            }
            for (; i < width; i++)
            {
                y[i] = ((x[i] - means[row]) * scales[row] * gain[i]) + bias[i];
            }
        }
    }

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void MomentsOfBlock(float* x, long stride, int rows, int width, float epsilon, float* means, float* scales)
    {
        float* partial = stackalloc float[PartialFloats];
        float* totals = stackalloc float[BlockRows];
        int vectors = width - (width % TSimd.Count);
        for (int row = 0; row < rows; row += 4)
        {
            float* a = x + (row * stride);
            float* b = row + 1 < rows ? a + stride : a;
            float* c = row + 2 < rows ? b + stride : a;
            float* d = row + 3 < rows ? c + stride : a;
            TVector sumA = TSimd.Zero, sumB = TSimd.Zero, sumC = TSimd.Zero, sumD = TSimd.Zero;
            for (int i = 0; i < vectors; i += TSimd.Count)
            {
                sumA = TSimd.Add(sumA, TSimd.Load(a + i));
                sumB = TSimd.Add(sumB, TSimd.Load(b + i));
                sumC = TSimd.Add(sumC, TSimd.Load(c + i));
                sumD = TSimd.Add(sumD, TSimd.Load(d + i));
            }
            TSimd.Store(TSimd.SumFour(sumA, sumB, sumC, sumD), partial + (row / 4 * TSimd.Count));
        }
        Fold(partial, totals);
        for (int i = vectors; i < width; i++)
        {
            for (int row = 0; row < rows; row++)
            {
                totals[row] += x[(row * stride) + i];
            }
        }
        Divide(totals, width);
        new ReadOnlySpan<float>(totals, rows).CopyTo(new Span<float>(means, rows));
        for (int row = 0; row < rows; row += 4)
        {
            float* a = x + (row * stride);
            float* b = row + 1 < rows ? a + stride : a;
            float* c = row + 2 < rows ? b + stride : a;
            float* d = row + 3 < rows ? c + stride : a;
            TVector centreA = TSimd.Create(means[row]);
            TVector centreB = row + 1 < rows ? TSimd.Create(means[row + 1]) : centreA;
            TVector centreC = row + 2 < rows ? TSimd.Create(means[row + 2]) : centreA;
            TVector centreD = row + 3 < rows ? TSimd.Create(means[row + 3]) : centreA;
            TVector sumA = TSimd.Zero, sumB = TSimd.Zero, sumC = TSimd.Zero, sumD = TSimd.Zero;
            for (int i = 0; i < vectors; i += TSimd.Count)
            {
                TVector differenceA = TSimd.Subtract(TSimd.Load(a + i), centreA);
                sumA = TSimd.MultiplyAdd(differenceA, differenceA, sumA);
                TVector differenceB = TSimd.Subtract(TSimd.Load(b + i), centreB);
                sumB = TSimd.MultiplyAdd(differenceB, differenceB, sumB);
                TVector differenceC = TSimd.Subtract(TSimd.Load(c + i), centreC);
                sumC = TSimd.MultiplyAdd(differenceC, differenceC, sumC);
                TVector differenceD = TSimd.Subtract(TSimd.Load(d + i), centreD);
                sumD = TSimd.MultiplyAdd(differenceD, differenceD, sumD);
            }
            TSimd.Store(TSimd.SumFour(sumA, sumB, sumC, sumD), partial + (row / 4 * TSimd.Count));
        }
        Fold(partial, totals);
        for (int i = vectors; i < width; i++)
        {
            for (int row = 0; row < rows; row++)
            {
                float difference = x[(row * stride) + i] - means[row];
                totals[row] += difference * difference;
            }
        }
        Divide(totals, width);
        for (int row = 0; row < BlockRows; row += TSimd.Count)
        {
            TVector deviation = TSimd.Sqrt(TSimd.Add(TSimd.Load(totals + row), TSimd.Create(epsilon)));
            TSimd.Store(TSimd.Divide(TSimd.Create(1f), deviation), totals + row);
        }
        new ReadOnlySpan<float>(totals, rows).CopyTo(new Span<float>(scales, rows));
    }

    /// <summary>Divides the sums of a block.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Divide(float* totals, float divisor)
    {
        for (int row = 0; row < BlockRows; row += TSimd.Count)
        {
            TSimd.Store(TSimd.Divide(TSimd.Load(totals + row), TSimd.Create(divisor)), totals + row);
        }
    }

    /// <summary>The sums of the rows of a block from what <see cref="ISimd{TVector}.SumFour"/> left of every four.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Fold(float* partial, float* totals)
    {
        for (int row = 0; row < BlockRows; row += TSimd.Count, partial += TSimd.Count / 4 * TSimd.Count)
        {
            TSimd.Store(
                TSimd.CombineSums(
                    TSimd.Load(partial), TSimd.Load(partial + TSimd.Count), TSimd.Load(partial + (2 * TSimd.Count)), TSimd.Load(partial + (3 * TSimd.Count))),
                totals + row);
        }
    }
}
