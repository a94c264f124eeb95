namespace LongSeqKernels;

/// <summary>
/// Cross attention from targets to their user's history: <c>o = sum_j w_j v_j</c>, <c>w = softmax_j(cap(scale * q . k_j) + bias_j)</c> per head
/// (STCA, arXiv 2511.06077, section 3.1; the shared-history form is its re-ordering, SequenceO1, arXiv 2609.08443, appendix G.2.1).
/// Cost is linear in the history length; nothing of size targets times history is ever stored.
/// </summary>
/// <remarks>
/// Contract, in every backend: an empty (or wholly invisible) history gives output rows 0, LSE = -infinity and gradients 0; rows beyond a
/// segment's end are never read; the same plan gives the same bits.
/// </remarks>
public static partial class CrossAttention
{
    /// <summary>Decides how to run a shape; do it once per batch and reuse it for every layer.</summary>
    /// <exception cref="ArgumentException">An extent or an option is out of range or contradicts another.</exception>
    public static CrossAttentionPlan Plan(LongSeqContext context, CrossAttentionShape shape, CrossAttentionOptions options = default) =>
        new(context, shape, options);

    /// <summary>Attends.</summary>
    /// <param name="plan">Shape, options and execution.</param>
    /// <param name="queries"><c>[T, nq, H, dh]</c> (<c>[M, nq, H, dh]</c> when broadcast).</param>
    /// <param name="keys"><c>[L, Hkv, dh]</c>, or X <c>[L, D]</c> for shared history.</param>
    /// <param name="values"><c>[L, Hkv, dh]</c>; empty for shared history.</param>
    /// <param name="output"><c>[T, nq, H, dh]</c>.</param>
    /// <param name="logSumExp"><c>[T, nq, H]</c> natural-log LSE of the logits, softmax only; may be empty.</param>
    /// <param name="keyBias"><c>[L]</c> added to the logits of every row and head (time decay, ln cluster size); may be empty.</param>
    /// <exception cref="ArgumentException">A tensor has the wrong length or an output overlaps another tensor.</exception>
    public static void Forward<T>(
        CrossAttentionPlan plan,
        ReadOnlySpan<T> queries,
        ReadOnlySpan<T> keys,
        ReadOnlySpan<T> values,
        Span<T> output,
        Span<float> logSumExp = default,
        ReadOnlySpan<float> keyBias = default)
        where T : unmanaged
    {
        CheckInputs(plan, queries, keys, values, keyBias);
        CheckOutputs(plan, queries, keys, values, keyBias, output, logSumExp);
        plan.Context.Kernels.CrossAttention(plan, new CrossAttentionInputs<T>
        {
            Queries = queries,
            Keys = keys,
            Values = plan.Shape.Form == HistoryForm.Shared ? keys : values,
            KeyBias = keyBias,
        }, output, logSumExp);
    }

    /// <summary>
    /// Attends and leaves a partial state: the output in fp32 whatever the storage type, with its LSE, ready to be merged with the
    /// states of other parts of the history by <see cref="MergeStates"/>.
    /// </summary>
    /// <param name="plan">Shape, options (softmax) and execution.</param>
    /// <param name="queries"><c>[T, nq, H, dh]</c>.</param>
    /// <param name="keys"><c>[L, Hkv, dh]</c>, or X for shared history.</param>
    /// <param name="values"><c>[L, Hkv, dh]</c>; empty for shared history.</param>
    /// <param name="stateOutput"><c>[T, nq, H, dh]</c> fp32.</param>
    /// <param name="stateLogSumExp"><c>[T, nq, H]</c> natural log.</param>
    /// <param name="keyBias"><c>[L]</c>; may be empty.</param>
    /// <exception cref="ArgumentException">A tensor has the wrong length, or the score is not softmax.</exception>
    public static void ForwardState<T>(
        CrossAttentionPlan plan,
        ReadOnlySpan<T> queries,
        ReadOnlySpan<T> keys,
        ReadOnlySpan<T> values,
        Span<float> stateOutput,
        Span<float> stateLogSumExp,
        ReadOnlySpan<float> keyBias = default)
        where T : unmanaged
    {
        CheckInputs(plan, queries, keys, values, keyBias);
        CheckOutputs(plan, queries, keys, values, keyBias, stateOutput, stateLogSumExp);
        CheckState(plan, stateLogSumExp);
        plan.Context.Kernels.CrossAttention(plan, new CrossAttentionInputs<T>
        {
            Queries = queries,
            Keys = keys,
            Values = plan.Shape.Form == HistoryForm.Shared ? keys : values,
            KeyBias = keyBias,
        }, stateOutput, stateLogSumExp);
    }

