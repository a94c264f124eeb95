using System.Runtime.CompilerServices;

namespace LongSeqKernels;

/// <summary>
/// Attention of one query row to a block of keys, with vectors along the head width: every key and value is loaded once and used once, so the
/// kernel is bound by memory. Software prefetches run one block ahead (the hardware's prefetcher stops at every page), and bf16 and fp16
/// are widened in registers, which halves the bytes. The head width must be a multiple of 16.
/// </summary>
internal static unsafe class ThinKernel<TSimd, TVector, T>
    where TSimd : struct, ISimd<TVector>
    where TVector : struct
    where T : unmanaged
{
    /// <summary>Scores of a block: <c>scores[i] = query . keys[i]</c>.</summary>
    /// <param name="query">Scaled, aligned.</param>
    /// <param name="keys">The first key.</param>
    /// <param name="stride">From a key to the next, in elements.</param>
    /// <param name="count">Keys.</param>
    /// <param name="width">Head width.</param>
    /// <param name="scores">Result, aligned.</param>
    /// <param name="prefetch">Where <paramref name="count"/> rows of <paramref name="width"/> elements begin that are read soon.</param>
    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Scores(float* query, T* keys, nint stride, int count, int width, float* scores, byte* prefetch)
    {
        int i = 0;
        nint step = (nint)width * 4 * sizeof(T);
        for (; i + TSimd.Count <= count; i += TSimd.Count)
        {
            TVector first = ScoresOfFour(query, keys, stride, width, prefetch);
            TVector second = first, third = first, fourth = first;
            keys += 4 * stride;
            prefetch += step;
            if (TSimd.Count >= 8)
            {
                second = ScoresOfFour(query, keys, stride, width, prefetch);
                keys += 4 * stride;
                prefetch += step;
            }
            if (TSimd.Count >= 16)
            {
                third = ScoresOfFour(query, keys, stride, width, prefetch);
                fourth = ScoresOfFour(query, keys + (4 * stride), stride, width, prefetch + step);
                keys += 8 * stride;
                prefetch += 2 * step;
            }
            TSimd.StoreAligned(TSimd.CombineSums(first, second, third, fourth), scores + i);
        }
        for (; i < count; i++, keys += stride)
        {
            TVector sum = TSimd.Zero;
            for (nint x = 0; x < width; x += TSimd.Count)
            {
                sum = TSimd.MultiplyAdd(TSimd.LoadAligned(query + x), SimdMath.Load<TSimd, TVector, T>(keys + x), sum);
            }
            scores[i] = TSimd.Sum(sum);
        }
    }

    /// <summary>Turns a row of scores into weights <c>2^(s - max)</c> and carries the running maximum and sum on.</summary>
    /// <param name="scores">Aligned.</param>
    /// <param name="count">A multiple of the vector's lanes; scores that are not there are -infinity.</param>
    /// <param name="max">Running maximum.</param>
    /// <param name="sum">Running sum, relative to the maximum.</param>
    /// <returns>What earlier sums have to be multiplied with.</returns>
    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static float Softmax(float* scores, int count, float* max, float* sum)
    {
        TVector largest = TSimd.LoadAligned(scores);
        for (nint i = TSimd.Count; i < count; i += TSimd.Count)
        {
            largest = TSimd.Max(TSimd.LoadAligned(scores + i), largest);
        }
        TVector old = TSimd.Create(*max);
        TVector now = TSimd.Max(TSimd.Create(TSimd.MaxAcross(largest)), old);
        *max = TSimd.First(now);
        TVector subtrahend = ScoreBlock<TSimd, TVector>.Subtrahend(now);
        TVector total = TSimd.Zero;
        for (nint i = 0; i < count; i += TSimd.Count)
        {
            TVector w = TSimd.Exp2(TSimd.Subtract(TSimd.LoadAligned(scores + i), subtrahend));
            TSimd.StoreAligned(w, scores + i);
            total = TSimd.Add(total, w);
        }
        float factor = TSimd.First(TSimd.Exp2(TSimd.Subtract(old, subtrahend)));
        *sum = (*sum * factor) + TSimd.Sum(total);
        return factor;
    }

    /// <summary>Adds a block's weighted values: <c>output = output * factor + sum_i weights[i] * values[i]</c>.</summary>
    /// <param name="weights">One per key.</param>
    /// <param name="values">The first value.</param>
    /// <param name="stride">From a value to the next, in elements.</param>
    /// <param name="count">Keys.</param>
    /// <param name="width">Head width.</param>
    /// <param name="output">Running sum, aligned.</param>
    /// <param name="factor">Rescale of the running sum.</param>
    /// <param name="prefetch">Where <paramref name="count"/> rows of <paramref name="width"/> elements begin that are read soon.</param>
    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void AddValues(float* weights, T* values, nint stride, int count, int width, float* output, float factor, byte* prefetch)
    {
        nint lanes = TSimd.Count;
        nint row = (nint)width * sizeof(T);
        TVector scale = TSimd.Create(factor);
        nint x = 0;
        for (; x + (4 * lanes) <= width; x += 4 * lanes)
        {
            TVector a0 = TSimd.Zero, a1 = TSimd.Zero, a2 = TSimd.Zero, a3 = TSimd.Zero;
            TVector b0 = TSimd.Zero, b1 = TSimd.Zero, b2 = TSimd.Zero, b3 = TSimd.Zero;
            T* value = values + x;
            byte* line = prefetch + (x * sizeof(T));
            int i = 0;
            for (; i + 2 <= count; i += 2)
            {
                Prefetch(line);
                Prefetch(line + row);
                line += 2 * row;
                TVector w = TSimd.Create(weights[i]);
                a0 = TSimd.MultiplyAdd(w, SimdMath.Load<TSimd, TVector, T>(value), a0);
                a1 = TSimd.MultiplyAdd(w, SimdMath.Load<TSimd, TVector, T>(value + lanes), a1);
                a2 = TSimd.MultiplyAdd(w, SimdMath.Load<TSimd, TVector, T>(value + (2 * lanes)), a2);
                a3 = TSimd.MultiplyAdd(w, SimdMath.Load<TSimd, TVector, T>(value + (3 * lanes)), a3);
                value += stride;
                w = TSimd.Create(weights[i + 1]);
                b0 = TSimd.MultiplyAdd(w, SimdMath.Load<TSimd, TVector, T>(value), b0);
                b1 = TSimd.MultiplyAdd(w, SimdMath.Load<TSimd, TVector, T>(value + lanes), b1);
                b2 = TSimd.MultiplyAdd(w, SimdMath.Load<TSimd, TVector, T>(value + (2 * lanes)), b2);
                b3 = TSimd.MultiplyAdd(w, SimdMath.Load<TSimd, TVector, T>(value + (3 * lanes)), b3);
                value += stride;
            }
            if (i < count)
            {
                TVector w = TSimd.Create(weights[i]);
                a0 = TSimd.MultiplyAdd(w, SimdMath.Load<TSimd, TVector, T>(value), a0);
                a1 = TSimd.MultiplyAdd(w, SimdMath.Load<TSimd, TVector, T>(value + lanes), a1);
                a2 = TSimd.MultiplyAdd(w, SimdMath.Load<TSimd, TVector, T>(value + (2 * lanes)), a2);
                a3 = TSimd.MultiplyAdd(w, SimdMath.Load<TSimd, TVector, T>(value + (3 * lanes)), a3);
            }
            float* o = output + x;
            TSimd.StoreAligned(TSimd.MultiplyAdd(TSimd.LoadAligned(o), scale, TSimd.Add(a0, b0)), o);
            TSimd.StoreAligned(TSimd.MultiplyAdd(TSimd.LoadAligned(o + lanes), scale, TSimd.Add(a1, b1)), o + lanes);
            TSimd.StoreAligned(TSimd.MultiplyAdd(TSimd.LoadAligned(o + (2 * lanes)), scale, TSimd.Add(a2, b2)), o + (2 * lanes));
            TSimd.StoreAligned(TSimd.MultiplyAdd(TSimd.LoadAligned(o + (3 * lanes)), scale, TSimd.Add(a3, b3)), o + (3 * lanes));
        }
        for (; x < width; x += lanes)
        {
            TVector a0 = TSimd.Zero, a1 = TSimd.Zero, a2 = TSimd.Zero, a3 = TSimd.Zero;
            T* value = values + x;
            byte* line = prefetch + (x * sizeof(T));
            int i = 0;
            for (; i + 4 <= count; i += 4, value += 4 * stride, line += 4 * row)
            {
                TSimd.Prefetch(line);
                TSimd.Prefetch(line + row);
                TSimd.Prefetch(line + (2 * row));
                TSimd.Prefetch(line + (3 * row));
                a0 = TSimd.MultiplyAdd(TSimd.Create(weights[i]), SimdMath.Load<TSimd, TVector, T>(value), a0);
                a1 = TSimd.MultiplyAdd(TSimd.Create(weights[i + 1]), SimdMath.Load<TSimd, TVector, T>(value + stride), a1);
                a2 = TSimd.MultiplyAdd(TSimd.Create(weights[i + 2]), SimdMath.Load<TSimd, TVector, T>(value + (2 * stride)), a2);
                a3 = TSimd.MultiplyAdd(TSimd.Create(weights[i + 3]), SimdMath.Load<TSimd, TVector, T>(value + (3 * stride)), a3);
            }
            for (; i < count; i++, value += stride)
            {
                a0 = TSimd.MultiplyAdd(TSimd.Create(weights[i]), SimdMath.Load<TSimd, TVector, T>(value), a0);
            }
            a0 = TSimd.Add(TSimd.Add(a0, a1), TSimd.Add(a2, a3));
            TSimd.StoreAligned(TSimd.MultiplyAdd(TSimd.LoadAligned(output + x), scale, a0), output + x);
        }
    }

    /// <summary>Products of a query with four keys, each summed to the four lanes of a group.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector ScoresOfFour(float* query, T* keys, nint stride, nint width, byte* prefetch)
    {
        nint line = 4 * TSimd.Count * sizeof(T);
        TVector a = TSimd.Zero, b = TSimd.Zero, c = TSimd.Zero, d = TSimd.Zero;
        nint x = 0;
        for (; x + (4 * TSimd.Count) <= width; x += 4 * TSimd.Count, keys += 4 * TSimd.Count)
        {
            Prefetch(prefetch);
            TVector q0 = TSimd.LoadAligned(query + x);
            a = TSimd.MultiplyAdd(q0, SimdMath.Load<TSimd, TVector, T>(keys), a);
            b = TSimd.MultiplyAdd(q0, SimdMath.Load<TSimd, TVector, T>(keys + stride), b);
            c = TSimd.MultiplyAdd(q0, SimdMath.Load<TSimd, TVector, T>(keys + (2 * stride)), c);
            d = TSimd.MultiplyAdd(q0, SimdMath.Load<TSimd, TVector, T>(keys + (3 * stride)), d);
            Prefetch(prefetch + line);
            TVector q1 = TSimd.LoadAligned(query + x + TSimd.Count);
            a = TSimd.MultiplyAdd(q1, SimdMath.Load<TSimd, TVector, T>(keys + TSimd.Count), a);
            b = TSimd.MultiplyAdd(q1, SimdMath.Load<TSimd, TVector, T>(keys + stride + TSimd.Count), b);
            c = TSimd.MultiplyAdd(q1, SimdMath.Load<TSimd, TVector, T>(keys + (2 * stride) + TSimd.Count), c);
            d = TSimd.MultiplyAdd(q1, SimdMath.Load<TSimd, TVector, T>(keys + (3 * stride) + TSimd.Count), d);
            Prefetch(prefetch + (2 * line));
            TVector q2 = TSimd.LoadAligned(query + x + (2 * TSimd.Count));
            a = TSimd.MultiplyAdd(q2, SimdMath.Load<TSimd, TVector, T>(keys + (2 * TSimd.Count)), a);
            b = TSimd.MultiplyAdd(q2, SimdMath.Load<TSimd, TVector, T>(keys + stride + (2 * TSimd.Count)), b);
            c = TSimd.MultiplyAdd(q2, SimdMath.Load<TSimd, TVector, T>(keys + (2 * stride) + (2 * TSimd.Count)), c);
            d = TSimd.MultiplyAdd(q2, SimdMath.Load<TSimd, TVector, T>(keys + (3 * stride) + (2 * TSimd.Count)), d);
            Prefetch(prefetch + (3 * line));
            TVector q3 = TSimd.LoadAligned(query + x + (3 * TSimd.Count));
            a = TSimd.MultiplyAdd(q3, SimdMath.Load<TSimd, TVector, T>(keys + (3 * TSimd.Count)), a);
            b = TSimd.MultiplyAdd(q3, SimdMath.Load<TSimd, TVector, T>(keys + stride + (3 * TSimd.Count)), b);
            c = TSimd.MultiplyAdd(q3, SimdMath.Load<TSimd, TVector, T>(keys + (2 * stride) + (3 * TSimd.Count)), c);
            d = TSimd.MultiplyAdd(q3, SimdMath.Load<TSimd, TVector, T>(keys + (3 * stride) + (3 * TSimd.Count)), d);
            prefetch += 4 * line;
        }
        for (; x < width; x += TSimd.Count, keys += TSimd.Count)
        {
            Prefetch(prefetch);
            prefetch += line;
            TVector q = TSimd.LoadAligned(query + x);
            a = TSimd.MultiplyAdd(q, SimdMath.Load<TSimd, TVector, T>(keys), a);
            b = TSimd.MultiplyAdd(q, SimdMath.Load<TSimd, TVector, T>(keys + stride), b);
            c = TSimd.MultiplyAdd(q, SimdMath.Load<TSimd, TVector, T>(keys + (2 * stride)), c);
            d = TSimd.MultiplyAdd(q, SimdMath.Load<TSimd, TVector, T>(keys + (3 * stride)), d);
        }
        return TSimd.SumFour(a, b, c, d);
    }

    /// <summary>As many cache lines as four vectors of elements fill.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Prefetch(byte* address)
    {
        TSimd.Prefetch(address);
        if (4 * TSimd.Count * sizeof(T) > 64)
        {
            TSimd.Prefetch(address + 64);
        }
        if (4 * TSimd.Count * sizeof(T) > 128)
        {
            TSimd.Prefetch(address + 128);
            TSimd.Prefetch(address + 192);
        }
    }
}
