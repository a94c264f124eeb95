using System.Runtime.CompilerServices;

namespace LongSeqKernels;

// How rows come into the scratch memory, and their gradients out of it.
internal unsafe partial struct BackwardWork<TSimd, TVector, T>
{
    /// <summary>The rows of a head of the unit's segment, tile after tile: as panels, as rows, and what each row's softmax needs.</summary>
    private readonly void LoadTiles(BackwardUnit unit, int head, float* tiles)
    {
        for (int tile = 0; tile < TilesOf(unit); tile++)
        {
            float* tileMemory = tiles + (tile * Layout.TileFloats);
            int rows = RowsOf(unit, tile);
            int lanes = AttentionCell.LanesFor(rows);
            long firstRow = (long)tile * BackwardScratch.TileRows;
            for (int lane = 0; lane < rows; lane++)
            {
                LoadRow(unit, head, firstRow + lane, lane, tileMemory);
            }
            if (IsThin(unit))
            {
                MakeThinRows(unit, head, rows, tileMemory);
                continue;
            }
            RowConstants constants = ConstantsOf(tileMemory);
            for (int lane = rows; lane < lanes; lane++)
            {
                constants.LogSumExp[lane] = float.PositiveInfinity;
                constants.LogSumExpRest[lane] = 0;
                constants.InverseDivisor[lane] = 0;
            }
            Panel<TSimd, TVector>.FromRows(
                tileMemory + Layout.OutputGradientRows, Layout.RowStride, rows, Width, 1, tileMemory + Layout.OutputGradientPanel, lanes);
            if (Softmax)
            {
                MakeDelta(unit, head, firstRow, rows, lanes, tileMemory);
            }
            MakeQueries(rows, lanes, tileMemory);
            new Span<float>(tileMemory + Layout.QueryGradientPanel, Width * lanes).Clear();
        }
    }

    /// <summary>
    /// Queries for the logits are scaled by one factor, as the forward does: its LSE then belongs to these very logits, to the last bit.
    /// </summary>
    private readonly void MakeQueries(int rows, int lanes, float* tile)
    {
        float scale = Options.EffectiveScale(Shape);
        float* queries = tile + Layout.QueryRows;
        Panel<TSimd, TVector>.FromRows(queries, Layout.RowStride, rows, Width, scale * LogitUnit, tile, lanes);
        for (int row = 0; row < rows; row++, queries += Layout.RowStride)
        {
            Scale(queries, scale, queries);
        }
    }

    /// <summary>
    /// Delta is summed over the width in the order in which the products with the values are: where one key has all the weight the two then cancel exactly.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void MakeDelta(BackwardUnit unit, int head, long firstRow, int rows, int lanes, float* tile)
    {
        float* staged = tile;
        float* outputs = tile + Layout.QueryGradientPanel;
        for (int lane = 0; lane < rows; lane++)
        {
            ElementRows<T>.Widen(Output + (RowIndex(unit, head, firstRow + lane) * Width), staged + ((long)lane * Width), Width);
        }
        Panel<TSimd, TVector>.FromRows(staged, Width, rows, Width, 1, outputs, lanes);
        float* gradients = tile + Layout.OutputGradientPanel;
        for (int lane = 0; lane < lanes; lane += TSimd.Count)
        {
            TVector sum = TSimd.Zero;
            for (nint i = lane; i < (nint)Width * lanes; i += lanes)
            {
                sum = TSimd.MultiplyAdd(TSimd.LoadAligned(outputs + i), TSimd.LoadAligned(gradients + i), sum);
            }
            TSimd.StoreAligned(sum, ConstantsOf(tile).Delta + lane);
        }
        for (int lane = 0; lane < rows && LogSumExpGradient != null; lane++)
        {
            ConstantsOf(tile).Delta[lane] -= LogSumExpGradient[RowIndex(unit, head, firstRow + lane)];
        }
    }

