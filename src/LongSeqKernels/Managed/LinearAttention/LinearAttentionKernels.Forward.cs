namespace LongSeqKernels;

/// <inheritdoc cref="LinearAttentionKernels"/>
internal sealed unsafe partial class LinearAttentionKernels<TSimd, TVector>(WorkerPool pool, ScratchPool scratch) : LinearAttentionKernels
    where TSimd : struct, ISimd<TVector>
    where TVector : struct
{
    public override void State<T>(
        LinearAttentionShape shape, LinearAttentionOptions options, JaggedLayout history, ReadOnlySpan<T> keys, ReadOnlySpan<T> values, Span<float> state)
    {
        var cut = new LinearAttentionPieces(shape, history);
        long threadFloats = cut.KeyBlock + cut.ValueBlock;
        using AlignedBuffer buffer = Rent(cut, cut.Pieces.Count * cut.SlotFloats, threadFloats, out float* ones, out float* threads);
        fixed (T* k = keys, v = values)
        fixed (float* m = state)
        {
            var sum = new StateSumWork<T>
            {
                Cut = cut,
                Activation = options.RowActivation,
                Keys = k,
                Values = v,
                Slots = buffer.Floats,
                Ones = ones,
                Scratch = threads,
                ScratchStride = threadFloats,
            };
            pool.Run(ref sum, cut.Pieces.Count);
            var add = new AddSlotsWork { Cut = cut, Slots = buffer.Floats, Target = m };
            pool.Run(ref add, history.Count * shape.Heads);
        }
    }

    public override void Apply<T>(
        LinearAttentionShape shape,
        LinearAttentionOptions options,
        JaggedLayout rows,
        ReadOnlySpan<T> queries,
        ReadOnlySpan<float> state,
        ReadOnlySpan<T> selfKeys,
        ReadOnlySpan<T> selfValues,
        Span<T> output)
    {
        var cut = new LinearAttentionPieces(shape, rows);
        long threadFloats = cut.SlotFloats + (2 * (cut.KeyBlock + cut.ValueBlock));
        using AlignedBuffer buffer = Rent(cut, 0, threadFloats, out _, out float* threads);
        fixed (T* q = queries, k = selfKeys, v = selfValues, o = output)
        fixed (float* m = state)
        {
            var apply = new ApplyWork<T>
            {
                Cut = cut,
                Options = options,
                Queries = q,
                State = m,
                SelfKeys = k,
                SelfValues = v,
                Output = o,
                Scratch = threads,
                ScratchStride = threadFloats,
            };
            pool.Run(ref apply, cut.Pieces.Count);
        }
    }

    /// <summary>Slots, a row of ones as long as a value row, scratch of every thread.</summary>
    private AlignedBuffer Rent(LinearAttentionPieces cut, long slotFloats, long threadFloats, out float* ones, out float* threads)
    {
        AlignedBuffer buffer = scratch.Rent(sizeof(float) * (slotFloats + cut.ValueLanes + (pool.ThreadsFor(cut.Pieces.Count) * threadFloats)));
        ones = buffer.Floats + slotFloats;
        threads = ones + cut.ValueLanes;
        new Span<float>(ones, cut.ValueLanes).Fill(1f);
        return buffer;
    }

    /// <summary>Sums <c>phi1(K)^T V</c> of one piece, all heads. Blocks are summed by themselves and then added: an fp32 sum of two levels.</summary>
    private struct StateSumWork<T> : IParallelWork
        where T : unmanaged
    {
        public LinearAttentionPieces Cut;
        public LinearActivation Activation;
        public T* Keys;
        public T* Values;
        public float* Slots;
        public float* Ones;
        public float* Scratch;
        public long ScratchStride;

        public readonly void Execute(int item, int thread)
        {
            LinearAttentionShape shape = Cut.Shape;
            float* keyBlock = Scratch + (thread * ScratchStride);
            float* valueBlock = keyBlock + Cut.KeyBlock;
            float* slot = Slots + (item * Cut.SlotFloats);
            (long begin, long end) = Cut.Pieces.Rows(item, Cut.Pieces.SegmentOf(item));
            for (long row = begin; row < end; row += LinearAttentionPieces.BlockRows)
            {
                int rows = (int)Math.Min(LinearAttentionPieces.BlockRows, end - row);
                T* keys = Keys + (row * shape.KeyRow);
                T* values = Values + (row * shape.ValueRow);
                PrefetchPlan keysAhead = Ahead(keys, rows, shape.KeyRow, shape.Heads);
                PrefetchPlan valuesAhead = Ahead(values, rows, shape.ValueRow, shape.Heads);
                for (int head = 0; head < shape.Heads; head++)
                {
                    Activations<TSimd, TVector>.Load(
                        Activation, keys + (head * shape.KeyWidth), shape.KeyRow, rows, shape.KeyWidth, keyBlock, Cut.KeyStride);
                    RowBlocks<T, TSimd, TVector>.Load(values + (head * shape.ValueWidth), shape.ValueRow, rows, shape.ValueWidth, valueBlock, Cut.ValueStride);
                    Accumulate(keyBlock, valueBlock, rows, slot + (head * Cut.HeadState), row == begin ? null : Ones, keysAhead, valuesAhead, head);
                }
            }
        }

        /// <summary>Half of the product asks for the next block's keys, the other half for its values: one stream of addresses each.</summary>
        private readonly void Accumulate(
            float* keyBlock, float* valueBlock, int rows, float* sums, float* factors, PrefetchPlan keysAhead, PrefetchPlan valuesAhead, int head)
        {
            int columns = Cut.Shape.KeyWidth;
            int half = columns / 16 * 8;
            if (half > 0)
            {
                ColumnTile<TSimd, TVector>.Multiply(
                    half, rows, Cut.ValueLanes, keyBlock, Cut.KeyStride, valueBlock, Cut.ValueStride, sums, Cut.ValueLanes, factors,
                    keysAhead.Of(head), keysAhead.Step(Steps(half, rows)));
            }
            ColumnTile<TSimd, TVector>.Multiply(
                columns - half, rows, Cut.ValueLanes, keyBlock + half, Cut.KeyStride, valueBlock, Cut.ValueStride, sums + ((long)half * Cut.ValueLanes),
                Cut.ValueLanes, factors, valuesAhead.Of(head), valuesAhead.Step(Steps(columns - half, rows)));
        }

        /// <summary>Innermost steps of a product, about.</summary>
        private readonly long Steps(int columns, int rows) => Math.Max(1, (long)(columns / 8) * (Cut.ValueLanes / (2 * TSimd.Count)) * rows);
    }

    /// <summary>Adds the slots of one segment and head, in order, to its state.</summary>
    private struct AddSlotsWork : IParallelWork
    {
        public LinearAttentionPieces Cut;
        public float* Slots;

        /// <summary><c>[segments, H, dk, dv]</c>.</summary>
        public float* Target;

        public readonly void Execute(int item, int thread)
        {
            int segment = item / Cut.Shape.Heads;
            int first = Cut.Pieces.First(segment);
            int end = Cut.Pieces.First(segment + 1);
            if (first < end)
            {
                float* total = AddInOrder(Cut, Slots, first, end, item % Cut.Shape.Heads);
                int width = Cut.Shape.ValueWidth;
                for (int i = 0; i < Cut.Shape.KeyWidth; i++)
                {
                    Parameters.Accumulate(Target + (((long)item * Cut.Shape.KeyWidth) + i) * width, total + ((long)i * Cut.ValueLanes), width);
                }
            }
        }
    }

    /// <summary>Adds one head's sums of a range of slots into the first of them.</summary>
    private static float* AddInOrder(LinearAttentionPieces cut, float* slots, int first, int end, int head)
    {
        float* total = slots + (first * cut.SlotFloats) + (head * cut.HeadState);
        for (int piece = first + 1; piece < end; piece++)
        {
            Parameters.Accumulate(total, slots + (piece * cut.SlotFloats) + (head * cut.HeadState), checked((int)cut.HeadState));
        }
        return total;
    }

    /// <summary>The memory of the block of rows that follows <paramref name="rows"/> rows, asked for head by head.</summary>
    private static PrefetchPlan Ahead<T>(T* block, int rows, int row, int heads)
        where T : unmanaged =>
        new((byte*)(block + ((long)rows * row)), (long)rows * row * sizeof(T), heads);

    /// <summary>
    /// Multiplies a block of rows of one head with a padded matrix. Half of the product asks for one stream of addresses, the other half for another: what is read
    /// and what is written next.
    /// </summary>
    private static void MultiplyRows(
        int rows, int depth, float* a, int strideA, float* matrix, int lanes, float* c, int strideC, PrefetchPlan first, PrefetchPlan second, int head)
    {
        int half = rows / 12 * 6;
        RowTile<TSimd, TVector>.Multiply(
            half, depth, lanes, a, strideA, matrix, lanes, c, strideC, OutputMode.Overwrite, first.Of(head), first.Step(RowSteps(half, depth, lanes)));
        RowTile<TSimd, TVector>.Multiply(
            rows - half, depth, lanes, a + ((long)half * strideA), strideA, matrix, lanes, c + ((long)half * strideC), strideC, OutputMode.Overwrite,
            second.Of(head), second.Step(RowSteps(rows - half, depth, lanes)));
    }

    private static long RowSteps(int rows, int depth, int lanes) => Math.Max(1, RowTile<TSimd, TVector>.PrefetchSteps(rows, depth, lanes));

    /// <summary>phi2(s M) of all heads of one segment, padded.</summary>
    private static void ReadState(LinearAttentionPieces cut, LinearAttentionOptions options, float* state, int segment, float* target)
    {
        LinearAttentionShape shape = cut.Shape;
        float* source = state + ((long)segment * shape.State);
        for (long row = 0; row < (long)shape.Heads * shape.KeyWidth; row++, source += shape.ValueWidth, target += cut.ValueLanes)
        {
            Activations<TSimd, TVector>.ApplyScaled(options.StateActivation, options.StateScale, source, target, shape.ValueWidth);
            new Span<float>(target + shape.ValueWidth, cut.ValueLanes - shape.ValueWidth).Clear();
        }
    }

    /// <summary><c>phi1(Q) phi2(s M)</c> and the self term for one piece, all heads.</summary>
    private struct ApplyWork<T> : IParallelWork
        where T : unmanaged
    {
        public LinearAttentionPieces Cut;
        public LinearAttentionOptions Options;
        public T* Queries;
        public float* State;

        /// <summary>Null without self term, as are the self values.</summary>
        public T* SelfKeys;
        public T* SelfValues;
        public T* Output;
        public float* Scratch;
        public long ScratchStride;

        public readonly void Execute(int item, int thread)
        {
            LinearAttentionShape shape = Cut.Shape;
            float* read = Scratch + (thread * ScratchStride);
            float* queryBlock = read + Cut.SlotFloats;
            float* selfKeyBlock = queryBlock + Cut.KeyBlock;
            float* outputBlock = selfKeyBlock + Cut.KeyBlock;
            float* selfValueBlock = outputBlock + Cut.ValueBlock;
            bool inPlace = Cut.ProducesRows<T>() && SelfKeys == null;
            int segment = Cut.Pieces.SegmentOf(item);
            ReadState(Cut, Options, State, segment, read);
            (long begin, long end) = Cut.Pieces.Rows(item, segment);
            for (long row = begin; row < end; row += LinearAttentionPieces.BlockRows)
            {
                int rows = (int)Math.Min(LinearAttentionPieces.BlockRows, end - row);
                T* queries = Queries + (row * shape.KeyRow);
                PrefetchPlan queriesAhead = Ahead(queries, rows, shape.KeyRow, shape.Heads);
                PrefetchPlan outputAhead = Ahead(Output + (row * shape.ValueRow), rows, shape.ValueRow, shape.Heads);
                for (int head = 0; head < shape.Heads; head++)
                {
                    long values = (row * shape.ValueRow) + (head * shape.ValueWidth);
                    float* result = inPlace ? (float*)(Output + values) : outputBlock;
                    Activations<TSimd, TVector>.Load(
                        Options.RowActivation, queries + (head * shape.KeyWidth), shape.KeyRow, rows, shape.KeyWidth, queryBlock, Cut.KeyStride);
                    MultiplyRows(
                        rows, shape.KeyWidth, queryBlock, Cut.KeyStride, read + (head * Cut.HeadState), Cut.ValueLanes, result,
                        inPlace ? shape.ValueRow : Cut.ValueStride, queriesAhead, outputAhead, head);
                    if (SelfKeys != null)
                    {
                        long keys = (row * shape.KeyRow) + (head * shape.KeyWidth);
                        Activations<TSimd, TVector>.Load(
                            Options.RowActivation, SelfKeys + keys, shape.KeyRow, rows, shape.KeyWidth, selfKeyBlock, Cut.KeyStride);
                        RowBlocks<T, TSimd, TVector>.Load(SelfValues + values, shape.ValueRow, rows, shape.ValueWidth, selfValueBlock, Cut.ValueStride);
                        AddSelfTerm(rows, queryBlock, selfKeyBlock, selfValueBlock, outputBlock);
                    }
                    if (!inPlace)
                    {
                        RowBlocks<T, TSimd, TVector>.Store(outputBlock, Cut.ValueStride, rows, shape.ValueWidth, Output + values, shape.ValueRow);
                    }
                }
            }
        }

        private readonly void AddSelfTerm(int rows, float* queryBlock, float* selfKeyBlock, float* selfValueBlock, float* outputBlock)
        {
            for (int row = 0; row < rows; row++)
            {
                float weight = PaddedRows<TSimd, TVector>.Dot(queryBlock + (row * Cut.KeyStride), selfKeyBlock + (row * Cut.KeyStride), Cut.KeyLanes);
                PaddedRows<TSimd, TVector>.AddScaled(outputBlock + (row * Cut.ValueStride), weight, selfValueBlock + (row * Cut.ValueStride), Cut.ValueLanes);
            }
        }
    }
}
