namespace LongSeqKernels.Portable;

/// <summary>
/// Cross attention forward in two barrier-free bodies: <see cref="Partial"/> for one (row, split), then <see cref="Merge"/> for one row. Keys are
/// summed in blocks of <see cref="KeyBlock"/>, blocks within a split, splits in their order: three levels keep fp32 sums exact enough at a million keys.
/// </summary>
public static class CrossAttentionBodies
{
    /// <summary>Keys whose logits are held at once: the scratch that one work item needs.</summary>
    public const int KeyBlock = 64;

    /// <summary>Leaves the state (unnormalised accumulator, maximum, sum) of one row over one split of its visible history.</summary>
    /// <param name="parameters">The scalars.</param>
    /// <param name="targetOffsets"><c>[segments + 1]</c>.</param>
    /// <param name="historyOffsets"><c>[segments + 1]</c>.</param>
    /// <param name="limits"><c>[T]</c> or empty.</param>
    /// <param name="queries"><c>[T, nq, H, dh]</c>, or <c>[M, nq, H, dh]</c>.</param>
    /// <param name="keys"><c>[L, Hkv, dh]</c>, in their storage type or as an <see cref="EncodedRowsView{TBytes, TFloats}"/>.</param>
    /// <param name="values"><c>[L, Hkv, dh]</c>; the keys for shared history.</param>
    /// <param name="keyBias"><c>[L]</c> or empty.</param>
    /// <param name="states"><c>[slots, dh + 2]</c>, result.</param>
    /// <param name="scratch"><c>[KeyBlock]</c> at <paramref name="scratchStart"/>, this item's own.</param>
    /// <param name="scratchStart">Where this item's scratch starts.</param>
    /// <param name="row">Row (target, query, head).</param>
    /// <param name="split">Split of the row's history.</param>
    /// <param name="splits">Splits of every row.</param>
    /// <param name="slot">Where the state goes.</param>
    public static void Partial<TInput, THistory, TFloats, TIndices, TScratch>(
        CrossAttentionParameters parameters,
        TIndices targetOffsets,
        TIndices historyOffsets,
        TIndices limits,
        TInput queries,
        THistory keys,
        THistory values,
        TFloats keyBias,
        TScratch states,
        TScratch scratch,
        long scratchStart,
        long row,
        int split,
        int splits,
        long slot)
        where TInput : struct, IReadView, allows ref struct
        where THistory : struct, IReadView, allows ref struct
        where TFloats : struct, IReadView, allows ref struct
        where TIndices : struct, IIndexView, allows ref struct
        where TScratch : struct, IReadWriteView, allows ref struct
    {
        CrossAttentionRow at = CrossAttentionRow.Locate(parameters, targetOffsets, historyOffsets, limits, row);
        int width = parameters.HeadWidth;
        int stride = parameters.KeyValueHeads * width;
        long state = slot * parameters.StateWidth;
        for (int d = 0; d < width; d++)
        {
            states.Set(state + d, 0f);
        }
        long chunk = (at.Visible + splits - 1) / splits;
        long begin = at.HistoryStart + (split * chunk);
        long end = Math.Min(begin + chunk, at.HistoryStart + at.Visible);
        bool softmax = parameters.Score == AttentionScore.Softmax;
        float factor = parameters.ScoreFactor(at.Visible);
        float maximum = softmax ? float.NegativeInfinity : 0f;
        float sum = 0f;
        for (long block = begin; block < end; block += KeyBlock)
        {
            int count = (int)Math.Min(KeyBlock, end - block);
            float blockMaximum = maximum;
            for (int j = 0; j < count; j++)
            {
                long key = block + j;
                float logit = parameters.Cap(parameters.Scale * BodyMath.Dot(queries, at.QueryStart, keys, (key * stride) + at.KeyColumn, width));
                if (keyBias.Length != 0)
                {
                    logit += keyBias.Get(key);
                }
                scratch.Set(scratchStart + j, logit);
                blockMaximum = MathF.Max(blockMaximum, logit);
            }
            float correction = 1f;
            if (softmax)
            {
                if (blockMaximum == float.NegativeInfinity)
                {
                    continue; // every key so far is masked by a bias of -infinity
                }
                correction = MathF.Exp(maximum - blockMaximum);
                maximum = blockMaximum;
            }
            float blockSum = 0f;
            for (int j = 0; j < count; j++)
            {
                float logit = scratch.Get(scratchStart + j);
                float weight = softmax ? MathF.Exp(logit - maximum)
                    : parameters.Score == AttentionScore.Silu ? BodyMath.Silu(logit) * factor
                    : logit * factor;
                scratch.Set(scratchStart + j, weight);
                blockSum += weight;
            }
            sum = (sum * correction) + blockSum;
            for (int d = 0; d < width; d++)
            {
                float blockValue = 0f;
                for (int j = 0; j < count; j++)
                {
                    blockValue += scratch.Get(scratchStart + j) * values.Get(((block + j) * stride) + at.KeyColumn + d);
                }
                states.Set(state + d, (states.Get(state + d) * correction) + blockValue);
            }
        }
        states.Set(state + width, maximum);
        states.Set(state + width + 1, sum);
    }

    /// <summary>Merges the states of one row's splits in their order and stores its output and LSE.</summary>
    /// <param name="parameters">The scalars.</param>
    /// <param name="states"><c>[slots, dh + 2]</c>.</param>
    /// <param name="output"><c>[T, nq, H, dh]</c>, result.</param>
    /// <param name="logSumExp"><c>[T, nq, H]</c>, result, or empty.</param>
    /// <param name="row">Row (target, query, head).</param>
    /// <param name="splits">Splits of every row.</param>
    /// <param name="slot">Slot of the row's first split.</param>
    public static void Merge<TScratch, TOutput, TFloats>(
        CrossAttentionParameters parameters, TScratch states, TOutput output, TFloats logSumExp, long row, int splits, long slot)
        where TScratch : struct, IReadWriteView, allows ref struct
        where TOutput : struct, IReadWriteView, allows ref struct
        where TFloats : struct, IReadWriteView, allows ref struct
    {
        int width = parameters.HeadWidth;
        bool softmax = parameters.Score == AttentionScore.Softmax;
        float maximum = float.NegativeInfinity;
        for (int s = 0; s < splits; s++)
        {
            maximum = MathF.Max(maximum, states.Get(((slot + s) * parameters.StateWidth) + width));
        }
        float sum = 0f;
        for (int s = 0; s < splits; s++)
        {
            long state = (slot + s) * parameters.StateWidth;
            float weight = softmax && maximum != float.NegativeInfinity ? MathF.Exp(states.Get(state + width) - maximum) : 1f;
            sum += weight * states.Get(state + width + 1);
            states.Set(state + width, weight);
        }
        bool empty = softmax && maximum == float.NegativeInfinity;
        float normaliser = softmax && !empty ? 1f / sum : 1f;
        for (int d = 0; d < width; d++)
        {
            float value = 0f;
            for (int s = 0; s < splits; s++)
            {
                long state = (slot + s) * parameters.StateWidth;
                value += states.Get(state + width) * states.Get(state + d);
            }
            output.Set((row * width) + d, value * normaliser);
        }
        if (logSumExp.Length != 0)
        {
            logSumExp.Set(row, empty ? float.NegativeInfinity : maximum + MathF.Log(sum));
        }
    }
}
