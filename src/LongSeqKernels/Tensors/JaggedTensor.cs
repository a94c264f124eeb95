using System.Numerics.Tensors;

namespace LongSeqKernels;

/// <summary>
/// A ragged tensor <c>[total, row...]</c> over memory that the caller owns: values without padding plus a <see cref="JaggedLayout"/>.
/// Copies nothing and owns nothing; it is valid as long as the memory is.
/// </summary>
/// <typeparam name="T">Storage type: <see cref="float"/>, <see cref="BFloat16"/> or <see cref="Half"/>.</typeparam>
public readonly struct JaggedTensor<T>
    where T : unmanaged
{
    private readonly nint[] _rowShape;

    /// <summary>Views <paramref name="values"/> as a ragged tensor.</summary>
    /// <param name="values">All rows of all segments, in order: <c>layout.Total</c> times the product of <paramref name="rowShape"/> elements.</param>
    /// <param name="layout">Which rows belong to which segment.</param>
    /// <param name="rowShape">Extents of one row, for example heads and head width; empty for scalars.</param>
    /// <exception cref="ArgumentException">An extent is not positive, or the number of values does not fit the layout.</exception>
    public JaggedTensor(Memory<T> values, JaggedLayout layout, params ReadOnlySpan<int> rowShape)
    {
        _rowShape = new nint[rowShape.Length];
        long rowLength = 1;
        for (int i = 0; i < rowShape.Length; i++)
        {
            _rowShape[i] = Check.Width(rowShape[i], $"{nameof(rowShape)}[{i}]");
            rowLength = Check.RowElements(rowLength * rowShape[i], nameof(rowShape));
        }
        Check.Length(values.Span, layout.Total * rowLength, "rows of the layout times row length");
        Values = values;
        Layout = layout;
        RowLength = (int)rowLength;
    }

    /// <summary>All values, segment after segment.</summary>
    public Memory<T> Values { get; }

    /// <summary>Which rows belong to which segment.</summary>
    public JaggedLayout Layout { get; }

    /// <summary>Elements of one row.</summary>
    public int RowLength { get; }

    /// <summary>All values as a span, valid as long as the memory behind this tensor.</summary>
    public Span<T> Span => Values.Span;

    /// <summary>The rows of one segment.</summary>
    public Span<T> Segment(int segment) =>
        Values.Span.Slice(checked((int)(Layout.Start(segment) * RowLength)), checked((int)(Layout.Length(segment) * RowLength)));

    /// <summary>The rows of one segment as a tensor <c>[rows, row...]</c>.</summary>
    public TensorSpan<T> SegmentTensor(int segment) => new(Segment(segment), Shape(Layout.Length(segment)));

    /// <summary>All rows as a tensor <c>[total, row...]</c>.</summary>
    public TensorSpan<T> AsTensorSpan() => new(Values.Span, Shape(Layout.Total));

    private nint[] Shape(long rows) => [checked((nint)rows), .. _rowShape];
}
