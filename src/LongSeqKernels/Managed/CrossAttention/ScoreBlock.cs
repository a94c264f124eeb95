using System.Runtime.CompilerServices;

namespace LongSeqKernels;

/// <summary>
/// What happens to a block of scores between the two products. A block is <c>[keys, lanes]</c>, a lane being a query row, so that the softmax of
/// 16 or 64 rows needs no sum across a vector. Logits of softmax are in units of log2: its exponentials are powers of two.
/// </summary>
internal static unsafe class ScoreBlock<TSimd, TVector>
    where TSimd : struct, ISimd<TVector>
    where TVector : struct
{
    /// <summary><c>c * tanh(x / c)</c> of consecutive scores.</summary>
    /// <param name="scores">Aligned.</param>
    /// <param name="count">A multiple of 16.</param>
    /// <param name="cap">c, above 0.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Cap(float* scores, nint count, float cap)
    {
        TVector scale = TSimd.Create(cap);
        TVector inverse = TSimd.Create(1 / cap);
        for (nint i = 0; i < count; i += TSimd.Count)
        {
            TVector capped = SimdMath.Tanh<TSimd, TVector>(TSimd.Multiply(TSimd.LoadAligned(scores + i), inverse));
            TSimd.StoreAligned(TSimd.Multiply(capped, scale), scores + i);
        }
    }

    /// <summary>SiLU of consecutive scores.</summary>
    /// <param name="scores">Aligned.</param>
    /// <param name="count">A multiple of 16.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Silu(float* scores, nint count)
    {
        for (nint i = 0; i < count; i += TSimd.Count)
        {
            TVector x = TSimd.LoadAligned(scores + i);
            TSimd.StoreAligned(TSimd.Multiply(x, SimdMath.Sigmoid<TSimd, TVector>(x)), scores + i);
        }
    }

    /// <summary>Adds each key's bias to its scores.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void AddBias(float* scores, nint keys, nint lanes, float* bias, float factor)
    {
        for (nint i = 0; i < keys; i++)
        {
            TVector addend = TSimd.Create(bias[i] * factor);
            for (nint lane = 0; lane < lanes; lane += TSimd.Count, scores += TSimd.Count)
            {
                TSimd.StoreAligned(TSimd.Add(TSimd.LoadAligned(scores), addend), scores);
            }
        }
    }

    /// <summary>Gives the keys that a row does not see the score <paramref name="hidden"/>.</summary>
    /// <param name="scores">The block.</param>
    /// <param name="first">The first key that some row does not see.</param>
    /// <param name="keys">Keys of the block.</param>
    /// <param name="lanes">Lanes of the block.</param>
    /// <param name="limits">Per lane, how many keys of the block it sees; below 0 means none.</param>
    /// <param name="hidden">-infinity, or 0 without softmax.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Hide(float* scores, nint first, nint keys, nint lanes, float* limits, float hidden)
    {
        TVector replacement = TSimd.Create(hidden);
        for (nint i = first; i < keys; i++)
        {
            TVector key = TSimd.Create((float)i);
            float* row = scores + (i * lanes);
            for (nint lane = 0; lane < lanes; lane += TSimd.Count)
            {
                TVector visible = TSimd.Less(key, TSimd.LoadAligned(limits + lane));
                TSimd.StoreAligned(TSimd.Select(visible, TSimd.LoadAligned(row + lane), replacement), row + lane);
            }
        }
    }

    /// <summary>
    /// Turns scores into weights <c>2^(s - max)</c> and carries the running maximum and sum of every row on. A row that has seen no key has the
    /// maximum -infinity, weights 0 and sum 0.
    /// </summary>
    /// <param name="scores">The block.</param>
    /// <param name="keys">Keys of the block.</param>
    /// <param name="lanes">A multiple of 16.</param>
    /// <param name="max">Running maximum per lane.</param>
    /// <param name="sum">Running sum per lane, relative to the maximum.</param>
    /// <param name="factors">Result per lane: what earlier sums have to be multiplied with.</param>
    public static void Softmax(float* scores, nint keys, nint lanes, float* max, float* sum, float* factors)
    {
        nint lane = 0;
        for (; lane + (4 * TSimd.Count) <= lanes; lane += 4 * TSimd.Count)
        {
            SoftmaxOfFour(scores + lane, keys, lanes, max + lane, sum + lane, factors + lane);
        }
        for (; lane < lanes; lane += TSimd.Count)
        {
            SoftmaxOfOne(scores + lane, keys, lanes, max + lane, sum + lane, factors + lane);
        }
    }

    /// <summary>A maximum that can be subtracted: 0 for rows that have seen nothing but -infinity, whose weights then become 0 and not NaN.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Subtrahend(TVector max) => TSimd.Select(TSimd.Equal(max, TSimd.Create(float.NegativeInfinity)), TSimd.Zero, max);

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void SoftmaxOfFour(float* scores, nint keys, nint lanes, float* max, float* sum, float* factors)
    {
        nint count = TSimd.Count;
        TVector old0 = TSimd.LoadAligned(max), old1 = TSimd.LoadAligned(max + count), old2 = TSimd.LoadAligned(max + (2 * count)), old3 = TSimd.LoadAligned(max + (3 * count));
        TVector max0 = old0, max1 = old1, max2 = old2, max3 = old3;
        float* s = scores;
        for (nint i = 0; i < keys; i++, s += lanes)
        {
            max0 = TSimd.Max(TSimd.LoadAligned(s), max0);
            max1 = TSimd.Max(TSimd.LoadAligned(s + count), max1);
            max2 = TSimd.Max(TSimd.LoadAligned(s + (2 * count)), max2);
            max3 = TSimd.Max(TSimd.LoadAligned(s + (3 * count)), max3);
        }
        TSimd.StoreAligned(max0, max);
        TSimd.StoreAligned(max1, max + count);
        TSimd.StoreAligned(max2, max + (2 * count));
        TSimd.StoreAligned(max3, max + (3 * count));
        max0 = Subtrahend(max0);
        max1 = Subtrahend(max1);
        max2 = Subtrahend(max2);
        max3 = Subtrahend(max3);
        TVector sum0 = TSimd.Zero, sum1 = TSimd.Zero, sum2 = TSimd.Zero, sum3 = TSimd.Zero;
        s = scores;
        for (nint i = 0; i < keys; i++, s += lanes)
        {
            TVector w0 = TSimd.Exp2(TSimd.Subtract(TSimd.LoadAligned(s), max0));
            TVector w1 = TSimd.Exp2(TSimd.Subtract(TSimd.LoadAligned(s + count), max1));
            TVector w2 = TSimd.Exp2(TSimd.Subtract(TSimd.LoadAligned(s + (2 * count)), max2));
            TVector w3 = TSimd.Exp2(TSimd.Subtract(TSimd.LoadAligned(s + (3 * count)), max3));
            TSimd.StoreAligned(w0, s);
            TSimd.StoreAligned(w1, s + count);
            TSimd.StoreAligned(w2, s + (2 * count));
            TSimd.StoreAligned(w3, s + (3 * count));
            sum0 = TSimd.Add(sum0, w0);
            sum1 = TSimd.Add(sum1, w1);
            sum2 = TSimd.Add(sum2, w2);
            sum3 = TSimd.Add(sum3, w3);
        }
        CarryOn(old0, max0, sum0, sum, factors);
        CarryOn(old1, max1, sum1, sum + count, factors + count);
        CarryOn(old2, max2, sum2, sum + (2 * count), factors + (2 * count));
        CarryOn(old3, max3, sum3, sum + (3 * count), factors + (3 * count));
    }

    /// <summary>One vector of lanes, four keys at a time.</summary>
    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void SoftmaxOfOne(float* scores, nint keys, nint lanes, float* max, float* sum, float* factors)
    {
        TVector old = TSimd.LoadAligned(max);
        TVector max0 = old, max1 = old, max2 = old, max3 = old;
        nint i = 0;
        float* s = scores;
        for (; i + 4 <= keys; i += 4, s += 4 * lanes)
        {
            max0 = TSimd.Max(TSimd.LoadAligned(s), max0);
            max1 = TSimd.Max(TSimd.LoadAligned(s + lanes), max1);
            max2 = TSimd.Max(TSimd.LoadAligned(s + (2 * lanes)), max2);
            max3 = TSimd.Max(TSimd.LoadAligned(s + (3 * lanes)), max3);
        }
        for (; i < keys; i++, s += lanes)
        {
            max0 = TSimd.Max(TSimd.LoadAligned(s), max0);
        }
        max0 = TSimd.Max(TSimd.Max(max0, max1), TSimd.Max(max2, max3));
        TSimd.StoreAligned(max0, max);
        max0 = Subtrahend(max0);
        TVector total = TSimd.Zero;
        s = scores;
        for (i = 0; i + 4 <= keys; i += 4, s += 4 * lanes)
        {
            TVector w0 = TSimd.Exp2(TSimd.Subtract(TSimd.LoadAligned(s), max0));
            TVector w1 = TSimd.Exp2(TSimd.Subtract(TSimd.LoadAligned(s + lanes), max0));
            TVector w2 = TSimd.Exp2(TSimd.Subtract(TSimd.LoadAligned(s + (2 * lanes)), max0));
            TVector w3 = TSimd.Exp2(TSimd.Subtract(TSimd.LoadAligned(s + (3 * lanes)), max0));
            TSimd.StoreAligned(w0, s);
            TSimd.StoreAligned(w1, s + lanes);
            TSimd.StoreAligned(w2, s + (2 * lanes));
            TSimd.StoreAligned(w3, s + (3 * lanes));
            total = TSimd.Add(total, TSimd.Add(TSimd.Add(w0, w1), TSimd.Add(w2, w3)));
        }
        for (; i < keys; i++, s += lanes)
        {
            TVector w = TSimd.Exp2(TSimd.Subtract(TSimd.LoadAligned(s), max0));
            TSimd.StoreAligned(w, s);
            total = TSimd.Add(total, w);
        }
        CarryOn(old, max0, total, sum, factors);
    }

    /// <summary>The sum of the block joins the running sum; -infinity minus anything leaves a factor of 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void CarryOn(TVector oldMax, TVector subtrahend, TVector blockSum, float* sum, float* factors)
    {
        TVector factor = TSimd.Exp2(TSimd.Subtract(oldMax, subtrahend));
        TSimd.StoreAligned(factor, factors);
        TSimd.StoreAligned(TSimd.MultiplyAdd(TSimd.LoadAligned(sum), factor, blockSum), sum);
    }
}