    private readonly void LoadRow(BackwardUnit unit, int head, long row, int lane, float* tile)
    {
        float* query = tile + Layout.QueryRows + ((long)lane * Layout.RowStride);
        float* gradient = tile + Layout.OutputGradientRows + ((long)lane * Layout.RowStride);
        long index = RowIndex(unit, head, row);
        LoadPadded(Queries + ((Shape.BroadcastQueries ? RowInSegment(head, row) : index) * Width), query);
        LoadPadded(OutputGradient + (index * Width), gradient);
        long visible = Shape.VisibleHistory(unit.Segment, Shape.Targets.Start(unit.Segment) + (row / Layout.RowsPerTarget));
        ((long*)(tile + Layout.Visible))[lane] = visible;
        RowConstants constants = ConstantsOf(tile);
        constants.InverseDivisor[lane] = visible == 0 ? 0 : 1 / Options.EffectiveDivisor(visible);
        if (Softmax)
        {
            // In units of log2 as a sum of two floats: rounding it once more would change every weight of a row with large logits.
            double logSumExp = float.IsNegativeInfinity(LogSumExp[index]) ? double.PositiveInfinity : LogSumExp[index] * (1 / Math.Log(2));
            constants.LogSumExp[lane] = (float)logSumExp;
            constants.LogSumExpRest[lane] = double.IsFinite(logSumExp) ? (float)(logSumExp - (float)logSumExp) : 0;
        }
    }

    /// <summary>The query gradients of a head go to their rows, or to the unit's slot <c>[Hkv, rows, dh]</c>.</summary>
    private readonly void StoreQueries(BackwardUnit unit, int head, float* tiles, float* scales)
    {
        for (int tile = 0; tile < TilesOf(unit); tile++)
        {
            float* tileMemory = tiles + (tile * Layout.TileFloats);
            int rows = RowsOf(unit, tile);
            long firstRow = (long)tile * BackwardScratch.TileRows;
            float* panel = tileMemory + Layout.QueryGradientPanel;
            int lanes = AttentionCell.LanesFor(rows);
            if (IsThin(unit))
            {
                StoreThinQueries(unit, head, tileMemory);
                continue;
            }
            if (unit.Slot >= 0)
            {
                float* slot = Slots + unit.Slot + (((head * RowsOf(unit)) + firstRow) * Width);
                Panel<TSimd, TVector>.ToRows(panel, lanes, scales, Width, rows, slot, Width);
                continue;
            }
            // The queries are done with, so their rows can take the gradients.
            float* staged = tileMemory + Layout.QueryRows;
            Panel<TSimd, TVector>.ToRows(panel, lanes, scales, Width, rows, staged, Layout.RowStride);
            for (int lane = 0; lane < rows; lane++)
            {
                Store(staged + ((long)lane * Layout.RowStride), QueryGradient + (RowIndex(unit, head, firstRow + lane) * Width));
            }
        }
    }

    /// <summary>The row (target, query, head) of the batch.</summary>
    private readonly long RowIndex(BackwardUnit unit, int head, long row) =>
        (Shape.Targets.Start(unit.Segment) * Shape.QueriesPerTarget * Shape.Heads) + RowInSegment(head, row);

    private readonly long RowInSegment(int head, long row) => (row / Group * Shape.Heads) + (head * Group) + (row % Group);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void LoadPadded(T* source, float* target)
    {
        int x = 0;
        for (; x + TSimd.Count <= Width; x += TSimd.Count)
        {
            TSimd.Store(SimdMath.Load<TSimd, TVector, T>(source + x), target + x);
        }
        for (; x < Width; x++)
        {
            target[x] = Element<T>.ToSingle(source[x]);
        }
        for (; x < Layout.PaddedWidth; x++)
        {
            target[x] = 0;
        }
    }

    private readonly void Store(float* source, T* target) => RowStore<T, TSimd, TVector>.Store(source, null, target, Width, OutputMode.Overwrite);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void Scale(float* row, float factor, float* target)
    {
        TVector scale = TSimd.Create(factor);
        for (int x = 0; x < Layout.PaddedWidth; x += TSimd.Count)
        {
            TSimd.Store(TSimd.Multiply(TSimd.Load(row + x), scale), target + x);
        }
    }
}
