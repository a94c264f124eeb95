using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace LongSeqKernels;

/// <summary>The softmax of tokens over their rows of scores, which are in units of log2; surplus lanes of the last vector take no part.</summary>
internal static unsafe class TokenSoftmax<TSimd, TVector>
    where TSimd : struct, ISimd<TVector>
    where TVector : struct
{
    /// <summary>
    /// Replaces scores by <c>2^(s - max)</c>. Rows follow each other in one loop, so that the latency of one row's maximum and sum is hidden by the others.
    /// </summary>
    /// <param name="scores">Aligned.</param>
    /// <param name="stride">From a token's scores to the next.</param>
    /// <param name="rows">Tokens.</param>
    /// <param name="count">Scores of a token.</param>
    /// <param name="lanes">Scores with the surplus, which becomes 0.</param>
    /// <param name="maxima">Result: the largest score of every token.</param>
    /// <param name="sums">Result: the sum of the powers of every token.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Powers(float* scores, int stride, int rows, int count, int lanes, float* maxima, float* sums)
    {
        for (int row = 0; row < rows; row++, scores += stride)
        {
            Pad(scores, count, lanes);
            TVector largest = TSimd.LoadAligned(scores);
            for (int i = TSimd.Count; i < lanes; i += TSimd.Count)
            {
                largest = TSimd.Max(TSimd.LoadAligned(scores + i), largest);
            }
            maxima[row] = TSimd.MaxAcross(largest);
            sums[row] = PowersFrom(scores, lanes, maxima[row]);
        }
    }

    /// <summary>The natural LSE of tokens from what <see cref="Powers"/> left, and what makes their powers weights.</summary>
    /// <param name="maxima">Of every token; overwritten. Whole vectors of 16 are read and written.</param>
    /// <param name="sums">In: sums of the powers; out: their reciprocals. Whole vectors of 16 are read and written.</param>
    /// <param name="rows">Tokens.</param>
    /// <param name="logSumExp">Result, one for each token.</param>
    public static void Normalise(float* maxima, float* sums, int rows, float* logSumExp)
    {
        for (int row = 0; row < rows; row += Vector512<float>.Count)
        {
            Vector512<float> sum = Vector512.Load(sums + row);
            ((Vector512.Load(maxima + row) + Vector512.Log2(sum)) * SimdMath.Ln2).Store(maxima + row);
            (Vector512<float>.One / sum).Store(sums + row);
        }
        new ReadOnlySpan<float>(maxima, rows).CopyTo(new Span<float>(logSumExp, rows));
    }

    /// <summary>
    /// From scores and the gradients g of their weights w, the gradients of the products before the softmax: <c>g = w * (g - sum w g) * scale</c>; on the way the
    /// scores become weights and every prototype's own gradient is added to g.
    /// </summary>
    /// <param name="scores">In: scores; out: weights.</param>
    /// <param name="gradients">In: gradients of the weights without <paramref name="addend"/>; out: of the products.</param>
    /// <param name="stride">From a token's scores and gradients to the next.</param>
    /// <param name="rows">Tokens.</param>
    /// <param name="count">Scores of a token.</param>
    /// <param name="lanes">Scores with the surplus, whose weights become 0.</param>
    /// <param name="logSumExp">Natural, of every token. It is rounded: dividing by the sum of the powers takes its error out of the weights.</param>
    /// <param name="addend">One per lane.</param>
    /// <param name="scale">Factor of the products.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Backward(
        float* scores, float* gradients, int stride, int rows, int count, int lanes, float* logSumExp, float* addend, float scale)
    {
        TVector product = TSimd.Create(scale);
        for (int row = 0; row < rows; row++, scores += stride, gradients += stride)
        {
            Pad(scores, count, lanes);
            TVector factor = TSimd.Create(1f / PowersFrom(scores, lanes, logSumExp[row] * SimdMath.Log2E));
            TVector sum = TSimd.Zero;
            for (int i = 0; i < lanes; i += TSimd.Count)
            {
                TVector weight = TSimd.Multiply(TSimd.LoadAligned(scores + i), factor);
                TVector gradient = TSimd.Add(TSimd.LoadAligned(gradients + i), TSimd.LoadAligned(addend + i));
                TSimd.StoreAligned(weight, scores + i);
                TSimd.StoreAligned(gradient, gradients + i);
                sum = TSimd.MultiplyAdd(weight, gradient, sum);
            }
            TVector mean = TSimd.Create(TSimd.Sum(sum));
            for (int i = 0; i < lanes; i += TSimd.Count)
            {
                TVector centred = TSimd.Subtract(TSimd.LoadAligned(gradients + i), mean);
                TSimd.StoreAligned(TSimd.Multiply(TSimd.Multiply(TSimd.LoadAligned(scores + i), product), centred), gradients + i);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Pad(float* scores, int count, int lanes)
    {
        for (int i = count; i < lanes; i++)
        {
            scores[i] = float.NegativeInfinity;
        }
    }

    /// <summary>Replaces scores by <c>2^(s - origin)</c>, the origin near the largest score or above, and returns their sum.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float PowersFrom(float* scores, int lanes, float origin)
    {
        TVector subtrahend = TSimd.Create(origin);
        TVector even = TSimd.Zero;
        TVector odd = TSimd.Zero;
        int i = 0;
        for (; i + (2 * TSimd.Count) <= lanes; i += 2 * TSimd.Count)
        {
            TVector first = TSimd.Exp2(TSimd.Subtract(TSimd.LoadAligned(scores + i), subtrahend));
            TVector second = TSimd.Exp2(TSimd.Subtract(TSimd.LoadAligned(scores + i + TSimd.Count), subtrahend));
            TSimd.StoreAligned(first, scores + i);
            TSimd.StoreAligned(second, scores + i + TSimd.Count);
            even = TSimd.Add(even, first);
            odd = TSimd.Add(odd, second);
        }
        if (i < lanes)
        {
            TVector last = TSimd.Exp2(TSimd.Subtract(TSimd.LoadAligned(scores + i), subtrahend));
            TSimd.StoreAligned(last, scores + i);
            even = TSimd.Add(even, last);
        }
        return TSimd.Sum(TSimd.Add(even, odd));
    }

    /// <summary><c>sums[lane] += sum_row factors[row] * block[row, lane]</c>, the block by itself first.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void AddWeightedRows(float* block, int stride, int rows, int lanes, float* factors, float* sums)
    {
        for (int lane = 0; lane < lanes; lane += TSimd.Count)
        {
            TVector even = TSimd.Zero;
            TVector odd = TSimd.Zero;
            float* row = block + lane;
            int i = 0;
            for (; i + 2 <= rows; i += 2, row += 2 * stride)
            {
                even = TSimd.MultiplyAdd(TSimd.LoadAligned(row), TSimd.Create(factors[i]), even);
                odd = TSimd.MultiplyAdd(TSimd.LoadAligned(row + stride), TSimd.Create(factors[i + 1]), odd);
            }
            if (i < rows)
            {
                even = TSimd.MultiplyAdd(TSimd.LoadAligned(row), TSimd.Create(factors[i]), even);
            }
            TSimd.StoreAligned(TSimd.Add(TSimd.LoadAligned(sums + lane), TSimd.Add(even, odd)), sums + lane);
        }
    }
}
