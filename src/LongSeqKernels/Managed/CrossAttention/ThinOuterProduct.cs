using System.Runtime.CompilerServices;

namespace LongSeqKernels;

/// <summary>
/// <c>output[i] = sum_t weights_t[i] * row_t</c> for the keys i of a block and the heads of each, with vectors along the head width, which is a multiple of
/// 16: the gradients leave in one stream, which the hardware follows without being asked.
/// </summary>
internal static unsafe class ThinOuterProduct<TSimd, TVector, T>
    where TSimd : struct, ISimd<TVector>
    where TVector : struct
    where T : unmanaged
{
    /// <summary>Writes the gradients of a block of keys of some heads.</summary>
    /// <param name="terms">At least one.</param>
    /// <param name="heads">Heads, side by side in the output.</param>
    /// <param name="output">Where the gradient of the first key goes.</param>
    /// <param name="stride">From a key's gradients to the next's, in elements.</param>
    /// <param name="first">The first key of the block that is written.</param>
    /// <param name="end">The key after the last.</param>
    /// <param name="width">Head width.</param>
    public static void Multiply(ReadOnlySpan<ThinTerm> terms, int heads, T* output, nint stride, int first, int end, int width)
    {
        switch (terms.Length)
        {
            case 1:
                OfOne(terms[0], heads, output, stride, first, end, width);
                break;
            case 2:
                OfTwo(terms[0], terms[1], heads, output, stride, first, end, width);
                break;
            case 4:
                OfFour(terms[0], terms[1], terms[2], terms[3], heads, output, stride, first, end, width);
                break;
            default:
                OfMany(terms, heads, output, stride, first, end, width);
                break;
        }
    }

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void OfOne(in ThinTerm term, int heads, T* output, nint stride, int first, int end, nint width)
    {
        for (int i = first; i < end; i++, output += stride)
        {
            T* gradient = output;
            float* weight = term.Weights + i;
            float* row = term.Rows;
            for (int head = 0; head < heads; head++, gradient += width)
            {
                TVector w = TSimd.Create(*weight);
                for (nint x = 0; x < width; x += TSimd.Count)
                {
                    SimdMath.Store<TSimd, TVector, T>(TSimd.Multiply(w, TSimd.LoadAligned(row + x)), gradient + x);
                }
                weight += term.WeightStride;
                row += term.RowStride;
            }
        }
    }

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void OfTwo(in ThinTerm term0, in ThinTerm term1, int heads, T* output, nint stride, int first, int end, nint width)
    {
        for (int i = first; i < end; i++, output += stride)
        {
            T* gradient = output;
            float* weight0 = term0.Weights + i;
            float* row0 = term0.Rows;
            float* weight1 = term1.Weights + i;
            float* row1 = term1.Rows;
            for (int head = 0; head < heads; head++, gradient += width)
            {
                TVector w0 = TSimd.Create(*weight0);
                TVector w1 = TSimd.Create(*weight1);
                for (nint x = 0; x < width; x += TSimd.Count)
                {
                    TVector sum = TSimd.Multiply(w0, TSimd.LoadAligned(row0 + x));
                    SimdMath.Store<TSimd, TVector, T>(TSimd.MultiplyAdd(w1, TSimd.LoadAligned(row1 + x), sum), gradient + x);
                }
                weight0 += term0.WeightStride;
                row0 += term0.RowStride;
                weight1 += term1.WeightStride;
                row1 += term1.RowStride;
            }
        }
    }

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void OfFour(
        in ThinTerm term0, in ThinTerm term1, in ThinTerm term2, in ThinTerm term3, int heads, T* output, nint stride, int first, int end, nint width)
    {
        for (int i = first; i < end; i++, output += stride)
        {
            T* gradient = output;
            float* weight0 = term0.Weights + i;
            float* row0 = term0.Rows;
            float* weight1 = term1.Weights + i;
            float* row1 = term1.Rows;
            float* weight2 = term2.Weights + i;
            float* row2 = term2.Rows;
            float* weight3 = term3.Weights + i;
            float* row3 = term3.Rows;
            for (int head = 0; head < heads; head++, gradient += width)
            {
                TVector w0 = TSimd.Create(*weight0);
                TVector w1 = TSimd.Create(*weight1);
                TVector w2 = TSimd.Create(*weight2);
                TVector w3 = TSimd.Create(*weight3);
                for (nint x = 0; x < width; x += TSimd.Count)
                {
                    TVector sum = TSimd.Multiply(w0, TSimd.LoadAligned(row0 + x));
                    sum = TSimd.MultiplyAdd(w1, TSimd.LoadAligned(row1 + x), sum);
                    sum = TSimd.MultiplyAdd(w2, TSimd.LoadAligned(row2 + x), sum);
                    SimdMath.Store<TSimd, TVector, T>(TSimd.MultiplyAdd(w3, TSimd.LoadAligned(row3 + x), sum), gradient + x);
                }
                weight0 += term0.WeightStride;
                row0 += term0.RowStride;
                weight1 += term1.WeightStride;
                row1 += term1.RowStride;
                weight2 += term2.WeightStride;
                row2 += term2.RowStride;
                weight3 += term3.WeightStride;
                row3 += term3.RowStride;
            }
        }
    }

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void OfMany(ReadOnlySpan<ThinTerm> terms, int heads, T* output, nint stride, int first, int end, nint width)
    {
        nint lanes = TSimd.Count;
        for (int i = first; i < end; i++, output += stride)
        {
            T* gradient = output;
            for (int head = 0; head < heads; head++, gradient += width)
            {
                nint x = 0;
                for (; x + (4 * lanes) <= width; x += 4 * lanes)
                {
                    TVector sum0 = TSimd.Zero, sum1 = TSimd.Zero, sum2 = TSimd.Zero, sum3 = TSimd.Zero;
                    foreach (ref readonly ThinTerm term in terms)
                    {
                        TVector w = TSimd.Create(term.Weights[(head * term.WeightStride) + i]);
                        float* row = term.Rows + (head * term.RowStride) + x;
                        sum0 = TSimd.MultiplyAdd(w, TSimd.LoadAligned(row), sum0);
                        sum1 = TSimd.MultiplyAdd(w, TSimd.LoadAligned(row + lanes), sum1);
                        sum2 = TSimd.MultiplyAdd(w, TSimd.LoadAligned(row + (2 * lanes)), sum2);
                        sum3 = TSimd.MultiplyAdd(w, TSimd.LoadAligned(row + (3 * lanes)), sum3);
                    }
                    SimdMath.Store<TSimd, TVector, T>(sum0, gradient + x);
                    SimdMath.Store<TSimd, TVector, T>(sum1, gradient + x + lanes);
                    SimdMath.Store<TSimd, TVector, T>(sum2, gradient + x + (2 * lanes));
                    SimdMath.Store<TSimd, TVector, T>(sum3, gradient + x + (3 * lanes));
                }
                for (; x < width; x += lanes)
                {
                    TVector sum = TSimd.Zero;
                    foreach (ref readonly ThinTerm term in terms)
                    {
                        TVector w = TSimd.Create(term.Weights[(head * term.WeightStride) + i]);
                        sum = TSimd.MultiplyAdd(w, TSimd.LoadAligned(term.Rows + (head * term.RowStride) + x), sum);
                    }
                    SimdMath.Store<TSimd, TVector, T>(sum, gradient + x);
                }
            }
        }
    }
}

/// <summary>A row of every head and its weights, one per key.</summary>
/// <param name="weights">Of the first head.</param>
/// <param name="weightStride">From a head's weights to the next's.</param>
/// <param name="rows">Of the first head, aligned.</param>
/// <param name="rowStride">From a head's row to the next's.</param>
internal readonly unsafe struct ThinTerm(float* weights, nint weightStride, float* rows, nint rowStride)
{
    public float* Weights => weights;

    public nint WeightStride => weightStride;

    public float* Rows => rows;

    public nint RowStride => rowStride;
}
