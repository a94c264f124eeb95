using System.Runtime.CompilerServices;

namespace LongSeqKernels;

/// <summary>The softmax of one token over its row of scores, which are in units of log2; surplus lanes of the last vector take no part.</summary>
internal static unsafe class TokenSoftmax<TSimd, TVector>
    where TSimd : struct, ISimd<TVector>
    where TVector : struct
{
    /// <summary>Replaces scores by <c>2^(s - max)</c>.</summary>
    /// <param name="scores">Aligned.</param>
    /// <param name="count">Scores.</param>
    /// <param name="lanes">Scores with the surplus, which becomes 0.</param>
    /// <param name="max">The largest score.</param>
    /// <returns>The sum of the powers.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static float Powers(float* scores, int count, int lanes, out float max)
    {
        new Span<float>(scores + count, lanes - count).Fill(float.NegativeInfinity);
        TVector largest = TSimd.LoadAligned(scores);
        for (int i = TSimd.Count; i < lanes; i += TSimd.Count)
        {
            largest = TSimd.Max(TSimd.LoadAligned(scores + i), largest);
        }
        max = TSimd.MaxAcross(largest);
        return PowersFrom(scores, count, lanes, max);
    }

    /// <summary>Replaces scores by <c>2^(s - origin)</c>.</summary>
    /// <param name="scores">Aligned.</param>
    /// <param name="count">Scores.</param>
    /// <param name="lanes">Scores with the surplus, which becomes 0.</param>
    /// <param name="origin">Near the largest score or above.</param>
    /// <returns>The sum of the powers.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static float PowersFrom(float* scores, int count, int lanes, float origin)
    {
        new Span<float>(scores + count, lanes - count).Fill(float.NegativeInfinity);
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

    /// <summary>
    /// From weights w and their gradients g, those of the products before the softmax: <c>g = w * (g - sum w g) * scale</c>; on the way the weights
    /// are normalised and every prototype's own gradient is added to g.
    /// </summary>
    /// <param name="weights">In: powers; out: weights.</param>
    /// <param name="gradients">In: gradients of the weights without <paramref name="addend"/>; out: of the products.</param>
    /// <param name="addend">One per lane.</param>
    /// <param name="lanes">Lanes with the surplus.</param>
    /// <param name="normaliser">Makes the powers weights.</param>
    /// <param name="scale">Factor of the products.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Backward(float* weights, float* gradients, float* addend, int lanes, float normaliser, float scale)
    {
        TVector factor = TSimd.Create(normaliser);
        TVector sum = TSimd.Zero;
        for (int i = 0; i < lanes; i += TSimd.Count)
        {
            TVector weight = TSimd.Multiply(TSimd.LoadAligned(weights + i), factor);
            TVector gradient = TSimd.Add(TSimd.LoadAligned(gradients + i), TSimd.LoadAligned(addend + i));
            TSimd.StoreAligned(weight, weights + i);
            TSimd.StoreAligned(gradient, gradients + i);
            sum = TSimd.MultiplyAdd(weight, gradient, sum);
        }
        TVector mean = TSimd.Create(TSimd.Sum(sum));
        TVector product = TSimd.Create(scale);
        for (int i = 0; i < lanes; i += TSimd.Count)
        {
            TVector centred = TSimd.Subtract(TSimd.LoadAligned(gradients + i), mean);
            TSimd.StoreAligned(TSimd.Multiply(TSimd.Multiply(TSimd.LoadAligned(weights + i), product), centred), gradients + i);
        }
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
