namespace LongSeqKernels.Portable;

/// <content>Cross attention.</content>
internal sealed partial class PortableKernels
{
    public ExecutionPlan PlanCrossAttention(CrossAttentionShape shape, CrossAttentionOptions options) => new PortablePlan(shape, options);

    public void CrossAttention<T, TOutput>(CrossAttentionPlan plan, CrossAttentionInputs<T> inputs, Span<TOutput> output, Span<float> logSumExp)
        where T : unmanaged
        where TOutput : unmanaged =>
        Attend(plan, inputs.Queries, new ReadOnlySpanView<T>(inputs.Keys), new ReadOnlySpanView<T>(inputs.Values), inputs.KeyBias, output, logSumExp);

    public void CrossAttentionEncoded<T, TOutput>(CrossAttentionPlan plan, CrossAttentionEncodedInputs<T> inputs, Span<TOutput> output, Span<float> logSumExp)
        where T : unmanaged
        where TOutput : unmanaged =>
        Attend(plan, inputs.Queries, Encoded(plan.Shape, inputs.Keys), Encoded(plan.Shape, inputs.Values), inputs.KeyBias, output, logSumExp);

    private static EncodedRowsView<ReadOnlyByteSpanView, ReadOnlySpanView<float>> Encoded(CrossAttentionShape shape, EncodedRows rows) =>
        new(
            shape.HistoryEncoding!.Value,
            shape.HeadWidth,
            SummaryCodec.RowBytes(shape.HistoryEncoding.Value, shape.HeadWidth),
            new ReadOnlyByteSpanView(rows.Codes),
            new ReadOnlySpanView<float>(rows.Scales));

    private static void Attend<T, THistory, TOutput>(
        CrossAttentionPlan plan,
        ReadOnlySpan<T> queryRows,
        THistory keys,
        THistory values,
        ReadOnlySpan<float> biases,
        Span<TOutput> output,
        Span<float> logSumExp)
        where T : unmanaged
        where THistory : struct, IReadView, allows ref struct
        where TOutput : unmanaged
    {
        var execution = (PortablePlan)plan.Execution;
        CrossAttentionShape shape = plan.Shape;
        CrossAttentionParameters parameters = execution.Parameters;
        var targetOffsets = new IndexSpanView(shape.Targets.Offsets);
        var historyOffsets = new IndexSpanView(shape.History.Offsets);
        var limits = new IndexSpanView(shape.HistoryLimits.Span);
        var queries = new ReadOnlySpanView<T>(queryRows);
        var keyBias = new ReadOnlySpanView<float>(biases);
        var states = new SpanView<float>(new float[(long)execution.RowsPerWave * execution.Splits * parameters.StateWidth]);
        var logits = new SpanView<float>(new float[CrossAttentionBodies.KeyBlock]);
        for (long first = 0; first < shape.Rows; first += execution.RowsPerWave)
        {
            long end = Math.Min(first + execution.RowsPerWave, shape.Rows);
            for (long row = first; row < end; row++)
            {
                for (int split = 0; split < execution.Splits; split++)
                {
                    CrossAttentionBodies.Partial(
                        parameters, targetOffsets, historyOffsets, limits, queries, keys, values, keyBias, states, logits, 0,
                        row, split, execution.Splits, ((row - first) * execution.Splits) + split);
                }
            }
            for (long row = first; row < end; row++)
            {
                CrossAttentionBodies.Merge(
                    parameters, states, new SpanView<TOutput>(output), new SpanView<float>(logSumExp), row, execution.Splits, (row - first) * execution.Splits);
            }
        }
    }

    public void CrossAttentionBackward<T>(CrossAttentionPlan plan, CrossAttentionInputs<T> inputs, CrossAttentionGradients<T> gradients)
        where T : unmanaged
    {
        CrossAttentionShape shape = plan.Shape;
        CrossAttentionParameters parameters = ((PortablePlan)plan.Execution).Parameters;
        var targetOffsets = new IndexSpanView(shape.Targets.Offsets);
        var historyOffsets = new IndexSpanView(shape.History.Offsets);
        var limits = new IndexSpanView(shape.HistoryLimits.Span);
        var queries = new ReadOnlySpanView<T>(inputs.Queries);
        var keys = new ReadOnlySpanView<T>(inputs.Keys);
        var values = new ReadOnlySpanView<T>(inputs.Values);
        var keyBias = new ReadOnlySpanView<float>(inputs.KeyBias);
        var logSumExp = new ReadOnlySpanView<float>(gradients.LogSumExp);
        var outputGradient = new ReadOnlySpanView<T>(gradients.OutputGradient);
        var rowTerms = new SpanView<float>(new float[parameters.Score == AttentionScore.Softmax ? shape.Rows : 0]);
        var scratch = new SpanView<float>(new float[(2 * parameters.HeadWidth) + CrossAttentionBodies.KeyBlock]);
        for (long row = 0; row < rowTerms.Length; row++)
        {
            CrossAttentionBackwardBodies.RowTerm(
                parameters, new ReadOnlySpanView<T>(gradients.Output), outputGradient, new ReadOnlySpanView<float>(gradients.LogSumExpGradient), rowTerms, row);
        }
        var queryGradient = new SpanView<T>(gradients.Queries);
        for (long queryRow = 0; queryRow < queryGradient.Length / parameters.HeadWidth; queryRow++)
        {
            CrossAttentionBackwardBodies.QueryGradient(
                parameters, targetOffsets, historyOffsets, limits, queries, keys, values, keyBias, logSumExp, rowTerms, outputGradient,
                queryGradient, scratch, 0, queryRow);
        }
        var keyGradient = new SpanView<T>(gradients.Keys);
        var valueGradient = new SpanView<T>(gradients.Values);
        var biasGradient = new SpanView<float>(gradients.KeyBias);
        long historyRows = keyGradient.Length + valueGradient.Length + biasGradient.Length == 0 ? 0 : shape.History.Total;
        for (long key = 0; key < historyRows; key++)
        {
            CrossAttentionBackwardBodies.HistoryGradient(
                parameters, targetOffsets, historyOffsets, limits, queries, keys, values, keyBias, logSumExp, rowTerms, outputGradient,
                keyGradient, valueGradient, biasGradient, scratch, 0, key);
        }
    }
}
