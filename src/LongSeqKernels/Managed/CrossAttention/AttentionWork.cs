using System.Numerics.Tensors;

namespace LongSeqKernels;

/// <summary>One forward run: the tensors, the plan, and what a task does. Lives on the caller's stack while the worker pool runs it.</summary>
/// <typeparam name="TSimd">Vectors.</typeparam>
/// <typeparam name="TVector">Their type.</typeparam>
/// <typeparam name="T">Storage type of the queries.</typeparam>
/// <typeparam name="TOutput">Storage type of the output.</typeparam>
/// <typeparam name="THistory">How keys and values are read.</typeparam>
/// <typeparam name="TElement">What is read of them.</typeparam>
internal readonly unsafe partial struct AttentionWork<TSimd, TVector, T, TOutput, THistory, TElement> : IParallelWork
    where TSimd : struct, ISimd<TVector>
    where TVector : struct
    where T : unmanaged
    where TOutput : unmanaged
    where THistory : struct, IHistoryRows<TElement>
    where TElement : unmanaged
{
    private readonly ManagedCrossAttentionPlan _plan;
    private readonly CrossAttentionShape _shape;
    private readonly CrossAttentionOptions _options;
    private readonly T* _queries;
    private readonly THistory _keys;
    private readonly THistory _values;
    private readonly float* _keyBias;
    private readonly TOutput* _output;
    private readonly float* _logSumExp;
    private readonly float* _scratch;
    private readonly float* _slots;
    private readonly int* _pending;
    private readonly int _width;
    private readonly int _group;
    private readonly bool _softmax;

    /// <summary>Factor of the queries, and the unit of logits: softmax works in powers of two.</summary>
    private readonly float _queryFactor;
    private readonly float _logitUnit;

    /// <summary>Collects the pointers of a run; those of absent tensors are null.</summary>
    public AttentionWork(
        CrossAttentionPlan plan,
        ManagedCrossAttentionPlan execution,
        T* queries,
        THistory keys,
        THistory values,
        float* keyBias,
        TOutput* output,
        float* logSumExp,
        float* workspace)
    {
        _plan = execution;
        _shape = plan.Shape;
        _options = plan.Options;
        _queries = queries;
        _keys = keys;
        _values = values;
        _keyBias = keyBias;
        _output = output;
        _logSumExp = logSumExp;
        _pending = (int*)workspace;
        _slots = workspace + execution.CounterFloats;
        _scratch = _slots + execution.SlotFloats;
        _width = plan.Shape.HeadWidth;
        _group = plan.Shape.Heads / plan.Shape.KeyValueHeads;
        _softmax = plan.Options.Score == AttentionScore.Softmax;
        _logitUnit = _softmax ? SimdMath.Log2E : 1;
        _queryFactor = plan.Options.EffectiveScale(plan.Shape) * _logitUnit;
        for (int i = 0; i < execution.Cells.Length; i++)
        {
            _pending[i] = execution.Cells[i].Splits;
        }
    }

    /// <inheritdoc/>
    public void Execute(int item, int thread)
    {
        (int start, int end) = _plan.ItemsOf(item);
        float* scratch = _scratch + (_plan.ScratchFloats * thread);
        for (int i = start; i < end; i++)
        {
            (int cell, int split) = _plan.Items[i];
            RunSplit(_plan.Cells[cell], cell, split, scratch);
        }
    }

    private void RunSplit(in AttentionCell cell, int index, int split, float* memory)
    {
        var scratch = new AttentionScratch(cell, convertsKeys: THistory.AreDecoded || typeof(TElement) != typeof(float));
        float* slot = cell.FirstSlot < 0 ? null : _slots + cell.FirstSlot + (split * cell.SlotFloats);
        (long start, long end) = cell.KeyRange(split);
        for (int head = 0; head < cell.Heads; head += cell.HeadsTogether)
        {
            for (int tile = 0; tile < cell.Tiles; tile += cell.TilesTogether)
            {
                var units = new Units(head, Math.Min(cell.HeadsTogether, cell.Heads - head), tile, Math.Min(cell.TilesTogether, cell.Tiles - tile));
                LoadQueries(cell, units, scratch, memory);
                long run = start;
                do
                {
                    long runEnd = Math.Min(end, run + AttentionPartition.MaxRunKeys);
                    if (cell.Kernel == AttentionKernel.Thin)
                    {
                        AttendThin(cell, units, run, runEnd, scratch, memory);
                    }
                    else
                    {
                        AttendLanes(cell, units, run, runEnd, scratch, memory);
                    }
                    Deposit(cell, units, run == start, slot, scratch, memory);
                    run = runEnd;
                }
                while (run < end);
            }
        }
        if (slot != null && Interlocked.Decrement(ref _pending[index]) == 0)
        {
            MergeSplits(cell, scratch, memory);
        }
    }

    /// <summary>The units' states go to the output, or to the split's slot where they join those of earlier runs.</summary>
    private void Deposit(in AttentionCell cell, Units units, bool first, float* slot, in AttentionScratch scratch, float* memory)
    {
        float* state = memory + scratch.States;
        for (int head = units.Head; head < units.Head + units.Heads; head++)
        {
            for (int tile = units.Tile; tile < units.Tile + units.Tiles; tile++, state += cell.UnitFloats)
            {
                if (slot == null)
                {
                    Finish(cell, head, tile, state, scratch, memory);
                    continue;
                }
                float* kept = slot + (((head * cell.Tiles) + tile) * cell.UnitFloats);
                if (first)
                {
                    Buffer.MemoryCopy(state, kept, cell.UnitFloats * sizeof(float), AttentionState.Floats(LanesOf(cell, tile), _width) * sizeof(float));
                }
                else
                {
                    Join(cell, tile, kept, state, scratch, memory);
                }
            }
        }
    }

    /// <summary>The last split of a cell to finish merges all of them, in order.</summary>
    private void MergeSplits(in AttentionCell cell, in AttentionScratch scratch, float* memory)
    {
        for (int head = 0; head < cell.Heads; head++)
        {
            for (int tile = 0; tile < cell.Tiles; tile++)
            {
                float* state = _slots + cell.FirstSlot + (((head * cell.Tiles) + tile) * cell.UnitFloats);
                for (int split = 1; split < cell.Splits; split++)
                {
                    Join(cell, tile, state, state + (split * cell.SlotFloats), scratch, memory);
                }
                Finish(cell, head, tile, state, scratch, memory);
            }
        }
    }

    private void Join(in AttentionCell cell, int tile, float* into, float* from, in AttentionScratch scratch, float* memory)
    {
        if (_softmax)
        {
            AttentionState<TSimd, TVector>.Fold(into, from, LanesOf(cell, tile), _width, memory + scratch.Factors);
        }
        else
        {
            AttentionState<TSimd, TVector>.Add(into, from, LanesOf(cell, tile), _width);
        }
    }

    /// <summary>Normalises a unit's state and writes its rows and their LSE.</summary>
    private void Finish(in AttentionCell cell, int head, int tile, float* state, in AttentionScratch scratch, float* memory)
    {
        int lanes = LanesOf(cell, tile);
        int rows = RowsOf(cell, tile);
        long row = FirstRowOf(cell, tile);
        int stride = AttentionState.Stride(lanes);
        float* factors = memory + scratch.Factors;
        if (_softmax)
        {
            AttentionState<TSimd, TVector>.InvertSums(state, lanes, factors);
            if (_logSumExp != null)
            {
                WriteLogSumExp(cell, head, row, rows, state, stride, memory + scratch.Limits);
            }
        }
        else
        {
            for (int lane = 0; lane < rows; lane++)
            {
                long visible = VisibleTo(cell, row + lane);
                factors[lane] = visible == 0 ? 0 : 1 / _options.EffectiveDivisor(visible);
            }
        }
        float* values = state + (2 * stride);
        if (lanes == 1)
        {
            Scale(values, factors[0], _output + (RowIndex(cell, head, row) * _width));
            return;
        }
        nint rowStride = RowStride(row, rows);
        if (typeof(TOutput) == typeof(float) && rowStride > 0)
        {
            Panel<TSimd, TVector>.ToRows(values, lanes, factors, _width, rows, (float*)_output + (RowIndex(cell, head, row) * _width), rowStride);
            return;
        }
        float* staged = memory + scratch.Rows;
        Panel<TSimd, TVector>.ToRows(values, lanes, factors, _width, rows, staged, _width);
        for (int lane = 0; lane < rows; lane++)
        {
            Convert(staged + ((nint)lane * _width), _output + (RowIndex(cell, head, row + lane) * _width));
        }
    }

    /// <summary>The LSE of a unit's rows, -infinity for those that have seen no key. Their logarithms need a float of scratch memory each.</summary>
    private void WriteLogSumExp(in AttentionCell cell, int head, long row, int rows, float* state, int stride, float* logarithms)
    {
        TensorPrimitives.Log(new ReadOnlySpan<float>(state + stride, rows), new Span<float>(logarithms, rows));
        float* first = _logSumExp + RowIndex(cell, head, row);
        nint step = RowStride(row, rows) / _width; // an index of its own costs every row three divisions
        for (int lane = 0; lane < rows; lane++)
        {
            float* target = step > 0 ? first + (lane * step) : _logSumExp + RowIndex(cell, head, row + lane);
            *target = (state[lane] * SimdMath.Ln2) + logarithms[lane];
        }
    }

    /// <summary>The queries of the units, scaled, as panels (as rows for the thin kernel).</summary>
    private void LoadQueries(in AttentionCell cell, Units units, in AttentionScratch scratch, float* memory)
    {
        float* target = memory;
        for (int head = units.Head; head < units.Head + units.Heads; head++)
        {
            for (int tile = units.Tile; tile < units.Tile + units.Tiles; tile++, target += scratch.QueryFloats)
            {
                long row = FirstRowOf(cell, tile);
                int rows = RowsOf(cell, tile);
                if (cell.Kernel == AttentionKernel.Thin)
                {
                    T* query = _queries + (QueryIndex(cell, head, row) * _width);
                    for (int x = 0; x < _width; x++)
                    {
                        target[x] = Element<T>.ToSingle(query[x]) * _queryFactor;
                    }
                    continue;
                }
                nint rowStride = RowStride(row, rows);
                if (typeof(T) == typeof(float) && rowStride > 0)
                {
                    float* source = (float*)_queries + (QueryIndex(cell, head, row) * _width);
                    Panel<TSimd, TVector>.FromRows(source, rowStride, rows, _width, _queryFactor, target, LanesOf(cell, tile));
                    continue;
                }
                float* staged = memory + scratch.Rows;
                for (int lane = 0; lane < rows; lane++)
                {
                    SimdMath.Widen<TSimd, TVector, T>(_queries + (QueryIndex(cell, head, row + lane) * _width), staged + ((nint)lane * _width), _width);
                }
                Panel<TSimd, TVector>.FromRows(staged, _width, rows, _width, _queryFactor, target, LanesOf(cell, tile));
            }
        }
    }

    /// <summary>The first row of a unit among the rows of its segment and key/value head.</summary>
    private static long FirstRowOf(in AttentionCell cell, int tile) => cell.FirstRow + ((long)tile * (cell.Kernel == AttentionKernel.Thin ? 1 : AttentionCell.TileRows));

    private static int RowsOf(in AttentionCell cell, int tile) =>
        cell.Kernel == AttentionKernel.Thin ? 1 : Math.Min(AttentionCell.TileRows, cell.Rows - (tile * AttentionCell.TileRows));

    private static int LanesOf(in AttentionCell cell, int tile) => cell.Kernel == AttentionKernel.Thin ? 1 : AttentionCell.LanesFor(RowsOf(cell, tile));

    /// <summary>The row (target, query, head) of the batch, the index of its LSE.</summary>
    private long RowIndex(in AttentionCell cell, int head, long row) =>
        (_shape.Targets.Start(cell.Segment) * _shape.QueriesPerTarget * _shape.Heads) + RowInSegment(cell, head, row);

    /// <summary>The row of the query tensor, which all segments share when queries are broadcast.</summary>
    private long QueryIndex(in AttentionCell cell, int head, long row) =>
        _shape.BroadcastQueries ? RowInSegment(cell, head, row) : RowIndex(cell, head, row);

    private long RowInSegment(in AttentionCell cell, int head, long row) =>
        (row / _group * _shape.Heads) + ((cell.FirstHead + head) * _group) + (row % _group);

    /// <summary>From a row of a tile to the next in memory, in elements; 0 where that is not constant.</summary>
    private nint RowStride(long row, int rows) =>
        _group == 1 ? (nint)_shape.Heads * _width
        : _group == _shape.Heads || (row % _group) + rows <= _group ? _width
        : 0;

    /// <summary>Keys that a row sees.</summary>
    private long VisibleTo(in AttentionCell cell, long row) =>
        _shape.VisibleHistory(cell.Segment, _shape.Targets.Start(cell.Segment) + (row / ((long)_group * _shape.QueriesPerTarget)));

    /// <summary>The row of a key (and of a value) of the segment.</summary>
    private long KeyRow(in AttentionCell cell, int head, long key) =>
        ((_shape.History.Start(cell.Segment) + key) * _shape.KeyValueHeads) + cell.FirstHead + head;

    private void Convert(float* source, TOutput* target) => Scale(source, 1, target);

    /// <summary>Writes one output row.</summary>
    private void Scale(float* source, float factor, TOutput* target)
    {
        TVector scale = TSimd.Create(factor);
        int x = 0;
        for (; x + TSimd.Count <= _width; x += TSimd.Count)
        {
            SimdMath.Store<TSimd, TVector, TOutput>(TSimd.Multiply(TSimd.Load(source + x), scale), target + x);
        }
        for (; x < _width; x++)
        {
            target[x] = Element<TOutput>.FromSingle(source[x] * factor);
        }
    }

    /// <summary>The heads and tiles of a cell that share a pass over its keys.</summary>
    private readonly record struct Units(int Head, int Heads, int Tile, int Tiles);
}
