namespace LongSeqKernels;

// Gradients of linear attention.
internal sealed unsafe partial class LinearAttentionKernels<TSimd, TVector>
{
    public override void StateBackward<T>(
        LinearAttentionShape shape,
        LinearAttentionOptions options,
        JaggedLayout history,
        ReadOnlySpan<T> keys,
        ReadOnlySpan<T> values,
        ReadOnlySpan<float> stateGradient,
        Span<T> keyGradient,
        Span<T> valueGradient)
    {
        var cut = new LinearAttentionPieces(shape, history);
        long threadFloats = cut.SlotFloats + (shape.Heads * cut.HeadTransposed) + (3 * cut.KeyBlock) + cut.ValueBlock;
        using AlignedBuffer buffer = Rent(cut, 0, threadFloats, out _, out float* threads);
        fixed (T* k = keys, v = values, dk = keyGradient, dv = valueGradient)
        fixed (float* dm = stateGradient)
        {
            var work = new StateBackwardWork<T>
            {
                Cut = cut,
                Activation = options.RowActivation,
                Keys = k,
                Values = v,
                StateGradient = dm,
                KeyGradient = dk,
                ValueGradient = dv,
                Scratch = threads,
                ScratchStride = threadFloats,
            };
            pool.Run(ref work, cut.Pieces.Count);
        }
    }

    public override void ApplyBackward<T>(
        LinearAttentionShape shape,
        LinearAttentionOptions options,
        JaggedLayout rows,
        ReadOnlySpan<T> queries,
        ReadOnlySpan<float> state,
        ReadOnlySpan<T> selfKeys,
        ReadOnlySpan<T> selfValues,
        ReadOnlySpan<T> outputGradient,
        Span<T> queryGradient,
        Span<float> stateGradient,
        Span<T> selfKeyGradient,
        Span<T> selfValueGradient)
    {
        var cut = new LinearAttentionPieces(shape, rows);
        long threadFloats = cut.SlotFloats + (shape.Heads * cut.HeadTransposed) + (6 * cut.KeyBlock) + (3 * cut.ValueBlock);
        using AlignedBuffer buffer = Rent(cut, cut.Pieces.Count * cut.SlotFloats, threadFloats, out float* ones, out float* threads);
        fixed (T* q = queries, k = selfKeys, v = selfValues, o = outputGradient, dq = queryGradient, dk = selfKeyGradient, dv = selfValueGradient)
        fixed (float* m = state, dm = stateGradient)
        {
            var work = new ApplyBackwardWork<T>
            {
                Cut = cut,
                Options = options,
                Queries = q,
                State = m,
                SelfKeys = k,
                SelfValues = v,
                OutputGradient = o,
                QueryGradient = dq,
                SelfKeyGradient = dk,
                SelfValueGradient = dv,
                Slots = buffer.Floats,
                Ones = ones,
                Scratch = threads,
                ScratchStride = threadFloats,
            };
            pool.Run(ref work, cut.Pieces.Count);
            var add = new AddStateGradientWork { Cut = cut, Options = options, Slots = buffer.Floats, State = m, StateGradient = dm };
            pool.Run(ref add, rows.Count * shape.Heads);
        }
    }

    /// <summary>The transposes of all heads of a padded state.</summary>
    private static void Transpose(LinearAttentionPieces cut, float* state, float* transposed)
    {
        for (int head = 0; head < cut.Shape.Heads; head++)
        {
            Panel<TSimd, TVector>.FromRows(
                state + (head * cut.HeadState), cut.ValueLanes, cut.Shape.KeyWidth, cut.Shape.ValueWidth, 1f, transposed + (head * cut.HeadTransposed), cut.KeyLanes);
        }
    }

