namespace LongSeqKernels.Models;

/// <summary>
/// The summary of one user's history as it is cached: a few hundred rows, encoded (VISTA, arXiv 2510.22049: summaries are quantised, exported to a key-value cache and
/// decoded at inference). Immutable as long as its memory is left alone.
/// </summary>
public sealed class UserSummary
{
    /// <summary>Wraps encoded rows, which are not copied.</summary>
    /// <param name="tokens">Rows; 0 is a summary of nothing.</param>
    /// <param name="width">Elements of a row.</param>
    /// <param name="encoding">How rows are stored.</param>
    /// <param name="codes"><c>[tokens, SummaryCodec.RowBytes]</c>.</param>
    /// <param name="scales"><c>[tokens]</c>, finite and 0 or more.</param>
    /// <exception cref="ArgumentException">An extent is out of range, a length does not fit it, or a scale is not finite.</exception>
    public UserSummary(int tokens, int width, SummaryEncoding encoding, ReadOnlyMemory<byte> codes, ReadOnlyMemory<float> scales)
    {
        Tokens = Check.Rows(tokens);
        Width = Check.Width(width);
        Encoding = Check.Defined(encoding);
        Check.Length(codes.Span, (long)tokens * SummaryCodec.RowBytes(encoding, width), "tokens * bytes per row", nameof(codes));
        Check.Length(scales.Span, tokens, "one per token", nameof(scales));
        for (int i = 0; i < tokens; i++)
        {
            Check.FiniteNotNegative(scales.Span[i], $"{nameof(scales)}[{i}]");
        }
        Codes = codes;
        Scales = scales;
    }

    /// <summary>Number of rows.</summary>
    public int Tokens { get; }

    /// <summary>Elements of a row: the model's width.</summary>
    public int Width { get; }

    /// <summary>How rows are stored.</summary>
    public SummaryEncoding Encoding { get; }

    /// <summary>The rows <c>[Tokens, SummaryCodec.RowBytes]</c>.</summary>
    public ReadOnlyMemory<byte> Codes { get; }

    /// <summary>Factor of each row <c>[Tokens]</c>; 1 for fp16.</summary>
    public ReadOnlyMemory<float> Scales { get; }

    /// <summary>Bytes of codes and scales together.</summary>
    public long Bytes => Codes.Length + ((long)sizeof(float) * Scales.Length);

    /// <summary>Encodes rows.</summary>
    /// <param name="context">Where to run.</param>
    /// <param name="encoding">How rows are stored.</param>
    /// <param name="width">Elements of a row.</param>
    /// <param name="rows"><c>[tokens, width]</c>, finite.</param>
    /// <exception cref="ArgumentException">The length is no multiple of the width, or a value is not finite or beyond what the encoding can hold.</exception>
    public static UserSummary Encode(LongSeqContext context, SummaryEncoding encoding, int width, ReadOnlySpan<float> rows)
    {
        int tokens = rows.Length / Check.Width(width);
        var codes = new byte[tokens * SummaryCodec.RowBytes(encoding, width)];
        var scales = new float[tokens];
        SummaryCodec.Encode(context, encoding, width, rows, codes, scales);
        return new UserSummary(tokens, width, encoding, codes, scales);
    }

    /// <summary>Decodes the rows.</summary>
    /// <param name="context">Where to run.</param>
    /// <param name="rows"><c>[Tokens, Width]</c>.</param>
    /// <exception cref="ArgumentException">The length is wrong.</exception>
    public void Decode(LongSeqContext context, Span<float> rows) => SummaryCodec.Decode(context, Encoding, Width, Codes.Span, Scales.Span, rows);
}
