namespace LongSeqKernels;

// One or two rows per head: all heads of a block of keys at a time, so that memory is read in one stream.
internal readonly unsafe partial struct AttentionWork<TSimd, TVector, T, TOutput>
{
    private void AttendThin(in AttentionCell cell, Units units, long start, long end, in AttentionScratch scratch, float* memory)
    {
        float* states = memory + scratch.States;
        for (int unit = 0; unit < units.Heads * units.Tiles; unit++)
        {
            AttentionState<TSimd, TVector>.Clear(states + (unit * cell.UnitFloats), 1, _width, valuesToo: true);
        }
        nint stride = (nint)_shape.KeyValueHeads * _width;
        for (long block = start; block < end; block += cell.KeyBlock)
        {
            int keys = (int)Math.Min(cell.KeyBlock, end - block);
            byte* values = (byte*)(_values + KeyOffset(cell, units.Head, block));
            byte* nextKeys = (byte*)(_keys + KeyOffset(cell, units.Head, block + keys));
            long portion = (long)keys * _width * sizeof(T);
            int unit = 0;
            for (int head = 0; head < units.Heads; head++)
            {
                T* key = _keys + KeyOffset(cell, units.Head + head, block);
                for (int row = 0; row < units.Tiles; row++, unit++)
                {
                    // While the keys of a head are used, its share of the block's values is fetched.
                    byte* prefetch = row == 0 ? values + (head * portion) : (byte*)key;
                    float* scores = memory + scratch.Scores + (unit * scratch.ScoreFloats);
                    ThinKernel<TSimd, TVector, T>.Scores(memory + (unit * scratch.QueryFloats), key, stride, keys, _width, scores, prefetch);
                    FinishScores(cell, units.Tile + row, block, keys, scores);
                }
            }
            unit = 0;
            for (int head = 0; head < units.Heads; head++)
            {
                T* value = _values + KeyOffset(cell, units.Head + head, block);
                for (int row = 0; row < units.Tiles; row++, unit++)
                {
                    byte* prefetch = row == 0 ? nextKeys + (head * portion) : (byte*)value;
                    float* state = states + (unit * cell.UnitFloats);
                    float* scores = memory + scratch.Scores + (unit * scratch.ScoreFloats);
                    int laneStride = AttentionState.Stride(1);
                    float factor = _softmax ? ThinKernel<TSimd, TVector, T>.Softmax(scores, Padded(keys), state, state + laneStride) : 1;
                    ThinKernel<TSimd, TVector, T>.AddValues(scores, value, stride, keys, _width, state + (2 * laneStride), factor, prefetch);
                }
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
