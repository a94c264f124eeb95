namespace LongSeqKernels;

// Attention to a history that is stored as codes: the rows of a cache of summaries.
public static partial class CrossAttention
{
    /// <summary>
    /// Attends to a history encoded by <see cref="SummaryCodec"/>, whose rows are decoded inside the attention, tile by tile: no decoded copy of the history is
    /// ever made. The result is that of attending to what <see cref="SummaryCodec.Decode"/> gives.
    /// </summary>
    /// <remarks>
    /// There is no backward: histories are encoded after training (the codec's straight-through gradient is the identity, so a model that is trained
    /// with quantised summaries runs <see cref="Backward"/> on the decoded rows).
    /// </remarks>
    /// <param name="plan">A plan whose shape has a <see cref="CrossAttentionShape.HistoryEncoding"/>.</param>
    /// <param name="queries"><c>[T, nq, H, dh]</c> (<c>[M, nq, H, dh]</c> when broadcast).</param>
    /// <param name="keys"><c>[L, Hkv]</c> rows of width dh, or X, <c>[L]</c> rows of width D, for shared history.</param>
    /// <param name="values"><c>[L, Hkv]</c> rows of width dh; empty for shared history.</param>
    /// <param name="output"><c>[T, nq, H, dh]</c>.</param>
    /// <param name="logSumExp"><c>[T, nq, H]</c> natural-log LSE of the logits, softmax only; may be empty.</param>
    /// <param name="keyBias"><c>[L]</c> added to the logits of every row and head; may be empty.</param>
    /// <exception cref="ArgumentException">A tensor has the wrong length, an output overlaps another tensor, or the plan's history is not encoded.</exception>
    public static void ForwardEncoded<T>(
        CrossAttentionPlan plan,
        ReadOnlySpan<T> queries,
        EncodedRows keys,
        EncodedRows values,
        Span<T> output,
        Span<float> logSumExp = default,
        ReadOnlySpan<float> keyBias = default)
        where T : unmanaged
    {
        CheckEncodedInputs(plan, queries, keys, values, keyBias);
        CheckEncodedOutputs(plan, queries, keys, values, keyBias, output, logSumExp);
        RunEncoded(plan, queries, keys, values, output, logSumExp, keyBias);
    }

    /// <summary>As <see cref="ForwardEncoded"/>, but leaves a partial state: see <see cref="ForwardState"/>.</summary>
    /// <param name="plan">A plan whose shape has a <see cref="CrossAttentionShape.HistoryEncoding"/>, with softmax scores.</param>
    /// <param name="queries"><c>[T, nq, H, dh]</c>.</param>
    /// <param name="keys"><c>[L, Hkv]</c> rows of width dh, or X for shared history.</param>
    /// <param name="values"><c>[L, Hkv]</c> rows of width dh; empty for shared history.</param>
    /// <param name="stateOutput"><c>[T, nq, H, dh]</c> fp32.</param>
    /// <param name="stateLogSumExp"><c>[T, nq, H]</c> natural log.</param>
    /// <param name="keyBias"><c>[L]</c>; may be empty.</param>
    /// <exception cref="ArgumentException">A tensor has the wrong length, the score is not softmax, or the plan's history is not encoded.</exception>
    public static void ForwardEncodedState<T>(
        CrossAttentionPlan plan,
        ReadOnlySpan<T> queries,
        EncodedRows keys,
        EncodedRows values,
        Span<float> stateOutput,
        Span<float> stateLogSumExp,
        ReadOnlySpan<float> keyBias = default)
        where T : unmanaged
    {
        CheckEncodedInputs(plan, queries, keys, values, keyBias);
        CheckEncodedOutputs(plan, queries, keys, values, keyBias, stateOutput, stateLogSumExp);
        CheckState(plan, stateLogSumExp);
        RunEncoded(plan, queries, keys, values, stateOutput, stateLogSumExp, keyBias);
    }

    private static void RunEncoded<T, TOutput>(
        CrossAttentionPlan plan,
        ReadOnlySpan<T> queries,
        EncodedRows keys,
        EncodedRows values,
        Span<TOutput> output,
        Span<float> logSumExp,
        ReadOnlySpan<float> keyBias)
        where T : unmanaged
        where TOutput : unmanaged =>
        plan.Context.Kernels.CrossAttentionEncoded(plan, new CrossAttentionEncodedInputs<T>
        {
            Queries = queries,
            Keys = keys,
            Values = plan.Shape.Form == HistoryForm.Shared ? keys : values,
            KeyBias = keyBias,
        }, output, logSumExp);

    private static void CheckEncodedInputs<T>(CrossAttentionPlan plan, ReadOnlySpan<T> queries, EncodedRows keys, EncodedRows values, ReadOnlySpan<float> keyBias)
        where T : unmanaged
    {
        _ = Element<T>.Type;
        plan.Context.ThrowIfDisposed();
        CrossAttentionShape shape = plan.Shape;
        if (shape.HistoryEncoding is not { } encoding)
        {
            throw Error.Invalid(nameof(plan), "one of a history that is not encoded", "one whose shape has a HistoryEncoding: Forward runs this one");
        }
        long codes = shape.HistoryHeadRows * SummaryCodec.RowBytes(encoding, shape.HeadWidth);
        Check.Length(queries, shape.QueryTargets * shape.TargetWidth, "T * nq * H * dh");
        Check.Length(keys.Codes, codes, "L * Hkv * bytes per row");
        Check.Length(keys.Scales, shape.HistoryHeadRows, "L * Hkv, one per row");
        if (shape.Form == HistoryForm.Shared)
        {
            Check.Length(values.Codes, 0, "with shared history the keys are the values");
            Check.Length(values.Scales, 0, "with shared history the keys are the values");
        }
        else
        {
            Check.Length(values.Codes, codes, "L * Hkv * bytes per row");
            Check.Length(values.Scales, shape.HistoryHeadRows, "L * Hkv, one per row");
        }
        Check.LengthOrEmpty(keyBias, shape.History.Total, "one per history row");
    }

    private static void CheckEncodedOutputs<T, TOutput>(
        CrossAttentionPlan plan,
        ReadOnlySpan<T> queries,
        EncodedRows keys,
        EncodedRows values,
        ReadOnlySpan<float> keyBias,
        Span<TOutput> output,
        Span<float> logSumExp)
        where T : unmanaged
        where TOutput : unmanaged
    {
        CheckOutputs(plan, queries, keyBias, output, logSumExp);
        Check.Disjoint(output, keys.Codes);
        Check.Disjoint(output, keys.Scales);
        Check.Disjoint(output, values.Codes);
        Check.Disjoint(output, values.Scales);
        Check.Disjoint(logSumExp, keys.Codes);
        Check.Disjoint(logSumExp, keys.Scales);
        Check.Disjoint(logSumExp, values.Codes);
        Check.Disjoint(logSumExp, values.Scales);
    }
}
