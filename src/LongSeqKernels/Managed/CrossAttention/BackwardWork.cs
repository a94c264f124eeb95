namespace LongSeqKernels;

/// <summary>
/// The backward of cross attention. An item is a unit: a block of keys at a time passes by the tiles of each head in turn, where weights and their gradients
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
        for (long key = unit.FirstKey; key < unit.EndKey; key += Layout.KeyBlock)
        {
            int keys = (int)Math.Min(Layout.KeyBlock, unit.EndKey - key);
            for (int i = 0; i < heads; i++)
            {
                LoadKeys(unit, firstHead + i, key, keys, memory);
                WalkBack(unit, memory + (i * Layout.HeadFloats), key, keys, memory);
                StoreKeys(unit, firstHead + i, key, keys, memory);
            }
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

    /// <summary>One block of keys of one head against all tiles.</summary>
    private readonly void WalkBack(BackwardUnit unit, float* tiles, long key, int keys, float* memory)
    {
        bool first = true;
        for (int tile = 0; tile < TilesOf(unit); tile++)
        {
            float* tileMemory = tiles + (tile * Layout.TileFloats);
            int rows = RowsOf(unit, tile);
            int visible = VisibleKeys(tileMemory, rows, key, keys);
            if (visible > 0)
            {
                // The gradients of keys that no row of the first tile sees are not covered by its product.
                OutputMode mode = first && visible == keys ? OutputMode.Overwrite : OutputMode.Add;
                if (first && visible < keys)
                {
                    ClearGradients(keys, memory);
                }
                WalkBackTile(unit, tileMemory, rows, key, visible, mode, memory);
                first = false;
            }
        }
        if (first)
        {
            ClearGradients(keys, memory);
        }
    }

    private readonly void WalkBackTile(BackwardUnit unit, float* tile, int rows, long key, int keys, OutputMode mode, float* memory)
    {
        int lanes = AttentionCell.LanesFor(rows);
        int stride = Layout.RowStride;
        float* scores = memory + Layout.Scores;
        float* gradients = memory + Layout.Gradients;
        float* keyBlock = memory + Layout.Keys;
        float* valueBlock = Shared ? keyBlock : memory + Layout.Values;
        if (IsThin(unit))
        {
            ThinScores(tile, rows, lanes, keys, memory);
        }
        else
        {
            RowTile<TSimd, TVector>.Multiply(keys, Width, lanes, keyBlock, stride, tile, lanes, scores, lanes, OutputMode.Overwrite);
        }
        if (WantsLogits)
        {
            RowTile<TSimd, TVector>.Multiply(
                keys, Width, lanes, valueBlock, stride, tile + Layout.OutputGradientPanel, lanes, gradients, lanes, OutputMode.Overwrite);
        }
        DifferentiateScores(unit, tile, rows, lanes, key, keys, memory);
        float* keyGradients = memory + Layout.KeyGradients;
        if (KeyGradient != null)
        {
            RowTile<TSimd, TVector>.Multiply(
                keys, rows, Layout.PaddedWidth, gradients, lanes, tile + Layout.QueryRows, stride, keyGradients, stride, mode);
        }
        if (ValueGradient != null || (Shared && KeyGradient != null))
        {
            RowTile<TSimd, TVector>.Multiply(
                keys,
                rows,
                Layout.PaddedWidth,
                scores,
                lanes,
                tile + Layout.OutputGradientRows,
                stride,
                Shared ? keyGradients : memory + Layout.ValueGradients,
                stride,
                Shared ? OutputMode.Add : mode);
        }
        if (QueryGradient != null)
        {
            ColumnTile<TSimd, TVector>.Multiply(
                Width, keys, lanes, keyBlock, stride, gradients, lanes, tile + Layout.QueryGradientPanel, lanes, memory + Layout.Ones);
        }
    }

    private readonly bool IsThin(BackwardUnit unit) => AttentionPartition.IsThin(RowsOf(unit), Width);

    /// <summary>Logits of one or two rows by the forward's kernel for them, which sums in another order than the tiles.</summary>
    private readonly void ThinScores(float* tile, int rows, int lanes, int keys, float* memory)
    {
        float* scores = memory + Layout.Scores;
        float* rowScores = memory + Layout.Slopes;
        new Span<float>(scores, keys * lanes).Clear();
        for (int row = 0; row < rows; row++)
        {
            float* keyBlock = memory + Layout.Keys;
            ThinKernel<TSimd, TVector, float>.Scores(
                tile + ((long)row * Width), keyBlock, Layout.RowStride, keys, Width, rowScores, (byte*)keyBlock);
            for (int i = 0; i < keys; i++)
            {
                scores[(i * lanes) + row] = rowScores[i];
            }
        }
    }

    /// <summary>From products to weights, and from gradients of weights to gradients of products.</summary>
    private readonly void DifferentiateScores(BackwardUnit unit, float* tile, int rows, int lanes, long key, int keys, float* memory)
    {
        float* scores = memory + Layout.Scores;
        float* gradients = memory + Layout.Gradients;
        float* slopes = memory + Layout.Slopes;
        nint count = (nint)keys * lanes;
        if (Options.SoftCap != 0)
        {
            ScoreGradient<TSimd, TVector>.CapSlope(scores, slopes, count, Options.SoftCap * LogitUnit);
            ScoreBlock<TSimd, TVector>.Cap(scores, count, Options.SoftCap * LogitUnit);
        }
        if (KeyBias != null)
        {
            ScoreBlock<TSimd, TVector>.AddBias(scores, keys, lanes, KeyBias + Shape.History.Start(unit.Segment) + key, LogitUnit);
        }
        switch (Options.Score)
        {
            case AttentionScore.Softmax:
                ScoreGradient<TSimd, TVector>.Softmax(
                    scores, gradients, keys, lanes, tile + Layout.LogSumExp, tile + Layout.LogSumExpRest, tile + Layout.Delta);
                break;
            case AttentionScore.Silu:
                ScoreGradient<TSimd, TVector>.Silu(scores, gradients, keys, lanes, tile + Layout.InverseDivisor);
                break;
            default:
                ScoreGradient<TSimd, TVector>.Identity(scores, gradients, keys, lanes, tile + Layout.InverseDivisor);
                break;
        }
        if (!Shape.HistoryLimits.IsEmpty)
        {
            HideKeys(tile, rows, lanes, key, keys, memory);
        }
        if (KeyBiasGradient != null)
        {
            ScoreGradient<TSimd, TVector>.AddToBias(gradients, keys, lanes, memory + Layout.BiasGradients);
        }
        if (Options.SoftCap != 0)
        {
            ScoreGradient<TSimd, TVector>.MultiplyBy(gradients, slopes, count);
        }
    }

    private readonly void HideKeys(float* tile, int rows, int lanes, long key, int keys, float* memory)
    {
        long* visible = (long*)(tile + Layout.Visible);
        float* limits = memory + Layout.Limits;
        long fewest = keys;
        for (int lane = 0; lane < lanes; lane++)
        {
            long limit = lane < rows ? Math.Clamp(visible[lane] - key, 0, keys) : keys;
            limits[lane] = limit;
            fewest = Math.Min(fewest, limit);
        }
        if (fewest < keys)
        {
            ScoreBlock<TSimd, TVector>.Hide(memory + Layout.Scores, (nint)fewest, keys, lanes, limits, 0);
            ScoreBlock<TSimd, TVector>.Hide(memory + Layout.Gradients, (nint)fewest, keys, lanes, limits, 0);
        }
    }

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

    private readonly void ClearGradients(int keys, float* memory)
    {
        new Span<float>(memory + Layout.KeyGradients, keys * Layout.RowStride).Clear();
        new Span<float>(memory + Layout.ValueGradients, keys * Layout.RowStride).Clear();
    }
}
