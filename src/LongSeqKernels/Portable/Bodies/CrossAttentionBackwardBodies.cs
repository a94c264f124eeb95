namespace LongSeqKernels.Portable;

/// <summary>
/// Cross attention backward in barrier-free bodies without atomics: <see cref="RowTerm"/> for one row, then <see cref="QueryGradient"/> for one query
/// row and <see cref="HistoryGradient"/> for one history row. Weights are recomputed from the LSE.
/// </summary>
public static class CrossAttentionBackwardBodies
{
    /// <summary>Softmax only: <c>dO . O - dLSE</c> of one row, the term that all its keys subtract.</summary>
    /// <param name="parameters">The scalars.</param>
    /// <param name="output"><c>[T, nq, H, dh]</c>.</param>
    /// <param name="outputGradient"><c>[T, nq, H, dh]</c>.</param>
    /// <param name="logSumExpGradient"><c>[T, nq, H]</c> or empty.</param>
    /// <param name="rowTerms"><c>[T, nq, H]</c>, result.</param>
    /// <param name="row">Row (target, query, head).</param>
    public static void RowTerm<TInput, TFloats, TScratch>(
        CrossAttentionParameters parameters, TInput output, TInput outputGradient, TFloats logSumExpGradient, TScratch rowTerms, long row)
        where TInput : struct, IReadView, allows ref struct
        where TFloats : struct, IReadView, allows ref struct
        where TScratch : struct, IReadWriteView, allows ref struct
    {
        int width = parameters.HeadWidth;
        float term = BodyMath.Dot(output, row * width, outputGradient, row * width, width);
        rowTerms.Set(row, logSumExpGradient.Length == 0 ? term : term - logSumExpGradient.Get(row));
    }

    /// <summary>The gradient of one query row: the sum of <c>dx_j k_j</c> over its keys, and over the segments when queries are broadcast.</summary>
    /// <param name="parameters">The scalars.</param>
    /// <param name="targetOffsets"><c>[segments + 1]</c>.</param>
    /// <param name="historyOffsets"><c>[segments + 1]</c>.</param>
    /// <param name="limits"><c>[T]</c> or empty.</param>
    /// <param name="queries"><c>[T, nq, H, dh]</c>, or <c>[M, nq, H, dh]</c>.</param>
    /// <param name="keys"><c>[L, Hkv, dh]</c>.</param>
    /// <param name="values"><c>[L, Hkv, dh]</c>; the keys for shared history.</param>
    /// <param name="keyBias"><c>[L]</c> or empty.</param>
    /// <param name="logSumExp"><c>[T, nq, H]</c>, softmax only.</param>
    /// <param name="rowTerms"><c>[T, nq, H]</c> from <see cref="RowTerm"/>, softmax only.</param>
    /// <param name="outputGradient"><c>[T, nq, H, dh]</c>.</param>
    /// <param name="queryGradient">As the queries, result.</param>
    /// <param name="scratch"><c>[dh + KeyBlock]</c> at <paramref name="scratchStart"/>, this item's own.</param>
    /// <param name="scratchStart">Where this item's scratch starts.</param>
    /// <param name="queryRow">Row (query target, query, head).</param>
    public static void QueryGradient<TInput, TFloats, TIndices, TOutput, TScratch>(
        CrossAttentionParameters parameters,
        TIndices targetOffsets,
        TIndices historyOffsets,
        TIndices limits,
        TInput queries,
        TInput keys,
        TInput values,
        TFloats keyBias,
        TFloats logSumExp,
        TScratch rowTerms,
        TInput outputGradient,
        TOutput queryGradient,
        TScratch scratch,
        long scratchStart,
        long queryRow)
        where TInput : struct, IReadView, allows ref struct
        where TFloats : struct, IReadView, allows ref struct
        where TIndices : struct, IIndexView, allows ref struct
        where TOutput : struct, IReadWriteView, allows ref struct
        where TScratch : struct, IReadWriteView, allows ref struct
    {
        int width = parameters.HeadWidth;
        int stride = parameters.KeyValueHeads * width;
        long slopes = scratchStart + width;
        for (int d = 0; d < width; d++)
        {
            scratch.Set(scratchStart + d, 0f);
        }
        long rowsPerSegment = parameters.BroadcastTargets * parameters.QueriesPerTarget * parameters.Heads;
        long uses = parameters.BroadcastTargets == 0 ? 1 : targetOffsets.Length - 1;
        for (long use = 0; use < uses; use++)
        {
            long row = queryRow + (use * rowsPerSegment);
            CrossAttentionRow at = CrossAttentionRow.Locate(parameters, targetOffsets, historyOffsets, limits, row);
            for (long block = 0; block < at.Visible; block += CrossAttentionBodies.KeyBlock)
            {
                int count = (int)Math.Min(CrossAttentionBodies.KeyBlock, at.Visible - block);
                for (int j = 0; j < count; j++)
                {
                    long key = at.HistoryStart + block + j;
                    KeyTerms terms = KeyTerms.Of(
                        parameters, at, queries, keys, values, keyBias, logSumExp, rowTerms, outputGradient, row, key);
                    scratch.Set(slopes + j, terms.ProductGradient);
                }
                for (int d = 0; d < width; d++)
                {
                    float sum = 0f;
                    for (int j = 0; j < count; j++)
                    {
                        sum += scratch.Get(slopes + j) * keys.Get(((at.HistoryStart + block + j) * stride) + at.KeyColumn + d);
                    }
                    scratch.Set(scratchStart + d, scratch.Get(scratchStart + d) + sum);
                }
            }
        }
        for (int d = 0; d < width; d++)
        {
            queryGradient.Set((queryRow * width) + d, scratch.Get(scratchStart + d));
        }
    }

