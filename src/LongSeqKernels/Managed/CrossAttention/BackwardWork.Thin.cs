using System.Runtime.CompilerServices;

namespace LongSeqKernels;

// Few rows per head, with vectors along the head width: all heads of a few keys at a time, so that every tensor passes by in one stream. Keys
// and values are read where they lie, and their gradients are written there, each once.
internal unsafe partial struct BackwardWork<TSimd, TVector, T>
{
    private const double StreamedBytes = 16 << 20;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void WalkThin(BackwardUnit unit, int firstHead, int heads, float* memory)
    {
        int rows = RowsOf(unit, 0);
        int headWeights = rows * Layout.ThinKeys;
        Span<ThinTerm> terms = stackalloc ThinTerm[2 * rows];
        for (int row = 0; row < rows; row++)
        {
            // The gradients of keys are sums over rows of logits' gradients times queries, those of values of weights times outputs' gradients; in a shared
            // history they are one.
            int offset = row * Layout.ThinKeys;
            int rowOffset = row * Layout.RowStride;
            terms[row] = new ThinTerm(memory + Layout.ThinGradients + offset, headWeights, memory + Layout.QueryRows + rowOffset, (nint)Layout.HeadFloats);
            terms[rows + row] = new ThinTerm(memory + Layout.ThinScores + offset, headWeights, memory + Layout.OutputGradientRows + rowOffset, (nint)Layout.HeadFloats);
        }
        for (long key = unit.FirstKey; key < unit.EndKey; key += Layout.ThinKeys)
        {
            int keys = (int)Math.Min(Layout.ThinKeys, unit.EndKey - key);
            int visible = VisibleKeys(memory, rows, key, keys);
            Ahead ahead = NextBlock(unit, heads, key + keys, Layout.ThinKeys, heads);
            if (KeyBiasGradient != null && firstHead == 0)
            {
                new Span<float>(KeyBiasGradient + Shape.History.Start(unit.Segment) + key, keys).Clear();
            }
            for (int i = 0; i < heads; i++, ahead = ahead.Advance())
            {
                WalkThinHead(unit, firstHead + i, memory + (i * Layout.HeadFloats), i * headWeights, key, visible, ahead, memory);
            }
            WriteThin(KeyGradient, unit, firstHead, heads, Shared ? terms : terms[..rows], key, visible, keys, memory);
            WriteThin(ValueGradient, unit, firstHead, heads, terms[rows..], key, visible, keys, memory);
        }
        Thread.MemoryBarrier(); // streamed gradients come before the end of the unit
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void WalkThinHead(BackwardUnit unit, int head, float* tile, int weights, long key, int keys, Ahead ahead, float* memory)
    {
        long offset = KeyOffset(unit, head, key);
        T* keyRows = Keys + offset;
        T* valueRows = Shared ? keyRows : Values + offset;
        float* scores = memory + Layout.ThinScores + weights;
        float* gradients = memory + Layout.ThinGradients + weights;
        byte* nextKeys = Next(Keys, ahead);
        byte* nextValues = Next(Values, ahead);
        for (int row = 0; row < RowsOf(unit, 0); row++, scores += Layout.ThinKeys, gradients += Layout.ThinKeys)
        {
            ThinKernel<TSimd, TVector, T>.Scores(tile + (row * Width), keyRows, KeyStride, keys, Width, scores, nextKeys);
            if (WantsLogits)
            {
                float* outputGradient = tile + Layout.OutputGradientRows + (row * Layout.RowStride);
                ThinKernel<TSimd, TVector, T>.Scores(outputGradient, valueRows, KeyStride, keys, Width, gradients, nextValues);
            }
            DifferentiateRow(unit, tile, row, key, keys, scores, gradients, memory);
            if (QueryGradient != null)
            {
                float* sum = tile + Layout.QueryGradientPanel + (row * Width);
                ThinKernel<TSimd, TVector, T>.AddValues(gradients, keyRows, KeyStride, keys, Width, sum, 1, (byte*)keyRows);
            }
            nextKeys = nextValues = (byte*)keyRows;
        }
    }

    /// <summary>Gradients of a block of keys (values): those that no row sees get zeros.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void WriteThin(
        T* tensor, BackwardUnit unit, int firstHead, int heads, ReadOnlySpan<ThinTerm> terms, long key, int visible, int keys, float* memory)
    {
        if (tensor == null)
        {
            return;
        }
        nint stride = KeyStride;
        T* gradients = tensor + KeyOffset(unit, firstHead, key);
        if (heads == Shape.KeyValueHeads && StreamsGradients)
        {
            T* staged = (T*)(memory + Layout.StagedGradients);
            for (int first = 0; first < visible; first += Layout.StagedKeys)
            {
                int end = Math.Min(visible, first + Layout.StagedKeys);
                ThinOuterProduct<TSimd, TVector, T>.Multiply(terms, heads, staged, stride, first, end, Width);
                StreamedCopy<TSimd, TVector>.Copy((byte*)staged, (byte*)(gradients + (first * stride)), (end - first) * stride * sizeof(T));
            }
        }
        else
        {
            ThinOuterProduct<TSimd, TVector, T>.Multiply(terms, heads, gradients, stride, 0, visible, Width);
        }
        for (int i = visible; i < keys; i++)
        {
            new Span<T>(gradients + (i * stride), heads * Width).Clear();
        }
    }

