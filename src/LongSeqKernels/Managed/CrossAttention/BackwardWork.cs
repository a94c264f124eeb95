namespace LongSeqKernels;

/// <summary>
/// The backward of cross attention. An item is a unit: a block of keys at a time passes by the rows of each head in turn, where weights and their gradients
/// are recomputed and multiplied into the gradients of queries, keys and values. Pointers of tensors that are absent or not wanted are null.
/// </summary>
internal unsafe partial struct BackwardWork<TSimd, TVector, T> : IParallelWork
    where TSimd : struct, ISimd<TVector>
    where TVector : struct
    where T : unmanaged
{
    public BackwardPartition Partition;
    public int Wave;
    public CrossAttentionShape Shape;
    public CrossAttentionOptions Options;
    public BackwardScratch Layout;
    public T* Queries;
    public T* Keys;
    public T* Values;
    public float* KeyBias;
    public T* Output;
    public float* LogSumExp;
    public T* OutputGradient;
    public float* LogSumExpGradient;
    public T* QueryGradient;
    public T* KeyGradient;
    public T* ValueGradient;
    public float* KeyBiasGradient;

    /// <summary>The units' parts of the query gradient.</summary>
    public float* Slots;
    public float* Scratch;

    private readonly int Width => Shape.HeadWidth;

    private readonly int Group => Shape.Heads / Shape.KeyValueHeads;

    private readonly bool Softmax => Options.Score == AttentionScore.Softmax;

    private readonly bool Shared => Shape.Form == HistoryForm.Shared;

    /// <summary>Softmax works in powers of two.</summary>
    private readonly float LogitUnit => Softmax ? SimdMath.Log2E : 1;

    private readonly bool WantsLogits => QueryGradient != null || KeyGradient != null || KeyBiasGradient != null;

    public readonly void Execute(int item, int thread)
    {
        BackwardUnit unit = Partition.Unit(Wave, item);
        float* memory = Scratch + (thread * Layout.Floats);
        new Span<float>(memory + Layout.Ones, BackwardScratch.TileRows).Fill(1f);
        new Span<float>(memory + Layout.Scales, BackwardScratch.TileRows).Fill(Options.EffectiveScale(Shape));
        for (int head = 0; head < Shape.KeyValueHeads; head += Layout.HeadsTogether)
        {
            ExecuteHeads(unit, head, Math.Min(Layout.HeadsTogether, Shape.KeyValueHeads - head), memory);
        }
    }

    private readonly void ExecuteHeads(BackwardUnit unit, int firstHead, int heads, float* memory)
    {
        for (int i = 0; i < heads; i++)
        {
            LoadTiles(unit, firstHead + i, memory + (i * Layout.HeadFloats));
        }
        if (IsThin(unit))
        {
            WalkThin(unit, firstHead, heads, memory);
        }
        else
        {
            WalkLanes(unit, firstHead, heads, memory);
        }
        for (int i = 0; i < heads && QueryGradient != null; i++)
        {
            StoreQueries(unit, firstHead + i, memory + (i * Layout.HeadFloats), memory + Layout.Scales);
        }
    }

    private readonly long RowsOf(BackwardUnit unit) => Shape.Targets.Length(unit.Segment) * Layout.RowsPerTarget;

    private readonly int TilesOf(BackwardUnit unit) => (int)((RowsOf(unit) + BackwardScratch.TileRows - 1) / BackwardScratch.TileRows);

    private readonly int RowsOf(BackwardUnit unit, int tile) =>
        (int)Math.Min(BackwardScratch.TileRows, RowsOf(unit) - ((long)tile * BackwardScratch.TileRows));

    private readonly bool IsThin(BackwardUnit unit) => RowsOf(unit) > 0 && AttentionPartition.IsThin(RowsOf(unit), Width);

    /// <summary>How many keys of a block some row of the tile sees: always the first ones.</summary>
    private readonly int VisibleKeys(float* tile, int rows, long key, int keys)
    {
        if (Shape.HistoryLimits.IsEmpty)
        {
            return keys;
        }
        long* visible = (long*)(tile + Layout.Visible);
        long most = 0;
        for (int lane = 0; lane < rows; lane++)
        {
            most = Math.Max(most, visible[lane]);
        }
        return (int)Math.Clamp(most - key, 0, keys);
    }

    /// <summary>From products to weights, and from gradients of weights to gradients of logits; the block is <c>[keys, lanes]</c>.</summary>
    private readonly void DifferentiateScores(float* scores, float* gradients, nint keys, nint lanes, in RowConstants constants)
    {
        switch (Options.Score)
        {
            case AttentionScore.Softmax:
                ScoreGradient<TSimd, TVector>.Softmax(
                    scores, gradients, keys, lanes, constants.LogSumExp, constants.LogSumExpRest, constants.Delta);
                break;
            case AttentionScore.Silu:
                ScoreGradient<TSimd, TVector>.Silu(scores, gradients, keys, lanes, constants.InverseDivisor);
                break;
            default:
                ScoreGradient<TSimd, TVector>.Identity(scores, gradients, keys, lanes, constants.InverseDivisor);
                break;
        }
    }

    private readonly RowConstants ConstantsOf(float* tile) => new(tile + Layout.Constants, BackwardScratch.TileRows);

    /// <summary>Caps the logits, and keeps the slope of the cap at each.</summary>
    private readonly void CapScores(float* scores, float* slopes, nint count)
    {
        if (Options.SoftCap != 0)
        {
            ScoreGradient<TSimd, TVector>.CapSlope(scores, slopes, count, Options.SoftCap * LogitUnit);
            ScoreBlock<TSimd, TVector>.Cap(scores, count, Options.SoftCap * LogitUnit);
        }
    }
}
