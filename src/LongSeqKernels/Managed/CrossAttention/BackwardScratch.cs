namespace LongSeqKernels;

/// <summary>Where the parts of a thread's scratch memory lie in attention's backward, in floats; all are aligned to cache lines.</summary>
internal readonly struct BackwardScratch
{
    /// <summary>Rows of a full tile, the lanes of vectors.</summary>
    public const int TileRows = AttentionCell.TileRows;

    /// <summary>
    /// Tiles of the heads that share a pass over the keys. Every number of a tile is used for a whole block of keys, which the last-level cache can feed; heads that
    /// are left for another pass cost more, because nothing can be fetched ahead for some of the heads.
    /// </summary>
    private const long HeadBytes = 2 << 20;

    /// <summary>So many floats of keys are fetched at a time for few rows: with values and gradients, and those that come next, they stay in the second-level cache.</summary>
    private const long ThinFloats = 32768;

    /// <summary>So many floats of gradients are made in the first-level cache before they leave it.</summary>
    private const long StagedFloats = 2048;

    /// <summary>Lays out the memory for the segment with the most rows.</summary>
    public BackwardScratch(CrossAttentionShape shape)
    {
        int width = shape.HeadWidth;
        RowsPerTarget = shape.QueriesPerTarget * (shape.Heads / shape.KeyValueHeads);
        long rows = shape.Targets.MaxLength * RowsPerTarget;
        int lanes = AttentionCell.LanesFor((int)Math.Min(rows, TileRows));
        PaddedWidth = Panels.Pad(width);
        RowStride = Panels.Stride(width);
        KeyBlock = width > 256 ? 48 : 96;
        ThinKeys = (int)Math.Clamp(ThinFloats / ((long)shape.KeyValueHeads * width) / 16 * 16, 16, 128);

        Panel = AlignedBuffer.AlignedFloats((long)width * lanes);
        RowBlock = (long)lanes * RowStride;
        OutputGradientPanel = Panel;
        QueryGradientPanel = 2 * Panel;
        QueryRows = 3 * Panel;
        OutputGradientRows = QueryRows + RowBlock;
        Constants = OutputGradientRows + RowBlock;
        DeltaOfLastKeys = Constants + (RowConstants.Count * TileRows);
        Visible = DeltaOfLastKeys + TileRows;
        TileFloats = Visible + (2 * TileRows);

        long tiles = (rows + TileRows - 1) / TileRows;
        HeadFloats = tiles * TileFloats;
        HeadsTogether = (int)Math.Clamp(HeadBytes / sizeof(float) / Math.Max(1, HeadFloats), 1, shape.KeyValueHeads);
        long thinWeights = HeadsTogether * Math.Min(rows, AttentionPartition.MaxThinRows) * ThinKeys;
        Scores = HeadsTogether * HeadFloats;
        Gradients = Scores + ((long)KeyBlock * lanes);
        Slopes = Gradients + ((long)KeyBlock * lanes);
        ThinConstants = Slopes + ((long)KeyBlock * lanes);
        ThinScores = ThinConstants + (RowConstants.Count * ThinKeys);
        ThinGradients = ThinScores + thinWeights;
        StagedGradients = ThinGradients + thinWeights;
        long keyFloats = (long)shape.KeyValueHeads * width;
        StagedKeys = (int)Math.Max(1, StagedFloats / keyFloats);
        Limits = StagedGradients + AlignedBuffer.AlignedFloats(StagedKeys * keyFloats);
        Ones = Limits + TileRows;
        Scales = Ones + TileRows;
        Keys = Scales + TileRows;
        Values = Keys + ((long)KeyBlock * RowStride);
        KeyGradients = Values + ((long)KeyBlock * RowStride);
        ValueGradients = KeyGradients + ((long)KeyBlock * RowStride);
        BiasGradients = ValueGradients + ((long)KeyBlock * RowStride);
        Floats = BiasGradients + AlignedBuffer.AlignedFloats(KeyBlock);
    }

    /// <summary>Rows of one target that share a key/value head: nq * H / Hkv.</summary>
    public int RowsPerTarget { get; }

    /// <summary>Keys that pass by the tiles together.</summary>
    public int KeyBlock { get; }

    /// <summary>Keys that pass by the rows of a thin tile together: a multiple of 16.</summary>
    public int ThinKeys { get; }

    /// <summary>Head width in whole vectors of 16.</summary>
    public int PaddedWidth { get; }

    /// <summary>Floats from one row to the next of rows, keys and values.</summary>
    public int RowStride { get; }

    /// <summary>Floats of a panel <c>[head width, lanes]</c>. A tile begins with the panel of its scaled queries.</summary>
    public long Panel { get; }

    /// <summary>Floats of <c>[lanes, head width]</c>.</summary>
    public long RowBlock { get; }

    /// <summary>Panel of the output's gradient, in a tile.</summary>
    public long OutputGradientPanel { get; }

    /// <summary>Panel of the query gradient, in a tile.</summary>
    public long QueryGradientPanel { get; }

    /// <summary>Scaled queries as rows, in a tile.</summary>
    public long QueryRows { get; }

    /// <summary>The output's gradient as rows, in a tile.</summary>
    public long OutputGradientRows { get; }

    /// <summary>The <see cref="RowConstants"/> of a tile.</summary>
    public long Constants { get; }

    /// <summary>Per row, in a thin tile: delta, summed as the products with the last keys are.</summary>
    public long DeltaOfLastKeys { get; }

    /// <summary>Visible keys per lane as 64-bit integers, in a tile.</summary>
    public long Visible { get; }

    /// <summary>Floats of a tile.</summary>
    public long TileFloats { get; }

    /// <summary>Floats of the tiles of one head; those of the heads that share a pass come first.</summary>
    public long HeadFloats { get; }

    /// <summary>Heads that share a pass over the keys, so that few rows read whole keys in one stream.</summary>
    public int HeadsTogether { get; }

    /// <summary>A block of logits, then weights.</summary>
    public long Scores { get; }

    /// <summary>A block of gradients of weights, then of logits.</summary>
    public long Gradients { get; }

    /// <summary>A block of slopes of the soft cap.</summary>
    public long Slopes { get; }

    /// <summary>The <see cref="RowConstants"/> of a thin row, once per key.</summary>
    public long ThinConstants { get; }

    /// <summary>Logits, then weights, of the thin rows of all heads that share a pass: <c>[heads, rows, thin keys]</c>.</summary>
    public long ThinScores { get; }

    /// <summary>Gradients of weights, then of logits, of the same.</summary>
    public long ThinGradients { get; }

    /// <summary>Keys whose gradients are staged together.</summary>
    public int StagedKeys { get; }

    /// <summary>Gradients of so many keys with all their heads, on their way past the caches.</summary>
    public long StagedGradients { get; }

    /// <summary>Visible keys of the block per lane.</summary>
    public long Limits { get; }

    /// <summary>A one per lane.</summary>
    public long Ones { get; }

    /// <summary>The scale of the logits per lane.</summary>
    public long Scales { get; }

    /// <summary>A block of keys.</summary>
    public long Keys { get; }

    /// <summary>A block of values.</summary>
    public long Values { get; }

    /// <summary>Gradients of a block of keys.</summary>
    public long KeyGradients { get; }

    /// <summary>Gradients of a block of values.</summary>
    public long ValueGradients { get; }

    /// <summary>Gradients of the biases of a block of keys.</summary>
    public long BiasGradients { get; }

    /// <summary>All of it.</summary>
    public long Floats { get; }
}

/// <summary>What the gradients of a row's logits depend on, per lane: arrays <paramref name="stride"/> floats apart.</summary>
/// <param name="first">The first array, aligned as its successors are.</param>
/// <param name="stride">A multiple of 16.</param>
internal readonly unsafe struct RowConstants(float* first, nint stride)
{
    /// <summary>Number of arrays.</summary>
    public const int Count = 4;

    /// <summary>In units of log2, rounded to fp32; infinity for a row that sees nothing.</summary>
    public float* LogSumExp => first;

    /// <summary>What that rounding left.</summary>
    public float* LogSumExpRest => first + stride;

    /// <summary>Sum of output times its gradient, less the gradient of the LSE.</summary>
    public float* Delta => first + (2 * stride);

    /// <summary>Without softmax: one over the divisor of the scores, 0 for a row that sees nothing.</summary>
    public float* InverseDivisor => first + (3 * stride);
}
