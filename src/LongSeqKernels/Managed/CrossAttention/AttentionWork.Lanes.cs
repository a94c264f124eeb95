using System.Runtime.CompilerServices;

namespace LongSeqKernels;

// Rows as lanes: a block of keys goes through scores, softmax and values for every tile before the next block is read.
internal readonly unsafe partial struct AttentionWork<TSimd, TVector, T, TOutput, THistory, TElement>
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void AttendLanes(in AttentionCell cell, Units units, long start, long end, in AttentionScratch scratch, float* memory)
    {
        float* states = memory + scratch.States;
        for (int unit = 0; unit < units.Heads * units.Tiles; unit++)
        {
            int tile = units.Tile + (unit % units.Tiles);
            bool seesNothing = VisibleKeys(cell, tile, start, end) == 0;
            AttentionState<TSimd, TVector>.Clear(states + (unit * cell.UnitFloats), LanesOf(cell, tile), _width, valuesToo: seesNothing);
        }
        for (long block = start; block < end; block += cell.KeyBlock)
        {
            int keys = (int)Math.Min(cell.KeyBlock, end - block);
            Ahead ahead = NextBlock(cell, units, block + keys, end);
            float* query = memory;
            float* state = states;
            for (int head = units.Head; head < units.Head + units.Heads; head++)
            {
                nint stride = KeysAndValues(cell, head, block, keys, scratch, memory, out float* key, out float* value);
                for (int tile = units.Tile; tile < units.Tile + units.Tiles; tile++, query += scratch.QueryFloats, state += cell.UnitFloats)
                {
                    int visible = VisibleKeys(cell, tile, block, block + keys);
                    if (visible > 0)
                    {
                        AttendBlock(cell, tile, block, visible, block == start, query, key, value, stride, ahead, state, scratch, memory);
                        ahead = ahead.Advance();
                    }
                }
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void AttendBlock(
        in AttentionCell cell,
        int tile,
        long block,
        int keys,
        bool first,
        float* query,
        float* key,
        float* value,
        nint stride,
        Ahead ahead,
        float* state,
        in AttentionScratch scratch,
        float* memory)
    {
        int lanes = LanesOf(cell, tile);
        float* scores = memory + scratch.Scores;
        float* factors = memory + scratch.Factors;
        RowTile<TSimd, TVector>.Multiply(keys, _width, lanes, key, stride, query, lanes, scores, lanes, OutputMode.Overwrite, ahead.Keys, ahead.Portion / Math.Max(1, RowTile<TSimd, TVector>.PrefetchSteps(keys, _width, lanes)));
        if (_options.SoftCap != 0)
        {
            ScoreBlock<TSimd, TVector>.Cap(scores, (nint)keys * lanes, _options.SoftCap * _logitUnit);
        }
        if (_keyBias != null)
        {
            ScoreBlock<TSimd, TVector>.AddBias(scores, keys, lanes, _keyBias + _shape.History.Start(cell.Segment) + block, _logitUnit);
        }
        if (_options.Score == AttentionScore.Silu)
        {
            ScoreBlock<TSimd, TVector>.Silu(scores, (nint)keys * lanes);
        }
        if (!_shape.HistoryLimits.IsEmpty)
        {
            HideKeys(cell, tile, block, keys, scores, memory + scratch.Limits);
        }
        int laneStride = AttentionState.Stride(lanes);
        if (_softmax)
        {
            ScoreBlock<TSimd, TVector>.Softmax(scores, keys, lanes, state, state + laneStride, factors);
        }
        else
        {
            new Span<float>(factors, lanes).Fill(1);
        }
        ColumnTile<TSimd, TVector>.Multiply(_width, keys, lanes, value, stride, scores, lanes, state + (2 * laneStride), lanes, first ? null : factors, ahead.Values, ahead.Portion / Math.Max(1, ColumnTile<TSimd, TVector>.PrefetchSteps(_width, keys, lanes)));
    }

    /// <summary>Keys and values of a block as fp32: where they are, or converted once for all tiles.</summary>
    /// <returns>From a key (value) to the next, in floats.</returns>
    private nint KeysAndValues(
        in AttentionCell cell, int head, long block, int keys, in AttentionScratch scratch, float* memory, out float* key, out float* value)
    {
        long row = KeyRow(cell, head, block);
        float* keyScratch = memory + scratch.Keys;
        key = AsSingle(_keys, row, keys, keyScratch, out nint stride);
        value = _keys.Address(row) == _values.Address(row) ? key : AsSingle(_values, row, keys, keyScratch + scratch.KeyFloats, out _);
        return stride;
    }

    private float* AsSingle(in THistory history, long first, int count, float* scratch, out nint stride)
    {
        TElement* rows = history.Read(first, count, scratch, null, out stride);
        if (typeof(TElement) == typeof(float))
        {
            return (float*)rows;
        }
        for (int i = 0; i < count; i++)
        {
            SimdMath.Widen<TSimd, TVector, TElement>(rows + (i * stride), scratch + ((nint)i * _width), _width);
        }
        stride = _width;
        return scratch;
    }

    /// <summary>How many of the keys from start to end some row of the tile sees: always the first ones.</summary>
    private int VisibleKeys(in AttentionCell cell, int tile, long start, long end)
    {
        if (_shape.HistoryLimits.IsEmpty)
        {
            return (int)(end - start);
        }
        long visible = 0;
        long row = FirstRowOf(cell, tile);
        for (int lane = 0; lane < RowsOf(cell, tile); lane++)
        {
            visible = Math.Max(visible, VisibleTo(cell, row + lane));
        }
        return (int)Math.Clamp(visible - start, 0, end - start);
    }

    private void HideKeys(in AttentionCell cell, int tile, long block, int keys, float* scores, float* limits)
    {
        int lanes = LanesOf(cell, tile);
        int rows = RowsOf(cell, tile);
        long row = FirstRowOf(cell, tile);
        long fewest = keys;
        for (int lane = 0; lane < lanes; lane++)
        {
            // Lanes without a row see everything: their scores are zeros.
            long visible = lane < rows ? Math.Clamp(VisibleTo(cell, row + lane) - block, 0, keys) : keys;
            limits[lane] = visible;
            fewest = Math.Min(fewest, visible);
        }
        if (fewest < keys)
        {
            ScoreBlock<TSimd, TVector>.Hide(scores, (nint)fewest, keys, lanes, limits, _softmax ? float.NegativeInfinity : 0);
        }
    }

    /// <summary>
    /// What to fetch while a block is at work: the next block, in equal portions for the tiles of all heads. Heads that are not read here would be fetched
    /// in vain, so a cell with some of the heads fetches nothing ahead.
    /// </summary>
    private Ahead NextBlock(in AttentionCell cell, Units units, long next, long end)
    {
        long keys = units.Heads == _shape.KeyValueHeads ? Math.Clamp(end - next, 0, cell.KeyBlock) : 0;
        long row = KeyRow(cell, units.Head, next);
        nint portion = (nint)(keys * _shape.KeyValueHeads * _keys.RowBytes / ((long)units.Heads * units.Tiles));
        return new Ahead(_keys.Address(row), _values.Address(row), portion);
    }

    /// <summary>A portion of the next block's keys and of its values.</summary>
    private readonly struct Ahead(byte* keys, byte* values, nint portion)
    {
        public byte* Keys => keys;

        public byte* Values => values;

        public nint Portion => portion;

        public Ahead Advance() => new(keys + portion, values + portion, portion);
    }
}