    /// <summary>
    /// Gradients of <see cref="Forward"/>. The weights are recomputed from the LSE. Every gradient is overwritten; one that is not wanted is an empty span.
    /// </summary>
    /// <param name="plan">The plan of the forward run.</param>
    /// <param name="queries">As in the forward run.</param>
    /// <param name="keys">As in the forward run.</param>
    /// <param name="values">As in the forward run; empty for shared history.</param>
    /// <param name="output">The forward run's output; needed for softmax, may be empty otherwise.</param>
    /// <param name="logSumExp">The forward run's LSE; needed for softmax, empty otherwise.</param>
    /// <param name="outputGradient"><c>[T, nq, H, dh]</c>.</param>
    /// <param name="queryGradient"><c>[T, nq, H, dh]</c> (<c>[M, nq, H, dh]</c> summed over segments when broadcast), or empty.</param>
    /// <param name="keyGradient"><c>[L, Hkv, dh]</c>, or empty. For shared history the gradient of X, as key and as value.</param>
    /// <param name="valueGradient"><c>[L, Hkv, dh]</c>, or empty; empty for shared history.</param>
    /// <param name="keyBias">As in the forward run.</param>
    /// <param name="keyBiasGradient"><c>[L]</c>, or empty.</param>
    /// <param name="logSumExpGradient"><c>[T, nq, H]</c> gradient with respect to the LSE (partial states), or empty for 0.</param>
    /// <exception cref="ArgumentException">A tensor has the wrong length or an output overlaps another tensor.</exception>
    public static void Backward<T>(
        CrossAttentionPlan plan,
        ReadOnlySpan<T> queries,
        ReadOnlySpan<T> keys,
        ReadOnlySpan<T> values,
        ReadOnlySpan<T> output,
        ReadOnlySpan<float> logSumExp,
        ReadOnlySpan<T> outputGradient,
        Span<T> queryGradient,
        Span<T> keyGradient,
        Span<T> valueGradient,
        ReadOnlySpan<float> keyBias = default,
        Span<float> keyBiasGradient = default,
        ReadOnlySpan<float> logSumExpGradient = default)
        where T : unmanaged
    {
        CrossAttentionShape shape = plan.Shape;
        CheckInputs(plan, queries, keys, values, keyBias);
        bool softmax = plan.Options.Score == AttentionScore.Softmax;
        Check.Length(outputGradient, shape.Targets.Total * shape.TargetWidth, "T * nq * H * dh");
        if (softmax)
        {
            Check.Length(output, shape.Targets.Total * shape.TargetWidth, "T * nq * H * dh");
            Check.Length(logSumExp, shape.Rows, "T * nq * H");
            Check.LengthOrEmpty(logSumExpGradient, shape.Rows, "T * nq * H");
        }
        else
        {
            Check.LengthOrEmpty(output, shape.Targets.Total * shape.TargetWidth, "T * nq * H * dh");
            Check.Length(logSumExp, 0, "only softmax has an LSE");
            Check.Length(logSumExpGradient, 0, "only softmax has an LSE");
        }
        Check.LengthOrEmpty(queryGradient, shape.QueryTargets * shape.TargetWidth, "as queries");
        Check.LengthOrEmpty(keyGradient, shape.History.Total * shape.HistoryWidth, "as keys");
        if (shape.Form == HistoryForm.Shared)
        {
            Check.Length(valueGradient, 0, "shared history has one gradient, keyGradient");
        }
        else
        {
            Check.LengthOrEmpty(valueGradient, shape.History.Total * shape.HistoryWidth, "as values");
        }
        Check.LengthOrEmpty(keyBiasGradient, shape.History.Total, "one per history row");
        Check.Disjoint(queryGradient, queries);
        Check.Disjoint(queryGradient, keys);
        Check.Disjoint(queryGradient, values);
        Check.Disjoint(queryGradient, keyBias);
        Check.Disjoint(queryGradient, output);
        Check.Disjoint(queryGradient, logSumExp);
        Check.Disjoint(queryGradient, outputGradient);
        Check.Disjoint(queryGradient, logSumExpGradient);
        Check.Disjoint(queryGradient, keyGradient);
        Check.Disjoint(queryGradient, valueGradient);
        Check.Disjoint(queryGradient, keyBiasGradient);
        Check.Disjoint(keyGradient, queries);
        Check.Disjoint(keyGradient, keys);
        Check.Disjoint(keyGradient, values);
        Check.Disjoint(keyGradient, keyBias);
        Check.Disjoint(keyGradient, output);
        Check.Disjoint(keyGradient, logSumExp);
        Check.Disjoint(keyGradient, outputGradient);
        Check.Disjoint(keyGradient, logSumExpGradient);
        Check.Disjoint(keyGradient, valueGradient);
        Check.Disjoint(keyGradient, keyBiasGradient);
        Check.Disjoint(valueGradient, queries);
        Check.Disjoint(valueGradient, keys);
        Check.Disjoint(valueGradient, values);
        Check.Disjoint(valueGradient, keyBias);
        Check.Disjoint(valueGradient, output);
        Check.Disjoint(valueGradient, logSumExp);
        Check.Disjoint(valueGradient, outputGradient);
        Check.Disjoint(valueGradient, logSumExpGradient);
        Check.Disjoint(valueGradient, keyBiasGradient);
        Check.Disjoint(keyBiasGradient, queries);
        Check.Disjoint(keyBiasGradient, keys);
        Check.Disjoint(keyBiasGradient, values);
        Check.Disjoint(keyBiasGradient, keyBias);
        Check.Disjoint(keyBiasGradient, output);
        Check.Disjoint(keyBiasGradient, logSumExp);
        Check.Disjoint(keyBiasGradient, outputGradient);
        Check.Disjoint(keyBiasGradient, logSumExpGradient);
        plan.Context.Kernels.CrossAttentionBackward(plan, new CrossAttentionInputs<T>
        {
            Queries = queries,
            Keys = keys,
            Values = shape.Form == HistoryForm.Shared ? keys : values,
            KeyBias = keyBias,
        }, new CrossAttentionGradients<T>
        {
            Output = output,
            LogSumExp = logSumExp,
            OutputGradient = outputGradient,
            LogSumExpGradient = logSumExpGradient,
            Queries = queryGradient,
            Keys = keyGradient,
            Values = valueGradient,
            KeyBias = keyBiasGradient,
        });
    }

