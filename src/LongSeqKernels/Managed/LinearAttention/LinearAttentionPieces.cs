namespace LongSeqKernels;

/// <summary>
/// How linear attention cuts its rows. A work item is a piece of one segment's rows with all heads: rows are read once, as they lie in memory. Its sums go to
/// a slot of its own; slots are added in order. It depends on the shape alone.
/// </summary>
internal sealed class LinearAttentionPieces
{
    /// <summary>Rows that are multiplied at a time: one block's operands and a head's state stay in the L2 cache.</summary>
    public const int BlockRows = 96;

    private const int LeastRows = 4 * BlockRows;

    /// <summary>Pieces of a large batch: enough for many threads, few enough that their sums are small beside the rows.</summary>
    private const int EnoughPieces = 64;

    public LinearAttentionPieces(LinearAttentionShape shape, JaggedLayout rows)
    {
        long even = (rows.Total + EnoughPieces - 1) / EnoughPieces;
        Pieces = new SegmentPieces(rows, Math.Max(LeastRows, (even + BlockRows - 1) / BlockRows * BlockRows));
        Shape = shape;
        KeyLanes = Panels.Pad(shape.KeyWidth);
        ValueLanes = Panels.Pad(shape.ValueWidth);
        KeyStride = Panels.Stride(shape.KeyWidth);
        ValueStride = Panels.Stride(shape.ValueWidth);
    }

    public LinearAttentionShape Shape { get; }

    public SegmentPieces Pieces { get; }

    /// <summary>dk in whole vectors of 16, from one row of a transposed state to the next.</summary>
    public int KeyLanes { get; }

    /// <summary>dv in whole vectors of 16, from one row of a state to the next.</summary>
    public int ValueLanes { get; }

    /// <summary>From one row of a block of keys to the next.</summary>
    public int KeyStride { get; }

    /// <summary>From one row of a block of values to the next.</summary>
    public int ValueStride { get; }

    /// <summary>Floats of one head's padded state <c>[dk, dv]</c>.</summary>
    public long HeadState => (long)Shape.KeyWidth * ValueLanes;

    /// <summary>Floats of one head's padded transposed state <c>[dv, dk]</c>.</summary>
    public long HeadTransposed => (long)Shape.ValueWidth * KeyLanes;

    /// <summary>Floats of all heads' padded states.</summary>
    public long SlotFloats => Shape.Heads * HeadState;

    /// <summary>Floats of a block of keys.</summary>
    public long KeyBlock => (long)BlockRows * KeyStride;

    /// <summary>Floats of a block of values.</summary>
    public long ValueBlock => (long)BlockRows * ValueStride;

    /// <summary>Whether products with a state <c>[dk, dv]</c> may go to rows of the storage type at once: fp32 rows of whole vectors of 16.</summary>
    public bool ProducesRows<T>() => typeof(T) == typeof(float) && ValueLanes == Shape.ValueWidth;
}
