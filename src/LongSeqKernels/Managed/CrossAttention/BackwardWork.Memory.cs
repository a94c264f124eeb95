using System.Runtime.CompilerServices;

namespace LongSeqKernels;

// How tensors come into the scratch memory, and gradients out of it.
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

    /// <summary>
    /// A block of keys of one head: fp32 rows are read where they lie, others come to the scratch memory. Gradients are made where the caller wants them if
    /// tiles can write there, which write whole vectors of fp32.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly HeadBlock LoadKeys(BackwardUnit unit, int head, long key, int keys, float* memory)
    {
        if (KeyBiasGradient != null)
        {
            new Span<float>(memory + Layout.BiasGradients, keys).Clear();
        }
        long offset = KeyOffset(unit, head, key);
        var block = new HeadBlock
        {
            First = key,
            Count = keys,
            Offset = offset,
            Stride = Layout.RowStride,
            Keys = memory + Layout.Keys,
            Values = memory + (Shared ? Layout.Keys : Layout.Values),
            GradientStride = Layout.RowStride,
            KeyGradients = memory + Layout.KeyGradients,
            ValueGradients = memory + (Shared ? Layout.KeyGradients : Layout.ValueGradients),
        };
        if (typeof(T) == typeof(float))
        {
            block = block with { Stride = KeyStride, Keys = (float*)(Keys + offset), Values = (float*)((Shared ? Keys : Values) + offset) };
        }
        else
        {
            WidenRows(Keys + offset, keys, block.Keys);
            if (!Shared)
            {
                WidenRows(Values + offset, keys, block.Values);
            }
        }
        if (GradientsInPlace)
        {
            block = block with
            {
                GradientStride = KeyStride,
                KeyGradients = (float*)(KeyGradient + offset),
                ValueGradients = (float*)((Shared ? KeyGradient : ValueGradient) + offset),
            };
        }
        return block;
    }

    /// <summary>Writes the gradients of a block of keys that are not there yet; the bias is shared by the heads, which come in order.</summary>
    private readonly void StoreKeys(BackwardUnit unit, int head, in HeadBlock block, float* memory)
    {
        if (!GradientsInPlace)
        {
            StoreRows(block.KeyGradients, block, KeyGradient);
            StoreRows(block.ValueGradients, block, ValueGradient);
        }
        if (KeyBiasGradient != null)
        {
            float* biasGradients = KeyBiasGradient + Shape.History.Start(unit.Segment) + block.First;
            for (int i = 0; i < block.Count; i++)
            {
                biasGradients[i] = head == 0 ? memory[Layout.BiasGradients + i] : biasGradients[i] + memory[Layout.BiasGradients + i];
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void WidenRows(T* rows, int count, float* target)
    {
        for (int i = 0; i < count; i++, rows += KeyStride, target += Layout.RowStride)
        {
            SimdMath.Widen<TSimd, TVector, T>(rows, target, Width);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void StoreRows(float* rows, in HeadBlock block, T* tensor)
    {
        for (int i = 0; i < block.Count && tensor != null; i++)
        {
            Store(rows + (i * block.GradientStride), tensor + block.Offset + (i * KeyStride));
        }
    }

    private readonly void ClearGradients(in HeadBlock block)
    {
        for (int i = 0; i < block.Count; i++)
        {
            if (KeyGradient != null)
            {
                new Span<float>(block.KeyGradients + (i * block.GradientStride), Width).Clear();
            }
            if (ValueGradient != null)
            {
                new Span<float>(block.ValueGradients + (i * block.GradientStride), Width).Clear();
            }
        }
    }

    /// <summary>
    /// What to fetch while a block is at work: the next block, in equal portions. Heads that are not read here would be fetched in vain, so a pass with some of
    /// the heads fetches nothing ahead.
    /// </summary>
    private readonly Ahead NextBlock(BackwardUnit unit, int heads, long next, int blockKeys, int portions)
    {
        long keys = heads == Shape.KeyValueHeads ? Math.Clamp(unit.EndKey - next, 0, blockKeys) : 0;
        return new Ahead(KeyOffset(unit, 0, next), (nint)(keys * KeyStride * sizeof(T) / Math.Max(1, portions)));
    }

    /// <summary>Where the portion begins in a tensor, or in the keys if there is no such tensor: what is there already costs nothing.</summary>
    private readonly byte* Next(T* tensor, Ahead ahead) => (byte*)((tensor == null ? Keys : tensor) + ahead.Row) + ahead.Bytes;

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

    /// <summary>From a key of a head to the next, in elements.</summary>
    private readonly nint KeyStride => (nint)Shape.KeyValueHeads * Width;

    private readonly bool GradientsInPlace => typeof(T) == typeof(float) && Width == Layout.PaddedWidth;

    /// <summary>The row (target, query, head) of the batch.</summary>
    private readonly long RowIndex(BackwardUnit unit, int head, long row) =>
        (Shape.Targets.Start(unit.Segment) * Shape.QueriesPerTarget * Shape.Heads) + RowInSegment(head, row);

    private readonly long RowInSegment(int head, long row) => (row / Group * Shape.Heads) + (head * Group) + (row % Group);

    private readonly long KeyOffset(BackwardUnit unit, int head, long key) =>
        (((Shape.History.Start(unit.Segment) + key) * Shape.KeyValueHeads) + head) * Width;

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

    /// <summary>A block of keys of one head as tiles read it, and where they make its gradients.</summary>
    private readonly struct HeadBlock
    {
        public long First { get; init; }

        public int Count { get; init; }

        /// <summary>Of the first key in its tensor, in elements.</summary>
        public long Offset { get; init; }

        public float* Keys { get; init; }

        /// <summary>The keys in a shared history.</summary>
        public float* Values { get; init; }

        public nint Stride { get; init; }

        public float* KeyGradients { get; init; }

        /// <summary>The gradients of the keys in a shared history.</summary>
        public float* ValueGradients { get; init; }

        public nint GradientStride { get; init; }
    }

    /// <summary>A portion of the next block; keys, values and their gradients lie at the same place of their tensors.</summary>
    private readonly struct Ahead(long row, nint portion, nint bytes = 0)
    {
        /// <summary>Where the block begins, in elements.</summary>
        public long Row => row;

        /// <summary>Where the portion begins, in bytes from there.</summary>
        public nint Bytes => bytes;

        /// <summary>Bytes of a portion.</summary>
        public nint Portion => portion;

        public Ahead Advance() => new(row, portion, bytes + portion);
    }
}