    private static void CheckInputs<T>(CrossAttentionPlan plan, ReadOnlySpan<T> queries, ReadOnlySpan<T> keys, ReadOnlySpan<T> values, ReadOnlySpan<float> keyBias)
        where T : unmanaged
    {
        _ = Element<T>.Type;
        plan.Context.ThrowIfDisposed();
        CrossAttentionShape shape = plan.Shape;
        if (shape.HistoryEncoding is { } encoding)
        {
            throw Error.Invalid(nameof(plan), $"one of a history encoded as {encoding}", "one without HistoryEncoding: ForwardEncoded runs this one, and gradients are those of the rows before they were encoded");
        }
        Check.Length(queries, shape.QueryTargets * shape.TargetWidth, "T * nq * H * dh");
        Check.Length(keys, shape.History.Total * shape.HistoryWidth, "L * Hkv * dh");
        if (shape.Form == HistoryForm.Shared)
        {
            Check.Length(values, 0, "with shared history the keys are the values");
        }
        else
        {
            Check.Length(values, shape.History.Total * shape.HistoryWidth, "L * Hkv * dh");
        }
        Check.LengthOrEmpty(keyBias, shape.History.Total, "one per history row");
    }

    private static void CheckState(CrossAttentionPlan plan, Span<float> stateLogSumExp)
    {
        if (plan.Options.Score != AttentionScore.Softmax)
        {
            throw Error.Invalid("Score", plan.Options.Score.ToString(), "Softmax: partial states of other scores are plain sums");
        }
        Check.Length(stateLogSumExp, plan.Shape.Rows, "T * nq * H");
    }

    private static void CheckOutputs<T, TOutput>(
        CrossAttentionPlan plan,
        ReadOnlySpan<T> queries,
        ReadOnlySpan<T> keys,
        ReadOnlySpan<T> values,
        ReadOnlySpan<float> keyBias,
        Span<TOutput> output,
        Span<float> logSumExp)
        where T : unmanaged
        where TOutput : unmanaged
    {
        CheckOutputs(plan, queries, keyBias, output, logSumExp);
        Check.Disjoint(output, keys);
        Check.Disjoint(output, values);
        Check.Disjoint(logSumExp, keys);
        Check.Disjoint(logSumExp, values);
    }

    /// <summary>What every form of the history asks of the outputs.</summary>
    private static void CheckOutputs<T, TOutput>(
        CrossAttentionPlan plan, ReadOnlySpan<T> queries, ReadOnlySpan<float> keyBias, Span<TOutput> output, Span<float> logSumExp)
        where T : unmanaged
        where TOutput : unmanaged
    {
        Check.Length(output, plan.Shape.Targets.Total * plan.Shape.TargetWidth, "T * nq * H * dh");
        Check.LengthOrEmpty(logSumExp, plan.Options.Score == AttentionScore.Softmax ? plan.Shape.Rows : 0, "T * nq * H, softmax only");
        Check.Disjoint(output, queries);
        Check.Disjoint(output, keyBias);
        Check.Disjoint(output, logSumExp);
        Check.Disjoint(logSumExp, queries);
        Check.Disjoint(logSumExp, keyBias);
    }
}