    /// <summary>The gradients of one history row: as key <c>sum dx q</c>, as value <c>sum w dO</c>, of its bias <c>sum dx</c>, over all rows that see it.</summary>
    /// <param name="parameters">The scalars.</param>
    /// <param name="targetOffsets"><c>[segments + 1]</c>.</param>
    /// <param name="historyOffsets"><c>[segments + 1]</c>.</param>
    /// <param name="limits"><c>[T]</c> or empty.</param>
    /// <param name="queries"><c>[T, nq, H, dh]</c>, or <c>[M, nq, H, dh]</c>.</param>
    /// <param name="keys"><c>[L, Hkv, dh]</c>.</param>
    /// <param name="values"><c>[L, Hkv, dh]</c>; the keys for shared history.</param>
    /// <param name="keyBias"><c>[L]</c> or empty.</param>
    /// <param name="logSumExp"><c>[T, nq, H]</c>, softmax only.</param>
    /// <param name="rowTerms"><c>[T, nq, H]</c> from <see cref="RowTerm"/>, softmax only.</param>
    /// <param name="outputGradient"><c>[T, nq, H, dh]</c>.</param>
    /// <param name="keyGradient"><c>[L, Hkv, dh]</c>, result, or empty; for shared history the gradient of X.</param>
    /// <param name="valueGradient"><c>[L, Hkv, dh]</c>, result, or empty.</param>
    /// <param name="biasGradient"><c>[L]</c>, result, or empty.</param>
    /// <param name="scratch"><c>[2, dh]</c> at <paramref name="scratchStart"/>, this item's own.</param>
    /// <param name="scratchStart">Where this item's scratch starts.</param>
    /// <param name="key">History row.</param>
    public static void HistoryGradient<TInput, TFloats, TIndices, TOutput, TFloatOutput, TScratch>(
        CrossAttentionParameters parameters,
        TIndices targetOffsets,
        TIndices historyOffsets,
        TIndices limits,
        TInput queries,
        TInput keys,
        TInput values,
        TFloats keyBias,
        TFloats logSumExp,
        TScratch rowTerms,
        TInput outputGradient,
        TOutput keyGradient,
        TOutput valueGradient,
        TFloatOutput biasGradient,
        TScratch scratch,
        long scratchStart,
        long key)
        where TInput : struct, IReadView, allows ref struct
        where TFloats : struct, IReadView, allows ref struct
        where TIndices : struct, IIndexView, allows ref struct
        where TOutput : struct, IReadWriteView, allows ref struct
        where TFloatOutput : struct, IReadWriteView, allows ref struct
        where TScratch : struct, IReadWriteView, allows ref struct
    {
        int width = parameters.HeadWidth;
        int segment = BodyMath.SegmentOf(historyOffsets, key);
        long historyStart = historyOffsets.Get(segment);
        long historyLength = historyOffsets.Get(segment + 1) - historyStart;
        long firstTarget = targetOffsets.Get(segment);
        long targets = targetOffsets.Get(segment + 1) - firstTarget;
        long valueSums = parameters.Form == HistoryForm.Shared ? scratchStart : scratchStart + width;
        float biasSum = 0f;
        for (int keyHead = 0; keyHead < parameters.KeyValueHeads; keyHead++)
        {
            for (int d = 0; d < width; d++)
            {
                scratch.Set(scratchStart + d, 0f);
                scratch.Set(valueSums + d, 0f);
            }
            for (long targetQuery = firstTarget * parameters.QueriesPerTarget; targetQuery < (firstTarget + targets) * parameters.QueriesPerTarget; targetQuery++)
            {
                long limit = limits.Length == 0 ? -1 : limits.Get(targetQuery / parameters.QueriesPerTarget);
                for (int member = 0; member < parameters.Group; member++)
                {
                    long row = (targetQuery * parameters.Heads) + (keyHead * parameters.Group) + member;
                    var at = new CrossAttentionRow(parameters, row, firstTarget, historyStart, historyLength, limit);
                    if (key - historyStart >= at.Visible)
                    {
                        continue;
                    }
                    KeyTerms terms = KeyTerms.Of(
                        parameters, at, queries, keys, values, keyBias, logSumExp, rowTerms, outputGradient, row, key);
                    for (int d = 0; d < width; d++)
                    {
                        scratch.Set(scratchStart + d, scratch.Get(scratchStart + d) + (terms.ProductGradient * queries.Get(at.QueryStart + d)));
                        scratch.Set(valueSums + d, scratch.Get(valueSums + d) + (terms.Weight * outputGradient.Get((row * width) + d)));
                    }
                    biasSum += terms.LogitGradient;
                }
            }
            long column = ((key * parameters.KeyValueHeads) + keyHead) * width;
            for (int d = 0; d < width; d++)
            {
                if (keyGradient.Length != 0)
                {
                    keyGradient.Set(column + d, scratch.Get(scratchStart + d));
                }
                if (valueGradient.Length != 0)
                {
                    valueGradient.Set(column + d, scratch.Get(valueSums + d));
                }
            }
        }
        if (biasGradient.Length != 0)
        {
            biasGradient.Set(key, biasSum);
        }
    }