    /// <summary><c>dV = phi1(K) dM</c> and <c>dK = phi1'(K) * (V dM^T)</c> for one piece, all heads.</summary>
    private struct StateBackwardWork<T> : IParallelWork
        where T : unmanaged
    {
        public LinearAttentionPieces Cut;
        public LinearActivation Activation;
        public T* Keys;
        public T* Values;
        public float* StateGradient;
        public T* KeyGradient;
        public T* ValueGradient;
        public float* Scratch;
        public long ScratchStride;

        public readonly void Execute(int item, int thread)
        {
            LinearAttentionShape shape = Cut.Shape;
            float* gradient = Scratch + (thread * ScratchStride);
            float* transposed = gradient + Cut.SlotFloats;
            float* derivativeBlock = transposed + (shape.Heads * Cut.HeadTransposed);
            float* activatedBlock = derivativeBlock + Cut.KeyBlock;
            float* keyGradientBlock = activatedBlock + Cut.KeyBlock;
            float* valueBlock = keyGradientBlock + Cut.KeyBlock;
            bool inPlace = Cut.ProducesRows<T>();
            int segment = Cut.Pieces.SegmentOf(item);
            RowBlocks<float, TSimd, TVector>.Load(
                StateGradient + ((long)segment * shape.State), shape.ValueWidth, shape.Heads * shape.KeyWidth, shape.ValueWidth, gradient, Cut.ValueLanes);
            Transpose(Cut, gradient, transposed);
            (long begin, long end) = Cut.Pieces.Rows(item, segment);
            for (long row = begin; row < end; row += LinearAttentionPieces.BlockRows)
            {
                int rows = (int)Math.Min(LinearAttentionPieces.BlockRows, end - row);
                T* keyRows = Keys + (row * shape.KeyRow);
                T* valueRows = Values + (row * shape.ValueRow);
                PrefetchPlan keysAhead = Ahead(keyRows, rows, shape.KeyRow, shape.Heads);
                PrefetchPlan valuesAhead = Ahead(valueRows, rows, shape.ValueRow, shape.Heads);
                PrefetchPlan keyGradientsAhead = Ahead(KeyGradient + (row * shape.KeyRow), rows, shape.KeyRow, shape.Heads);
                PrefetchPlan valueGradientsAhead = Ahead(ValueGradient + (row * shape.ValueRow), rows, shape.ValueRow, shape.Heads);
                for (int head = 0; head < shape.Heads; head++)
                {
                    T* keys = keyRows + (head * shape.KeyWidth);
                    T* values = valueRows + (head * shape.ValueWidth);
                    T* keyResult = KeyGradient + (keys - Keys);
                    T* valueResult = ValueGradient + (values - Values);
                    Activations<TSimd, TVector>.LoadWithDerivatives(
                        Activation, keys, shape.KeyRow, rows, shape.KeyWidth, activatedBlock, derivativeBlock, Cut.KeyStride);
                    MultiplyRows(
                        rows, shape.KeyWidth, activatedBlock, Cut.KeyStride, gradient + (head * Cut.HeadState), Cut.ValueLanes,
                        inPlace ? (float*)valueResult : valueBlock, inPlace ? shape.ValueRow : Cut.ValueStride, keysAhead, valuesAhead, head);
                    if (!inPlace)
                    {
                        RowBlocks<T, TSimd, TVector>.Store(valueBlock, Cut.ValueStride, rows, shape.ValueWidth, valueResult, shape.ValueRow);
                        RowBlocks<T, TSimd, TVector>.Load(values, shape.ValueRow, rows, shape.ValueWidth, valueBlock, Cut.ValueStride);
                    }
                    MultiplyRows(
                        rows, shape.ValueWidth, inPlace ? (float*)values : valueBlock, inPlace ? shape.ValueRow : Cut.ValueStride,
                        transposed + (head * Cut.HeadTransposed), Cut.KeyLanes, keyGradientBlock, Cut.KeyStride, keyGradientsAhead, valueGradientsAhead, head);
                    Activations<TSimd, TVector>.StoreProducts(keyGradientBlock, derivativeBlock, Cut.KeyStride, rows, shape.KeyWidth, keyResult, shape.KeyRow);
                }
            }
        }
    }