    /// <summary>
    /// Whether the gradients of keys and values go to memory past the caches: when they take more than half of a usual last-level cache, whoever reads them
    /// next would find few of them there, and keys and values had better stay.
    /// </summary>
    private readonly bool StreamsGradients => (double)Shape.History.Total * KeyStride * sizeof(T) * (Shared ? 1 : 2) > StreamedBytes;

    /// <summary>
    /// What <see cref="DifferentiateLanes"/> does, for one row: its keys are the lanes. Lanes after the last key, up to a whole vector, hold anything.
    /// </summary>
    private readonly void DifferentiateRow(
        BackwardUnit unit, float* tile, int row, long key, int keys, float* scores, float* gradients, float* memory)
    {
        int padded = Panels.Pad(keys);
        float* slopes = memory + Layout.Slopes;
        CapScores(scores, slopes, padded);
        if (KeyBias != null)
        {
            float* bias = KeyBias + Shape.History.Start(unit.Segment) + key;
            for (int i = 0; i < keys; i++)
            {
                scores[i] += bias[i] * LogitUnit;
            }
        }
        DifferentiateScores(scores, gradients, 1, padded, SpreadConstants(tile, row, keys, memory));
        int visible = Shape.HistoryLimits.IsEmpty ? keys : (int)Math.Clamp(((long*)(tile + Layout.Visible))[row] - key, 0, keys);
        new Span<float>(scores + visible, keys - visible).Clear();
        new Span<float>(gradients + visible, keys - visible).Clear();
        if (KeyBiasGradient != null)
        {
            float* biasGradients = KeyBiasGradient + Shape.History.Start(unit.Segment) + key;
            for (int i = 0; i < keys; i++)
            {
                biasGradients[i] += gradients[i];
            }
        }
        if (Options.SoftCap != 0)
        {
            ScoreGradient<TSimd, TVector>.MultiplyBy(gradients, slopes, padded);
        }
    }

    /// <summary>The constants of a row, once per key.</summary>
    private readonly RowConstants SpreadConstants(float* tile, int row, int keys, float* memory)
    {
        RowConstants constants = ConstantsOf(tile);
        var spread = new RowConstants(memory + Layout.ThinConstants, Layout.ThinKeys);
        int padded = Panels.Pad(keys);
        if (!Softmax)
        {
            new Span<float>(spread.InverseDivisor, padded).Fill(constants.InverseDivisor[row]);
            return spread;
        }
        int whole = keys - (keys % TSimd.Count);
        new Span<float>(spread.LogSumExp, padded).Fill(constants.LogSumExp[row]);
        new Span<float>(spread.LogSumExpRest, padded).Fill(constants.LogSumExpRest[row]);
        new Span<float>(spread.Delta, whole).Fill(constants.Delta[row]);
        new Span<float>(spread.Delta + whole, padded - whole).Fill(tile[Layout.DeltaOfLastKeys + row]);
        return spread;
    }

    /// <summary>
    /// Rows stay rows. Delta is summed in the two orders in which the thin kernel sums products with values, that of whole vectors of keys and that of the keys
    /// that are left: where one key has all the weight the two then cancel exactly.
    /// </summary>
    private readonly void MakeThinRows(BackwardUnit unit, int head, int rows, float* tile)
    {
        float scale = Options.EffectiveScale(Shape);
        RowConstants constants = ConstantsOf(tile);
        float* products = tile + Layout.OutputGradientPanel;
        float* output = tile + Layout.QueryGradientPanel;
        for (int row = 0; row < rows; row++)
        {
            float* query = tile + Layout.QueryRows + (row * Layout.RowStride);
            Scale(query, scale * LogitUnit, tile + (row * Width));
            Scale(query, scale, query);
            if (!Softmax)
            {
                continue;
            }
            long index = RowIndex(unit, head, row);
            float* gradient = tile + Layout.OutputGradientRows + (row * Layout.RowStride);
            float ofLogSumExp = LogSumExpGradient == null ? 0 : LogSumExpGradient[index];
            ElementRows<T>.Widen(Output + (index * Width), output, Width);
            ThinKernel<TSimd, TVector, float>.Scores(gradient, output, 0, TSimd.Count, Width, products, (byte*)output);
            constants.Delta[row] = products[0] - ofLogSumExp;
            ThinKernel<TSimd, TVector, float>.Scores(gradient, output, 0, 1, Width, products, (byte*)output);
            tile[Layout.DeltaOfLastKeys + row] = products[0] - ofLogSumExp;
        }
        new Span<float>(output, rows * Width).Clear();
    }

    private readonly void StoreThinQueries(BackwardUnit unit, int head, float* tile)
    {
        float scale = Options.EffectiveScale(Shape);
        for (int row = 0; row < RowsOf(unit, 0); row++)
        {
            float* sum = tile + Layout.QueryGradientPanel + (row * Width);
            float* slot = Slots + unit.Slot + (((head * RowsOf(unit)) + row) * Width);
            Scale(sum, scale, unit.Slot >= 0 ? slot : sum);
            if (unit.Slot < 0)
            {
                Store(sum, QueryGradient + (RowIndex(unit, head, row) * Width));
            }
        }
    }
}
