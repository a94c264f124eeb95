namespace LongSeqKernels.Portable;

/// <summary>Rows that <see cref="SummaryCodec"/> wrote, decoded element by element: a history as attention bodies read it.</summary>
/// <typeparam name="TBytes">View of the codes.</typeparam>
/// <typeparam name="TFloats">View of the scales.</typeparam>
public readonly ref struct EncodedRowsView<TBytes, TFloats> : IReadView
    where TBytes : struct, IReadByteView, allows ref struct
    where TFloats : struct, IReadView, allows ref struct
{
    private readonly SummaryEncoding _encoding;
    private readonly int _width;
    private readonly int _rowBytes;
    private readonly TBytes _codes;
    private readonly TFloats _scales;

    /// <summary>Views encoded rows.</summary>
    /// <param name="encoding">How they are stored.</param>
    /// <param name="width">Elements of a row.</param>
    /// <param name="rowBytes"><see cref="SummaryCodec.RowBytes"/> of them.</param>
    /// <param name="codes"><c>[rows, RowBytes]</c>.</param>
    /// <param name="scales"><c>[rows]</c>.</param>
    public EncodedRowsView(SummaryEncoding encoding, int width, int rowBytes, TBytes codes, TFloats scales)
    {
        _encoding = encoding;
        _width = width;
        _rowBytes = rowBytes;
        _codes = codes;
        _scales = scales;
    }

    /// <inheritdoc/>
    public long Length => _scales.Length * _width;

    /// <inheritdoc/>
    public float Get(long index)
    {
        long row = index / _width;
        int i = (int)(index - (row * _width));
        long rowStart = row * _rowBytes;
        if (_encoding == SummaryEncoding.Float16)
        {
            int bits = _codes.Get(rowStart + (2 * i)) | (_codes.Get(rowStart + (2 * i) + 1) << 8);
            return StorageBits.FromFloat16(bits);
        }
        return SummaryCodecBodies.Integer(_encoding, _codes, rowStart, i) * _scales.Get(row);
    }
}