    /// <summary>
    /// For one piece, all heads: <c>dQ = phi1'(Q) * (dO P^T + self)</c>, the sum <c>dP = phi1(Q)^T dO</c>, and the gradients of the self term
    /// <c>(a . b) v</c> with a, b the activated query and self key: <c>da = (dO . v) b</c>, <c>db = (dO . v) a</c>, <c>dv = (a . b) dO</c>.
    /// </summary>
    private struct ApplyBackwardWork<T> : IParallelWork
        where T : unmanaged
    {
        public LinearAttentionPieces Cut;
        public LinearAttentionOptions Options;
        public T* Queries;
        public float* State;

        /// <summary>Null without self term, as are the self values and the gradients of both.</summary>
        public T* SelfKeys;
        public T* SelfValues;
        public T* OutputGradient;
        public T* QueryGradient;
        public T* SelfKeyGradient;
        public T* SelfValueGradient;
        public float* Slots;
        public float* Ones;
        public float* Scratch;
        public long ScratchStride;

        public readonly void Execute(int item, int thread)
        {
            LinearAttentionShape shape = Cut.Shape;
            float* read = Scratch + (thread * ScratchStride);
            float* transposed = read + Cut.SlotFloats;
            float* derivativeBlock = transposed + (shape.Heads * Cut.HeadTransposed);
            float* activatedBlock = derivativeBlock + Cut.KeyBlock;
            float* queryGradientBlock = activatedBlock + Cut.KeyBlock;
            float* outputGradientBlock = queryGradientBlock + Cut.KeyBlock;
            float* selfScratch = outputGradientBlock + Cut.ValueBlock;
            float* slot = Slots + (item * Cut.SlotFloats);
            int segment = Cut.Pieces.SegmentOf(item);
            ReadState(Cut, Options, State, segment, read);
            Transpose(Cut, read, transposed);
            (long begin, long end) = Cut.Pieces.Rows(item, segment);
            for (long row = begin; row < end; row += LinearAttentionPieces.BlockRows)
            {
                int rows = (int)Math.Min(LinearAttentionPieces.BlockRows, end - row);
                PrefetchPlan queriesAhead = Ahead(Queries + (row * shape.KeyRow), rows, shape.KeyRow, shape.Heads);
                PrefetchPlan outputsAhead = Ahead(OutputGradient + (row * shape.ValueRow), rows, shape.ValueRow, shape.Heads);
                PrefetchPlan gradientsAhead = Ahead(QueryGradient + (row * shape.KeyRow), rows, shape.KeyRow, shape.Heads);
                long steps = Math.Max(1, ColumnTile<TSimd, TVector>.PrefetchSteps(shape.KeyWidth, rows, Cut.ValueLanes));
                for (int head = 0; head < shape.Heads; head++)
                {
                    long keys = (row * shape.KeyRow) + (head * shape.KeyWidth);
                    long values = (row * shape.ValueRow) + (head * shape.ValueWidth);
                    Activations<TSimd, TVector>.LoadWithDerivatives(
                        Options.RowActivation, Queries + keys, shape.KeyRow, rows, shape.KeyWidth, activatedBlock, derivativeBlock, Cut.KeyStride);
                    RowBlocks<T, TSimd, TVector>.Load(
                        OutputGradient + values, shape.ValueRow, rows, shape.ValueWidth, outputGradientBlock, Cut.ValueStride);
                    ColumnTile<TSimd, TVector>.Multiply(
                        shape.KeyWidth, rows, Cut.ValueLanes, activatedBlock, Cut.KeyStride, outputGradientBlock, Cut.ValueStride,
                        slot + (head * Cut.HeadState), Cut.ValueLanes, row == begin ? null : Ones, queriesAhead.Of(head), queriesAhead.Step(steps));
                    MultiplyRows(
                        rows, shape.ValueWidth, outputGradientBlock, Cut.ValueStride, transposed + (head * Cut.HeadTransposed), Cut.KeyLanes,
                        queryGradientBlock, Cut.KeyStride, outputsAhead, gradientsAhead, head);
                    if (SelfKeys != null)
                    {
                        SelfTerm(keys, values, rows, activatedBlock, outputGradientBlock, queryGradientBlock, selfScratch);
                    }
                    Activations<TSimd, TVector>.StoreProducts(
                        queryGradientBlock, derivativeBlock, Cut.KeyStride, rows, shape.KeyWidth, QueryGradient + keys, shape.KeyRow);
                }
            }
        }

        private readonly void SelfTerm(
            long keys, long values, int rows, float* activatedBlock, float* outputGradientBlock, float* queryGradientBlock, float* selfScratch)
        {
            LinearAttentionShape shape = Cut.Shape;
            float* derivativeBlock = selfScratch;
            float* activatedKeyBlock = derivativeBlock + Cut.KeyBlock;
            float* keyGradientBlock = activatedKeyBlock + Cut.KeyBlock;
            float* valueBlock = keyGradientBlock + Cut.KeyBlock;
            float* valueGradientBlock = valueBlock + Cut.ValueBlock;
            Activations<TSimd, TVector>.LoadWithDerivatives(
                Options.RowActivation, SelfKeys + keys, shape.KeyRow, rows, shape.KeyWidth, activatedKeyBlock, derivativeBlock, Cut.KeyStride);
            RowBlocks<T, TSimd, TVector>.Load(SelfValues + values, shape.ValueRow, rows, shape.ValueWidth, valueBlock, Cut.ValueStride);
            for (int row = 0; row < rows; row++)
            {
                long keyRow = (long)row * Cut.KeyStride;
                long valueRow = (long)row * Cut.ValueStride;
                float weight = PaddedRows<TSimd, TVector>.Dot(activatedBlock + keyRow, activatedKeyBlock + keyRow, Cut.KeyLanes);
                float weightGradient = PaddedRows<TSimd, TVector>.Dot(outputGradientBlock + valueRow, valueBlock + valueRow, Cut.ValueLanes);
                PaddedRows<TSimd, TVector>.AddScaled(queryGradientBlock + keyRow, weightGradient, activatedKeyBlock + keyRow, Cut.KeyLanes);
                PaddedRows<TSimd, TVector>.Scale(keyGradientBlock + keyRow, weightGradient, activatedBlock + keyRow, Cut.KeyLanes);
                PaddedRows<TSimd, TVector>.Scale(valueGradientBlock + valueRow, weight, outputGradientBlock + valueRow, Cut.ValueLanes);
            }
            Activations<TSimd, TVector>.StoreProducts(keyGradientBlock, derivativeBlock, Cut.KeyStride, rows, shape.KeyWidth, SelfKeyGradient + keys, shape.KeyRow);
            RowBlocks<T, TSimd, TVector>.Store(valueGradientBlock, Cut.ValueStride, rows, shape.ValueWidth, SelfValueGradient + values, shape.ValueRow);
        }
    }

    /// <summary><c>dM += dP * s * phi2'(s M)</c> for one segment and head.</summary>
    private struct AddStateGradientWork : IParallelWork
    {
        public LinearAttentionPieces Cut;
        public LinearAttentionOptions Options;
        public float* Slots;
        public float* State;
        public float* StateGradient;

        public readonly void Execute(int item, int thread)
        {
            int segment = item / Cut.Shape.Heads;
            int first = Cut.Pieces.First(segment);
            int end = Cut.Pieces.First(segment + 1);
            if (first == end)
            {
                return;
            }
            float* total = AddInOrder(Cut, Slots, first, end, item % Cut.Shape.Heads);
            int width = Cut.Shape.ValueWidth;
            for (int i = 0; i < Cut.Shape.KeyWidth; i++, total += Cut.ValueLanes)
            {
                long row = (((long)item * Cut.Shape.KeyWidth) + i) * width;
                Activations<TSimd, TVector>.AddScaledDerivative(Options.StateActivation, Options.StateScale, State + row, total, StateGradient + row, width);
            }
        }
    }
}
