namespace LongSeqKernels;

/// <summary>
/// How sketch attention cuts a segment. A work item is a piece of its tokens; it multiplies blocks of them with all prototypes, so that the softmax over the
/// prototypes of a token has its whole row of scores at hand. A piece leaves its sums in a slot; slots are added in order. It depends on the shape alone.
/// </summary>
internal readonly struct SketchBlocks
{
    /// <summary>Scores of a block: they stay in the L2 cache between the products.</summary>
    private const int BlockScores = 1 << 17;

    private const int MostBlockRows = 192;
    private const int LeastBlockRows = 24;

    /// <summary>Blocks that make a piece worth the addition of its slot.</summary>
    private const int LeastBlocks = 6;

    private const int MostPieces = 32;
    private const long MostSlotFloats = 1 << 24;

    public SketchBlocks(SketchAttentionShape shape)
    {
        Prototypes = shape.Prototypes;
        KeyWidth = shape.KeyWidth;
        ValueWidth = shape.ValueWidth;
        ScoreLanes = Panels.Pad(shape.Prototypes);
        ScoreStride = Panels.Stride(shape.Prototypes);
        KeyLanes = Panels.Pad(shape.KeyWidth);
        ValueLanes = Panels.Pad(shape.ValueWidth);
        KeyStride = Panels.Stride(shape.KeyWidth);
        ValueStride = Panels.Stride(shape.ValueWidth);
        BlockRows = Math.Clamp(BlockScores / ScoreStride / 6 * 6, LeastBlockRows, MostBlockRows);
    }

    public int Prototypes { get; }

    public int KeyWidth { get; }

    public int ValueWidth { get; }

    /// <summary>k in whole vectors of 16.</summary>
    public int ScoreLanes { get; }

    /// <summary>From one token's scores to the next.</summary>
    public int ScoreStride { get; }

    /// <summary>dk in whole vectors of 16.</summary>
    public int KeyLanes { get; }

    /// <summary>dv in whole vectors of 16.</summary>
    public int ValueLanes { get; }

    /// <summary>From one row of a block of keys to the next.</summary>
    public int KeyStride { get; }

    /// <summary>From one row of a block of values to the next.</summary>
    public int ValueStride { get; }

    /// <summary>Tokens of a block.</summary>
    public int BlockRows { get; }

    public long ScoreBlock => (long)BlockRows * ScoreStride;

    public long KeyBlock => (long)BlockRows * KeyStride;

    public long ValueBlock => (long)BlockRows * ValueStride;

    /// <summary>The pieces of a segment whose slots have so many floats.</summary>
    public RowPieces Pieces(long tokens, long slotFloats)
    {
        int most = (int)Math.Clamp(MostSlotFloats / slotFloats, 2, MostPieces);
        return RowPieces.AtMost(tokens, most, (long)LeastBlocks * BlockRows);
    }
}
