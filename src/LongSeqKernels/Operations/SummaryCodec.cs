using System.Globalization;

namespace LongSeqKernels;

/// <summary>How summary rows are stored.</summary>
public enum SummaryEncoding
{
    /// <summary>IEEE binary16, 2 bytes an element, no scale.</summary>
    Float16,

    /// <summary>Signed 8-bit integers -127..127 times a scale per row (largest magnitude / 127).</summary>
    Int8,

    /// <summary>Signed 4-bit integers -7..7 times a scale per row (largest magnitude / 7); two to a byte, the even element in the low half.</summary>
    Int4,
}

/// <summary>
/// Encodes rows of fp32 summaries for a cache and decodes them. A row of <c>width</c> elements takes <see cref="RowBytes"/> bytes plus one fp32 scale
/// (1 for fp16). Rounds to nearest, ties to even; a zero row has scale 0. Quantisation follows training: its straight-through gradient is
/// the identity, so there is no backward to run.
/// </summary>
public static class SummaryCodec
{
    /// <summary>Bytes of one encoded row without its scale.</summary>
    public static int RowBytes(SummaryEncoding encoding, int width) => Check.Defined(encoding) switch
    {
        SummaryEncoding.Float16 => 2 * Check.Width(width),
        SummaryEncoding.Int8 => Check.Width(width),
        _ => (Check.Width(width) + 1) / 2,
    };

    /// <summary>The largest magnitude that can be encoded: that of fp16, or for integers one whose rounded scale cannot overflow.</summary>
    public static float LargestMagnitude(SummaryEncoding encoding) => Check.Defined(encoding) == SummaryEncoding.Float16 ? 65504f : 1e38f;

    /// <summary>Encodes.</summary>
    /// <param name="context">Where to run.</param>
    /// <param name="encoding">The storage form.</param>
    /// <param name="width">Elements of a row.</param>
    /// <param name="input"><c>[rows, width]</c>, finite.</param>
    /// <param name="codes"><c>[rows, RowBytes]</c>.</param>
    /// <param name="scales"><c>[rows]</c>.</param>
    /// <exception cref="ArgumentException">A tensor has the wrong length, or the input holds a value that is not finite or beyond <see cref="LargestMagnitude"/>.</exception>
    public static void Encode(LongSeqContext context, SummaryEncoding encoding, int width, ReadOnlySpan<float> input, Span<byte> codes, Span<float> scales)
    {
        context.ThrowIfDisposed();
        int rowBytes = RowBytes(encoding, width);
        int rows = scales.Length;
        Check.Length(input, (long)rows * width, "rows * width, one row per scale");
        Check.Length(codes, (long)rows * rowBytes, "rows * bytes per row");
        CheckRange(encoding, input);
        context.Kernels.SummaryEncode(encoding, width, input, codes, scales);
    }

    /// <summary>Decodes.</summary>
    /// <param name="context">Where to run.</param>
    /// <param name="encoding">The storage form.</param>
    /// <param name="width">Elements of a row.</param>
    /// <param name="codes"><c>[rows, RowBytes]</c>.</param>
    /// <param name="scales"><c>[rows]</c>.</param>
    /// <param name="output"><c>[rows, width]</c>.</param>
    /// <exception cref="ArgumentException">A tensor has the wrong length.</exception>
    public static void Decode(LongSeqContext context, SummaryEncoding encoding, int width, ReadOnlySpan<byte> codes, ReadOnlySpan<float> scales, Span<float> output)
    {
        context.ThrowIfDisposed();
        int rowBytes = RowBytes(encoding, width);
        Check.Length(codes, (long)scales.Length * rowBytes, "rows * bytes per row, one row per scale");
        Check.Length(output, (long)scales.Length * width, "rows * width");
        context.Kernels.SummaryDecode(encoding, width, codes, scales, output);
    }

    /// <summary>One pass for the largest magnitude, which is NaN where there is one; only a refused input is searched for the place.</summary>
    private static void CheckRange(SummaryEncoding encoding, ReadOnlySpan<float> input)
    {
        float limit = LargestMagnitude(encoding);
        if (input.IsEmpty || Magnitude.Largest(input) <= limit)
        {
            return;
        }
        int i = 0;
        while (MathF.Abs(input[i]) <= limit)
        {
            i++;
        }
        throw Error.Invalid($"{nameof(input)}[{i}]", input[i].ToString(CultureInfo.InvariantCulture), $"finite and at most {limit} in magnitude for {encoding}");
    }
}
