using System.Runtime.CompilerServices;

namespace LongSeqKernels;

/// <summary>
/// What <see cref="ThinKernel{TSimd, TVector, T}"/> does, for one query row of each of four heads that lie side by side and are four vectors wide. Keys and values pass by as they lie,
/// whole rows of four heads at a time, and every load instruction advances by a constant stride: the hardware's prefetchers follow that by themselves, and many software prefetches would
/// only take their place. One line of every page is fetched ahead, where hardware starts anew.
/// </summary>
internal static unsafe class ThinQuadKernel<TSimd, TVector, T>
    where TSimd : struct, ISimd<TVector>
    where TVector : struct
    where T : unmanaged
{
    /// <summary>Heads that are walked together.</summary>
    public const int Heads = 4;

    /// <summary>Vectors of a head.</summary>
    private const int Vectors = 4;

    /// <summary>Keys (values) that lie between what is read and what is fetched: 16 KB of four heads in fp32, a third of a first-level cache.</summary>
    private const int KeysAhead = 16;

    /// <summary>Keys (values) to one fetched line, which fill a page in fp32; and keys whose scores are combined.</summary>
    private const int KeysPerFetch = 4;

    /// <summary>A bf16 history that is larger is not in the caches.</summary>
    private const long CachedBytes = 16 << 20;

    /// <summary>
    /// Whether the kernel serves this shape, and does so faster. A vector has a lane for every score of four heads and four keys, and 32 registers hold the tile. With two bytes
    /// an element there are more instructions to a cache line: bf16 from memory wants every line fetched, and fp16 is bound by its conversion, which <see cref="ThinKernel{TSimd, TVector, T}"/> overlaps better.
    /// </summary>
    /// <param name="heads">Key/value heads that are walked together.</param>
    /// <param name="rows">Query rows of each.</param>
    /// <param name="width">Head width.</param>
    /// <param name="historyBytes">Keys and values of all histories.</param>
    public static bool Serves(int heads, int rows, int width, long historyBytes) =>
        TSimd.Count == 16 && width == Vectors * TSimd.Count && rows == 1 && heads % Heads == 0
        && (typeof(T) == typeof(float) || (typeof(T) == typeof(BFloat16) && historyBytes <= CachedBytes));

    /// <summary>Scores of a block of keys: <c>scores[head][i] = queries[head] . keys[i][head]</c>, to the last bit those of <see cref="ThinKernel{TSimd, TVector, T}.Scores"/>.</summary>
    /// <param name="queries">Aligned, one after another.</param>
    /// <param name="keys">The first key of the first head.</param>
    /// <param name="stride">From a key to the next, in elements.</param>
    /// <param name="count">Keys.</param>
    /// <param name="scores">Result, aligned, a row for each head.</param>
    /// <param name="scoreStride">From a row of scores to the next.</param>
    /// <param name="next">What is read after the last key, with the same stride.</param>
    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Scores(float* queries, T* keys, nint stride, int count, float* scores, nint scoreStride, T* next)
    {
        nint width = Vectors * TSimd.Count;
        nint step = KeysPerFetch * stride;
        T* ahead = keys + (KeysAhead * stride);
        int whole = count - (count % TSimd.Count);
        for (int i = 0; i < whole; i += KeysPerFetch)
        {
            ahead = i == whole - KeysAhead ? next : ahead;
            TSimd.Prefetch(ahead);
            ahead += step;
            TVector first = ScoresOfFour(queries, keys, stride);
            TVector second = ScoresOfFour(queries + width, keys + width, stride);
            TVector third = ScoresOfFour(queries + (2 * width), keys + (2 * width), stride);
            TVector fourth = ScoresOfFour(queries + (3 * width), keys + (3 * width), stride);
            keys += step;
            TSimd.StoreRowsOfFour(TSimd.CombineSums(first, second, third, fourth), scores + i, scoreStride);
        }
        for (int head = 0; head < Heads && whole < count; head++)
        {
            T* key = keys + (head * width);
            ThinKernel<TSimd, TVector, T>.Scores(queries + (head * width), key, stride, count - whole, (int)width, scores + (head * scoreStride) + whole, (byte*)key);
        }
    }

    /// <summary>Adds a block's weighted values: <c>outputs[head] = outputs[head] * factors[head] + sum_i weights[head][i] * values[i][head]</c>.</summary>
    /// <param name="weights">A row for each head.</param>
    /// <param name="weightStride">From a row of weights to the next.</param>
    /// <param name="values">The first value of the first head.</param>
    /// <param name="stride">From a value to the next, in elements.</param>
    /// <param name="count">Keys.</param>
    /// <param name="outputs">Running sums, aligned.</param>
    /// <param name="outputStride">From a running sum to the next.</param>
    /// <param name="factors">Rescale of the running sums.</param>
    /// <param name="next">What is read after the last value, with the same stride.</param>
    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void AddValues(float* weights, nint weightStride, T* values, nint stride, int count, float* outputs, nint outputStride, float* factors, T* next)
    {
        nint lanes = TSimd.Count;
        TVector a0 = TSimd.Zero, a1 = TSimd.Zero, a2 = TSimd.Zero, a3 = TSimd.Zero;
        TVector b0 = TSimd.Zero, b1 = TSimd.Zero, b2 = TSimd.Zero, b3 = TSimd.Zero;
        TVector c0 = TSimd.Zero, c1 = TSimd.Zero, c2 = TSimd.Zero, c3 = TSimd.Zero;
        TVector d0 = TSimd.Zero, d1 = TSimd.Zero, d2 = TSimd.Zero, d3 = TSimd.Zero;
        T* ahead = values + (KeysAhead * stride);
        for (int i = 0; i < count; i++)
        {
            ahead = i == count - KeysAhead ? next : ahead;
            if (i % KeysPerFetch == 0)
            {
                TSimd.Prefetch(ahead);
            }
            ahead += stride;
            TVector w = TSimd.Create(weights[i]);
            a0 = TSimd.MultiplyAdd(w, SimdMath.Load<TSimd, TVector, T>(values), a0);
            a1 = TSimd.MultiplyAdd(w, SimdMath.Load<TSimd, TVector, T>(values + lanes), a1);
            a2 = TSimd.MultiplyAdd(w, SimdMath.Load<TSimd, TVector, T>(values + (2 * lanes)), a2);
            a3 = TSimd.MultiplyAdd(w, SimdMath.Load<TSimd, TVector, T>(values + (3 * lanes)), a3);
            w = TSimd.Create(weights[i + weightStride]);
            b0 = TSimd.MultiplyAdd(w, SimdMath.Load<TSimd, TVector, T>(values + (4 * lanes)), b0);
            b1 = TSimd.MultiplyAdd(w, SimdMath.Load<TSimd, TVector, T>(values + (5 * lanes)), b1);
            b2 = TSimd.MultiplyAdd(w, SimdMath.Load<TSimd, TVector, T>(values + (6 * lanes)), b2);
            b3 = TSimd.MultiplyAdd(w, SimdMath.Load<TSimd, TVector, T>(values + (7 * lanes)), b3);
            w = TSimd.Create(weights[i + (2 * weightStride)]);
            c0 = TSimd.MultiplyAdd(w, SimdMath.Load<TSimd, TVector, T>(values + (8 * lanes)), c0);
            c1 = TSimd.MultiplyAdd(w, SimdMath.Load<TSimd, TVector, T>(values + (9 * lanes)), c1);
            c2 = TSimd.MultiplyAdd(w, SimdMath.Load<TSimd, TVector, T>(values + (10 * lanes)), c2);
            c3 = TSimd.MultiplyAdd(w, SimdMath.Load<TSimd, TVector, T>(values + (11 * lanes)), c3);
            w = TSimd.Create(weights[i + (3 * weightStride)]);
            d0 = TSimd.MultiplyAdd(w, SimdMath.Load<TSimd, TVector, T>(values + (12 * lanes)), d0);
            d1 = TSimd.MultiplyAdd(w, SimdMath.Load<TSimd, TVector, T>(values + (13 * lanes)), d1);
            d2 = TSimd.MultiplyAdd(w, SimdMath.Load<TSimd, TVector, T>(values + (14 * lanes)), d2);
            d3 = TSimd.MultiplyAdd(w, SimdMath.Load<TSimd, TVector, T>(values + (15 * lanes)), d3);
            values += stride;
        }
        Join(outputs, factors[0], a0, a1, a2, a3);
        Join(outputs + outputStride, factors[1], b0, b1, b2, b3);
        Join(outputs + (2 * outputStride), factors[2], c0, c1, c2, c3);
        Join(outputs + (3 * outputStride), factors[3], d0, d1, d2, d3);
    }

    /// <summary>Products of a query with four keys, each summed to the four lanes of a group.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector ScoresOfFour(float* query, T* keys, nint stride)
    {
        TVector a = TSimd.Zero, b = TSimd.Zero, c = TSimd.Zero, d = TSimd.Zero;
        Multiply(query, keys, stride, ref a, ref b, ref c, ref d);
        Multiply(query + TSimd.Count, keys + TSimd.Count, stride, ref a, ref b, ref c, ref d);
        Multiply(query + (2 * TSimd.Count), keys + (2 * TSimd.Count), stride, ref a, ref b, ref c, ref d);
        Multiply(query + (3 * TSimd.Count), keys + (3 * TSimd.Count), stride, ref a, ref b, ref c, ref d);
        return TSimd.SumFour(a, b, c, d);
    }

    /// <summary>Adds the products of one vector of a query with those of four keys.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Multiply(float* query, T* keys, nint stride, ref TVector a, ref TVector b, ref TVector c, ref TVector d)
    {
        TVector q = TSimd.LoadAligned(query);
        a = TSimd.MultiplyAdd(q, SimdMath.Load<TSimd, TVector, T>(keys), a);
        b = TSimd.MultiplyAdd(q, SimdMath.Load<TSimd, TVector, T>(keys + stride), b);
        c = TSimd.MultiplyAdd(q, SimdMath.Load<TSimd, TVector, T>(keys + (2 * stride)), c);
        d = TSimd.MultiplyAdd(q, SimdMath.Load<TSimd, TVector, T>(keys + (3 * stride)), d);
    }

    /// <summary><c>output = output * factor + sum</c>, of one head.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Join(float* output, float factor, TVector a, TVector b, TVector c, TVector d)
    {
        TVector scale = TSimd.Create(factor);
        nint lanes = TSimd.Count;
        TSimd.StoreAligned(TSimd.MultiplyAdd(TSimd.LoadAligned(output), scale, a), output);
        TSimd.StoreAligned(TSimd.MultiplyAdd(TSimd.LoadAligned(output + lanes), scale, b), output + lanes);
        TSimd.StoreAligned(TSimd.MultiplyAdd(TSimd.LoadAligned(output + (2 * lanes)), scale, c), output + (2 * lanes));
        TSimd.StoreAligned(TSimd.MultiplyAdd(TSimd.LoadAligned(output + (3 * lanes)), scale, d), output + (3 * lanes));
    }
}
