using System.Runtime.CompilerServices;

namespace LongSeqKernels;

/// <summary>Decodes one row; every width of vectors gives the same bits, because an element is one exact conversion and one multiplication.</summary>
internal static unsafe class SummaryRow<TSimd, TVector>
    where TSimd : struct, ISimd<TVector>
    where TVector : struct
{
    /// <summary>Decodes.</summary>
    /// <param name="encoding">The storage form.</param>
    /// <param name="codes">The row's codes, any alignment; nothing beyond them is read.</param>
    /// <param name="scale">The row's scale; not used for fp16.</param>
    /// <param name="width">Elements.</param>
    /// <param name="values">Result, any alignment.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Decode(SummaryEncoding encoding, byte* codes, float scale, int width, float* values)
    {
        switch (encoding)
        {
            case SummaryEncoding.Float16:
                SimdMath.Widen<TSimd, TVector, Half>((Half*)codes, values, width);
                break;
            case SummaryEncoding.Int8:
                DecodeInt8((sbyte*)codes, scale, width, values);
                break;
            default:
                DecodeInt4(codes, scale, width, values);
                break;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void DecodeInt8(sbyte* codes, float scale, int width, float* values)
    {
        TVector factor = TSimd.Create(scale);
        int i = 0;
        for (; i + TSimd.Count <= width; i += TSimd.Count)
        {
            TSimd.Store(TSimd.Multiply(TSimd.LoadInt8(codes + i), factor), values + i);
        }
        for (; i < width; i++)
        {
            values[i] = codes[i] * scale;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void DecodeInt4(byte* codes, float scale, int width, float* values)
    {
        TVector factor = TSimd.Create(scale);
        int i = 0;
        for (; i + TSimd.Count <= width; i += TSimd.Count)
        {
            TSimd.Store(TSimd.Multiply(TSimd.LoadInt4(codes + (i / 2)), factor), values + i);
        }
        for (; i < width; i++)
        {
            int bits = (codes[i / 2] >> (4 * (i % 2))) & 0xF;
            values[i] = ((bits ^ 8) - 8) * scale;
        }
    }
}
