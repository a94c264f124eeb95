using System.Runtime.CompilerServices;

namespace LongSeqKernels;

// Few rows per head: all heads of a block of keys at a time, so that memory is read in one stream.
internal readonly unsafe partial struct AttentionWork<TSimd, TVector, T, TOutput, THistory, TElement>
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void AttendThin(in AttentionCell cell, Units units, long start, long end, in AttentionScratch scratch, float* memory)
    {
        float* states = memory + scratch.States;
        for (int unit = 0; unit < units.Heads * units.Tiles; unit++)
        {
            AttentionState<TSimd, TVector>.Clear(states + (unit * cell.UnitFloats), 1, _width, valuesToo: true);
        }
        long historyBytes = 2 * _shape.History.Total * _shape.KeyValueHeads * _keys.RowBytes;
        bool quads = !THistory.AreDecoded && ThinQuadKernel<TSimd, TVector, TElement>.Serves(units.Heads, units.Tiles, _width, historyBytes);
        for (long block = start; block < end; block += cell.KeyBlock)
        {
            int keys = (int)Math.Min(cell.KeyBlock, end - block);
            if (quads)
            {
                ScoreQuads(cell, units, block, keys, scratch, memory);
            }
            else
            {
                ScoreGroups(cell, units, block, keys, scratch, memory);
            }
            for (int unit = 0; unit < units.Heads * units.Tiles; unit++)
            {
                float* scores = memory + scratch.Scores + (unit * scratch.ScoreFloats);
                float* state = states + (unit * cell.UnitFloats);
                FinishScores(cell, units.Tile + (unit % units.Tiles), block, keys, scores);
                memory[scratch.Factors + unit] =
                    _softmax ? ThinKernel<TSimd, TVector, TElement>.Softmax(scores, Padded(keys), state, state + AttentionState.Stride(1)) : 1;
            }
            if (quads)
            {
                AddQuads(cell, units, block, keys, scratch, memory);
            }
            else
            {
                AddGroups(cell, units, block, keys, scratch, memory);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void ScoreQuads(in AttentionCell cell, Units units, long block, int keys, in AttentionScratch scratch, float* memory)
    {
        int together = ThinQuadKernel<TSimd, TVector, TElement>.Heads;
        float* query = memory;
        float* scores = memory + scratch.Scores;
        for (int head = units.Head; head < units.Head + units.Heads; head += together)
        {
            long row = KeyRow(cell, head, block);
            TElement* key = _keys.Read(row, keys, null, null, out nint stride);
            ThinQuadKernel<TSimd, TVector, TElement>.Scores(query, key, stride, keys, scores, (nint)scratch.ScoreFloats, (TElement*)_values.Address(row));
            query += together * scratch.QueryFloats;
            scores += together * scratch.ScoreFloats;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void AddQuads(in AttentionCell cell, Units units, long block, int keys, in AttentionScratch scratch, float* memory)
    {
        int together = ThinQuadKernel<TSimd, TVector, TElement>.Heads;
        float* factors = memory + scratch.Factors;
        float* sums = memory + scratch.States + (2 * AttentionState.Stride(1));
        float* weights = memory + scratch.Scores;
        for (int head = units.Head; head < units.Head + units.Heads; head += together, factors += together)
        {
            long row = KeyRow(cell, head, block);
            TElement* value = _values.Read(row, keys, null, null, out nint stride);
            var next = (TElement*)_keys.Address(KeyRow(cell, head, block + keys));
            ThinQuadKernel<TSimd, TVector, TElement>.AddValues(weights, (nint)scratch.ScoreFloats, value, stride, keys, sums, (nint)cell.UnitFloats, factors, next);
            sums += together * cell.UnitFloats;
            weights += together * scratch.ScoreFloats;
        }
    }

    /// <summary>Each group fetches the one that is read next: keys, then the values of the same block, then the next keys.</summary>
    private void ScoreGroups(in AttentionCell cell, Units units, long block, int keys, in AttentionScratch scratch, float* memory)
    {
        for (int group = 0; group < keys; group += cell.FetchKeys)
        {
            int next = group + cell.FetchKeys;
            byte* ahead = next < keys ? _keys.Address(KeyRow(cell, units.Head, block + next)) : _values.Address(KeyRow(cell, units.Head, block));
            ScoreGroup(cell, units, block, group, Math.Min(cell.FetchKeys, keys - group), ahead, scratch, memory);
        }
    }

    private void AddGroups(in AttentionCell cell, Units units, long block, int keys, in AttentionScratch scratch, float* memory)
    {
        for (int group = 0; group < keys; group += cell.FetchKeys)
        {
            int next = group + cell.FetchKeys;
            byte* ahead = next < keys ? _values.Address(KeyRow(cell, units.Head, block + next)) : _keys.Address(KeyRow(cell, units.Head, block + keys));
            AddGroup(cell, units, block, group, Math.Min(cell.FetchKeys, keys - group), ahead, scratch, memory);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void ScoreGroup(in AttentionCell cell, Units units, long block, int group, int keys, byte* ahead, in AttentionScratch scratch, float* memory)
    {
        nint portion = (nint)keys * _keys.RowBytes;
        long first = KeyRow(cell, units.Head, block + group);
        float* query = memory;
        float* scores = memory + scratch.Scores + group;
        for (int head = 0; head < units.Heads; head++, ahead += portion)
        {
            TElement* key = _keys.Read(first + head, keys, memory + scratch.Keys, ahead, out nint stride);
            byte* prefetch = THistory.AreDecoded ? (byte*)key : ahead;
            for (int row = 0; row < units.Tiles; row++, query += scratch.QueryFloats, scores += scratch.ScoreFloats, prefetch = (byte*)key)
            {
                ThinKernel<TSimd, TVector, TElement>.Scores(query, key, stride, keys, _width, scores, prefetch);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void AddGroup(in AttentionCell cell, Units units, long block, int group, int keys, byte* ahead, in AttentionScratch scratch, float* memory)
    {
        nint portion = (nint)keys * _values.RowBytes;
        long first = KeyRow(cell, units.Head, block + group);
        float* factor = memory + scratch.Factors;
        float* sums = memory + scratch.States + (2 * AttentionState.Stride(1));
        float* weights = memory + scratch.Scores + group;
        for (int head = 0; head < units.Heads; head++, ahead += portion)
        {
            TElement* value = _values.Read(first + head, keys, memory + scratch.Keys, ahead, out nint stride);
            byte* prefetch = THistory.AreDecoded ? (byte*)value : ahead;
            for (int row = 0; row < units.Tiles; row++, sums += cell.UnitFloats, weights += scratch.ScoreFloats, factor++, prefetch = (byte*)value)
            {
                ThinKernel<TSimd, TVector, TElement>.AddValues(weights, value, stride, keys, _width, sums, group == 0 ? *factor : 1, prefetch);
            }
        }
    }

    /// <summary>Cap, bias, score function and limit of one row's scores; the scores of keys that are hidden or not there become those of no key.</summary>
    private void FinishScores(in AttentionCell cell, int row, long block, int keys, float* scores)
    {
        float hidden = _softmax ? float.NegativeInfinity : 0;
        int padded = Padded(keys);
        for (int i = keys; i < padded; i++)
        {
            scores[i] = hidden;
        }
        if (_options.SoftCap != 0)
        {
            ScoreBlock<TSimd, TVector>.Cap(scores, padded, _options.SoftCap * _logitUnit);
        }
        if (_keyBias != null)
        {
            float* bias = _keyBias + _shape.History.Start(cell.Segment) + block;
            for (int i = 0; i < keys; i++)
            {
                scores[i] += bias[i] * _logitUnit;
            }
        }
        if (_options.Score == AttentionScore.Silu)
        {
            ScoreBlock<TSimd, TVector>.Silu(scores, padded);
        }
        int visible = _shape.HistoryLimits.IsEmpty ? keys : (int)Math.Clamp(VisibleTo(cell, FirstRowOf(cell, row)) - block, 0, keys);
        // The cap turns -infinity into a number, so what is not there is hidden last.
        for (int i = visible; i < padded; i++)
        {
            scores[i] = hidden;
        }
    }

    private static int Padded(int keys) => (keys + 15) / 16 * 16;
}
