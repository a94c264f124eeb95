namespace LongSeqKernels.Portable;

/// <summary>
/// Summary codec; one work item is one row. fp16 rows are copied through views of the two types. Every step is one fp32 operation, so all back ends
/// write the same bits.
/// </summary>
public static class SummaryCodecBodies
{
    /// <summary>Copies one row between storage types.</summary>
    /// <param name="width">Elements of a row.</param>
    /// <param name="input"><c>[rows, width]</c>.</param>
    /// <param name="output"><c>[rows, width]</c>, result.</param>
    /// <param name="row">The row.</param>
    public static void Copy<TInput, TOutput>(int width, TInput input, TOutput output, long row)
        where TInput : struct, IReadView, allows ref struct
        where TOutput : struct, IReadWriteView, allows ref struct
    {
        for (int i = 0; i < width; i++)
        {
            output.Set((row * width) + i, input.Get((row * width) + i));
        }
    }

    /// <summary>Encodes one row as integers of 8 or 4 bits.</summary>
    /// <param name="encoding"><see cref="SummaryEncoding.Int8"/> or <see cref="SummaryEncoding.Int4"/>.</param>
    /// <param name="width">Elements of a row.</param>
    /// <param name="rowBytes">Bytes of an encoded row.</param>
    /// <param name="input"><c>[rows, width]</c>.</param>
    /// <param name="codes"><c>[rows, rowBytes]</c>, result.</param>
    /// <param name="scales"><c>[rows]</c>, result.</param>
    /// <param name="row">The row.</param>
    public static void Encode<TInput, TBytes, TOutput>(
        SummaryEncoding encoding, int width, int rowBytes, TInput input, TBytes codes, TOutput scales, long row)
        where TInput : struct, IReadView, allows ref struct
        where TBytes : struct, IWriteByteView, allows ref struct
        where TOutput : struct, IReadWriteView, allows ref struct
    {
        long start = row * width;
        int largestCode = encoding == SummaryEncoding.Int8 ? 127 : 7;
        float largest = 0f;
        for (int i = 0; i < width; i++)
        {
            largest = MathF.Max(largest, MathF.Abs(input.Get(start + i)));
        }
        float scale = largest / largestCode;
        scales.Set(row, scale);
        for (int i = 0; i < rowBytes; i++)
        {
            int bits = encoding == SummaryEncoding.Int8
                ? Code(input.Get(start + i), scale, largestCode)
                : (Code(input.Get(start + (2 * i)), scale, largestCode) & 0xF)
                    | ((2 * i) + 1 < width ? (Code(input.Get(start + (2 * i) + 1), scale, largestCode) & 0xF) << 4 : 0);
            codes.Set((row * rowBytes) + i, bits & 0xFF);
        }
    }

    /// <summary>Decodes one row of integers.</summary>
    /// <param name="encoding"><see cref="SummaryEncoding.Int8"/> or <see cref="SummaryEncoding.Int4"/>.</param>
    /// <param name="width">Elements of a row.</param>
    /// <param name="rowBytes">Bytes of an encoded row.</param>
    /// <param name="codes"><c>[rows, rowBytes]</c>.</param>
    /// <param name="scales"><c>[rows]</c>.</param>
    /// <param name="output"><c>[rows, width]</c>, result.</param>
    /// <param name="row">The row.</param>
    public static void Decode<TBytes, TInput, TOutput>(
        SummaryEncoding encoding, int width, int rowBytes, TBytes codes, TInput scales, TOutput output, long row)
        where TBytes : struct, IReadByteView, allows ref struct
        where TInput : struct, IReadView, allows ref struct
        where TOutput : struct, IReadWriteView, allows ref struct
    {
        float scale = scales.Get(row);
        for (int i = 0; i < width; i++)
        {
            output.Set((row * width) + i, Integer(encoding, codes, row * rowBytes, i) * scale);
        }
    }

    /// <summary>The code of one element of a row, a signed integer of 8 or 4 bits.</summary>
    /// <param name="encoding"><see cref="SummaryEncoding.Int8"/> or <see cref="SummaryEncoding.Int4"/>.</param>
    /// <param name="codes"><c>[rows, rowBytes]</c>.</param>
    /// <param name="rowStart">The row's first byte.</param>
    /// <param name="i">The element.</param>
    public static int Integer<TBytes>(SummaryEncoding encoding, TBytes codes, long rowStart, int i)
        where TBytes : struct, IReadByteView, allows ref struct
    {
        if (encoding == SummaryEncoding.Int8)
        {
            return (codes.Get(rowStart + i) ^ 0x80) - 0x80;
        }
        int bits = (codes.Get(rowStart + (i / 2)) >> (4 * (i % 2))) & 0xF;
        return (bits ^ 8) - 8;
    }

    /// <summary>The nearest code, ties to even; 0 when the scale is 0.</summary>
    private static int Code(float value, float scale, int largestCode) =>
        scale == 0f ? 0 : (int)MathF.Min(MathF.Max(MathF.Round(value / scale), -largestCode), largestCode);
}