    /// <summary>What one (row, key) pair adds to gradients.</summary>
    private readonly struct KeyTerms(float weight, float logitGradient, float productGradient)
    {
        /// <summary>w, the factor of the value.</summary>
        public float Weight { get; } = weight;

        /// <summary>Gradient of the logit after cap and bias.</summary>
        public float LogitGradient { get; } = logitGradient;

        /// <summary>Gradient of q . k.</summary>
        public float ProductGradient { get; } = productGradient;

        public static KeyTerms Of<TInput, TFloats, TScratch>(
            CrossAttentionParameters parameters,
            CrossAttentionRow at,
            TInput queries,
            TInput keys,
            TInput values,
            TFloats keyBias,
            TFloats logSumExp,
            TScratch rowTerms,
            TInput outputGradient,
            long row,
            long key)
            where TInput : struct, IReadView, allows ref struct
            where TFloats : struct, IReadView, allows ref struct
            where TScratch : struct, IReadWriteView, allows ref struct
        {
            int width = parameters.HeadWidth;
            long column = (key * parameters.KeyValueHeads * width) + at.KeyColumn;
            float capped = parameters.Cap(parameters.Scale * BodyMath.Dot(queries, at.QueryStart, keys, column, width));
            float logit = keyBias.Length == 0 ? capped : capped + keyBias.Get(key);
            float valueProduct = BodyMath.Dot(outputGradient, row * width, values, column, width);
            float weight;
            float logitGradient;
            if (parameters.Score == AttentionScore.Softmax)
            {
                float normaliser = logSumExp.Get(row);
                weight = normaliser == float.NegativeInfinity ? 0f : MathF.Exp(logit - normaliser);
                logitGradient = weight * (valueProduct - rowTerms.Get(row));
            }
            else
            {
                float factor = parameters.ScoreFactor(at.Visible);
                bool silu = parameters.Score == AttentionScore.Silu;
                weight = factor * (silu ? BodyMath.Silu(logit) : logit);
                logitGradient = factor * valueProduct * (silu ? BodyMath.SiluDerivative(logit) : 1f);
            }
            return new KeyTerms(weight, logitGradient, logitGradient * parameters.CapDerivative(capped) * parameters.Scale);
        }
    }
}
