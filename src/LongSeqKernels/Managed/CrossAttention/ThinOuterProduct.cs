using System.Runtime.CompilerServices;

namespace LongSeqKernels;

/// <summary>
/// <c>output[i] = sum_t weights[t][i] * rows[t]</c> for the keys i of a block, with vectors along the head width, which is a multiple of 16: the gradients are
/// made where the caller wants them, each cache line once.
/// </summary>
internal static unsafe class ThinOuterProduct<TSimd, TVector, T>
    where TSimd : struct, ISimd<TVector>
    where TVector : struct
    where T : unmanaged
{
    private const int CacheLine = 64;

    /// <summary>Writes the gradients of a block of keys.</summary>
    /// <param name="weights">Of each term, one per key.</param>
    /// <param name="rows">Of each term, as wide as a head and aligned: queries with the gradients of logits, gradients of outputs with the weights of attention.</param>
    /// <param name="terms">1, 2 or 4.</param>
    /// <param name="output">The first gradient.</param>
    /// <param name="stride">From a gradient to the next, in elements.</param>
    /// <param name="count">Keys.</param>
    /// <param name="width">Head width.</param>
    /// <param name="prefetch">Where <paramref name="count"/> rows of <paramref name="width"/> elements begin that are written soon.</param>
    public static void Multiply(float** weights, float** rows, int terms, T* output, nint stride, int count, int width, byte* prefetch)
    {
        switch (terms)
        {
            case 1:
                OfOne(weights, rows, output, stride, count, width, prefetch);
                break;
            case 2:
                OfTwo(weights, rows, output, stride, count, width, prefetch);
                break;
            default:
                OfFour(weights, rows, output, stride, count, width, prefetch);
                break;
        }
    }

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void OfOne(float** weights, float** rows, T* output, nint stride, int count, nint width, byte* prefetch)
    {
        float* weights0 = weights[0];
        float* row0 = rows[0];
        for (int i = 0; i < count; i++, output += stride)
        {
            prefetch = Prefetch(prefetch, width);
            TVector weight0 = TSimd.Create(weights0[i]);
            for (nint x = 0; x < width; x += TSimd.Count)
            {
                SimdMath.Store<TSimd, TVector, T>(TSimd.Multiply(weight0, TSimd.LoadAligned(row0 + x)), output + x);
            }
        }
    }

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void OfTwo(float** weights, float** rows, T* output, nint stride, int count, nint width, byte* prefetch)
    {
        float* weights0 = weights[0];
        float* weights1 = weights[1];
        float* row0 = rows[0];
        float* row1 = rows[1];
        for (int i = 0; i < count; i++, output += stride)
        {
            prefetch = Prefetch(prefetch, width);
            TVector weight0 = TSimd.Create(weights0[i]);
            TVector weight1 = TSimd.Create(weights1[i]);
            for (nint x = 0; x < width; x += TSimd.Count)
            {
                TVector sum = TSimd.Multiply(weight0, TSimd.LoadAligned(row0 + x));
                SimdMath.Store<TSimd, TVector, T>(TSimd.MultiplyAdd(weight1, TSimd.LoadAligned(row1 + x), sum), output + x);
            }
        }
    }

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void OfFour(float** weights, float** rows, T* output, nint stride, int count, nint width, byte* prefetch)
    {
        float* weights0 = weights[0];
        float* weights1 = weights[1];
        float* weights2 = weights[2];
        float* weights3 = weights[3];
        float* row0 = rows[0];
        float* row1 = rows[1];
        float* row2 = rows[2];
        float* row3 = rows[3];
        for (int i = 0; i < count; i++, output += stride)
        {
            prefetch = Prefetch(prefetch, width);
            TVector weight0 = TSimd.Create(weights0[i]);
            TVector weight1 = TSimd.Create(weights1[i]);
            TVector weight2 = TSimd.Create(weights2[i]);
            TVector weight3 = TSimd.Create(weights3[i]);
            for (nint x = 0; x < width; x += TSimd.Count)
            {
                TVector sum = TSimd.Multiply(weight0, TSimd.LoadAligned(row0 + x));
                sum = TSimd.MultiplyAdd(weight1, TSimd.LoadAligned(row1 + x), sum);
                sum = TSimd.MultiplyAdd(weight2, TSimd.LoadAligned(row2 + x), sum);
                SimdMath.Store<TSimd, TVector, T>(TSimd.MultiplyAdd(weight3, TSimd.LoadAligned(row3 + x), sum), output + x);
            }
        }
    }

    /// <summary>The lines of one row; returns where the next begins.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static byte* Prefetch(byte* row, nint width)
    {
        byte* end = row + (width * sizeof(T));
        for (; row < end; row += CacheLine)
        {
            TSimd.Prefetch(row);
        }
        return end;
    }
}
