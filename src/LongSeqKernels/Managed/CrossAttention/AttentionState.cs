using System.Runtime.CompilerServices;

namespace LongSeqKernels;

/// <summary>
/// The running state of a unit (a tile of query rows, or one row): maximum and sum per lane, then the weighted values <c>[head width, lanes]</c>,
/// relative to the maximum. Sums of disjoint keys fold into one another; the empty state is the identity.
/// </summary>
internal static unsafe class AttentionState
{
    /// <summary>Floats of a state.</summary>
    public static long Floats(int lanes, int width) => (2 * Stride(lanes)) + AlignedBuffer.AlignedFloats((long)lanes * width);

    /// <summary>From the maxima to the sums, and from the sums to the values.</summary>
    public static int Stride(int lanes) => (int)AlignedBuffer.AlignedFloats(lanes);
}

/// <inheritdoc cref="AttentionState"/>
internal static unsafe class AttentionState<TSimd, TVector>
    where TSimd : struct, ISimd<TVector>
    where TVector : struct
{
    /// <summary>Makes a state empty. The values may stay as they are when the first block of keys overwrites them.</summary>
    public static void Clear(float* state, int lanes, int width, bool valuesToo)
    {
        int stride = AttentionState.Stride(lanes);
        new Span<float>(state, stride).Fill(float.NegativeInfinity);
        new Span<float>(state + stride, stride).Clear();
        if (valuesToo)
        {
            new Span<float>(state + (2 * stride), lanes * width).Clear();
        }
    }

    /// <summary>One over every lane's sum: what the values of finished rows are multiplied with. 0 for rows that have seen no key.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void InvertSums(float* state, int lanes, float* inverses)
    {
        int stride = AttentionState.Stride(lanes);
        for (int lane = 0; lane < stride; lane += TSimd.Count)
        {
            TVector sum = TSimd.LoadAligned(state + stride + lane);
            TVector inverse = TSimd.Divide(TSimd.Create(1f), sum);
            TSimd.StoreAligned(TSimd.Select(TSimd.Equal(sum, TSimd.Zero), TSimd.Zero, inverse), inverses + lane);
        }
    }

    /// <summary>Folds the softmax state of later keys into that of earlier ones.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Fold(float* into, float* from, int lanes, int width, float* factors)
    {
        int stride = AttentionState.Stride(lanes);
        float* intoFactors = factors;
        float* fromFactors = factors + stride;
        for (int lane = 0; lane < stride; lane += TSimd.Count)
        {
            TVector left = TSimd.LoadAligned(into + lane);
            TVector right = TSimd.LoadAligned(from + lane);
            TVector max = TSimd.Max(left, right);
            TVector subtrahend = ScoreBlock<TSimd, TVector>.Subtrahend(max);
            TVector leftFactor = TSimd.Exp2(TSimd.Subtract(left, subtrahend));
            TVector rightFactor = TSimd.Exp2(TSimd.Subtract(right, subtrahend));
            TSimd.StoreAligned(max, into + lane);
            TVector sum = TSimd.Multiply(TSimd.LoadAligned(into + stride + lane), leftFactor);
            TSimd.StoreAligned(TSimd.MultiplyAdd(TSimd.LoadAligned(from + stride + lane), rightFactor, sum), into + stride + lane);
            TSimd.StoreAligned(leftFactor, intoFactors + lane);
            TSimd.StoreAligned(rightFactor, fromFactors + lane);
        }
        into += 2 * stride;
        from += 2 * stride;
        if (lanes == 1)
        {
            TVector leftFactor = TSimd.Create(intoFactors[0]);
            TVector rightFactor = TSimd.Create(fromFactors[0]);
            for (int x = 0; x < width; x += TSimd.Count)
            {
                Combine(into + x, leftFactor, from + x, rightFactor);
            }
            return;
        }
        for (int x = 0; x < width; x++)
        {
            for (int lane = 0; lane < lanes; lane += TSimd.Count, into += TSimd.Count, from += TSimd.Count)
            {
                Combine(into, TSimd.LoadAligned(intoFactors + lane), from, TSimd.LoadAligned(fromFactors + lane));
            }
        }
    }

    /// <summary>Adds the state of later keys, without softmax a plain sum.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Add(float* into, float* from, int lanes, int width)
    {
        int start = 2 * AttentionState.Stride(lanes);
        for (long i = start; i < AttentionState.Floats(lanes, width); i += TSimd.Count)
        {
            TSimd.StoreAligned(TSimd.Add(TSimd.LoadAligned(into + i), TSimd.LoadAligned(from + i)), into + i);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Combine(float* into, TVector intoFactor, float* from, TVector fromFactor) =>
        TSimd.StoreAligned(TSimd.MultiplyAdd(TSimd.LoadAligned(from), fromFactor, TSimd.Multiply(TSimd.LoadAligned(into), intoFactor)), into);
}
