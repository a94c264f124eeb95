using System.Runtime.CompilerServices;

namespace LongSeqKernels;

// Rows as lanes: a block of keys of a head passes by all its tiles before the next head.
internal unsafe partial struct BackwardWork<TSimd, TVector, T>
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void WalkLanes(BackwardUnit unit, int firstHead, int heads, float* memory)
    {
        for (long key = unit.FirstKey; key < unit.EndKey; key += Layout.KeyBlock)
        {
            int keys = (int)Math.Min(Layout.KeyBlock, unit.EndKey - key);
            Ahead ahead = NextBlock(unit, heads, key + keys, Layout.KeyBlock, heads * TilesOf(unit));
            for (int i = 0; i < heads; i++)
            {
                HeadBlock block = LoadKeys(unit, firstHead + i, key, keys, memory);
                ahead = WalkBack(unit, memory + (i * Layout.HeadFloats), block, ahead, memory);
                StoreKeys(unit, firstHead + i, block, memory);
            }
        }
    }

    /// <summary>One block of keys of one head against all tiles.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly Ahead WalkBack(BackwardUnit unit, float* tiles, in HeadBlock block, Ahead ahead, float* memory)
    {
        bool first = true;
        for (int tile = 0; tile < TilesOf(unit); tile++)
        {
            float* tileMemory = tiles + (tile * Layout.TileFloats);
            int rows = RowsOf(unit, tile);
            int visible = VisibleKeys(tileMemory, rows, block.First, block.Count);
            if (visible > 0)
            {
                // The gradients of keys that no row of the first tile sees are not covered by its product.
                OutputMode mode = first && visible == block.Count ? OutputMode.Overwrite : OutputMode.Add;
                if (first && visible < block.Count)
                {
                    ClearGradients(block);
                }
                WalkBackTile(unit, tileMemory, rows, block, visible, mode, ahead, memory);
                first = false;
            }
            ahead = ahead.Advance();
        }
        if (first)
        {
            ClearGradients(block);
        }
        return ahead;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void WalkBackTile(BackwardUnit unit, float* tile, int rows, in HeadBlock block, int keys, OutputMode mode, Ahead ahead, float* memory)
    {
        int lanes = AttentionCell.LanesFor(rows);
        int width = Width;
        nint portion = ahead.Portion;
        float* scores = memory + Layout.Scores;
        float* gradients = memory + Layout.Gradients;
        nint steps = Math.Max(1, RowTile<TSimd, TVector>.PrefetchSteps(keys, width, lanes));
        RowTile<TSimd, TVector>.Multiply(
            keys, width, lanes, block.Keys, block.Stride, tile, lanes, scores, lanes, OutputMode.Overwrite, Next(Keys, ahead), portion / steps);
        if (WantsLogits)
        {
            byte* next = Next(Shared ? KeyGradient : Values, ahead);
            RowTile<TSimd, TVector>.Multiply(
                keys, width, lanes, block.Values, block.Stride, tile + Layout.OutputGradientPanel, lanes, gradients, lanes, OutputMode.Overwrite, next, portion / steps);
        }
        DifferentiateLanes(unit, tile, rows, lanes, block.First, keys, memory);
        int padded = Layout.PaddedWidth;
        int stride = Layout.RowStride;
        steps = Math.Max(1, RowTile<TSimd, TVector>.PrefetchSteps(keys, rows, padded));
        if (KeyGradient != null)
        {
            RowTile<TSimd, TVector>.Multiply(
                keys, rows, padded, gradients, lanes, tile + Layout.QueryRows, stride, block.KeyGradients, block.GradientStride, mode, Next(ValueGradient, ahead), portion / 2 / steps);
        }
        if (ValueGradient != null || (Shared && KeyGradient != null))
        {
            RowTile<TSimd, TVector>.Multiply(
                keys,
                rows,
                padded,
                scores,
                lanes,
                tile + Layout.OutputGradientRows,
                stride,
                block.ValueGradients,
                block.GradientStride,
                Shared ? OutputMode.Add : mode,
                Next(ValueGradient, ahead) + (portion / 2),
                portion / 2 / steps);
        }
        if (QueryGradient != null)
        {
            steps = Math.Max(1, ColumnTile<TSimd, TVector>.PrefetchSteps(width, keys, lanes));
            ColumnTile<TSimd, TVector>.Multiply(
                width, keys, lanes, block.Keys, block.Stride, gradients, lanes, tile + Layout.QueryGradientPanel, lanes, memory + Layout.Ones, Next(KeyGradient, ahead), portion / steps);
        }
    }

    /// <summary>Cap, bias, score function and limit of a tile's block, and what the limit and the cap do to the gradients.</summary>
    private readonly void DifferentiateLanes(BackwardUnit unit, float* tile, int rows, int lanes, long key, int keys, float* memory)
    {
        float* scores = memory + Layout.Scores;
        float* gradients = memory + Layout.Gradients;
        float* slopes = memory + Layout.Slopes;
        nint count = (nint)keys * lanes;
        CapScores(scores, slopes, count);
        if (KeyBias != null)
        {
            ScoreBlock<TSimd, TVector>.AddBias(scores, keys, lanes, KeyBias + Shape.History.Start(unit.Segment) + key, LogitUnit);
        }
        DifferentiateScores(scores, gradients, keys, lanes, ConstantsOf(tile));
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
}
