namespace LongSeqKernels;

/// <summary>
/// Rows as <see cref="SummaryCodec"/> writes them: <c>rows * RowBytes</c> codes, and the scale of each row. A history's row is one key/value head of one
/// history row (all of it for shared history), heads of a history row side by side: <c>[L, Hkv]</c> rows of width dh.
/// </summary>
public readonly ref struct EncodedRows
{
    /// <summary><c>[rows, <see cref="SummaryCodec.RowBytes"/>]</c>.</summary>
    public ReadOnlySpan<byte> Codes { get; init; }

    /// <summary><c>[rows]</c>; fp16 rows have scales too, which are 1 and are not read.</summary>
    public ReadOnlySpan<float> Scales { get; init; }
}
