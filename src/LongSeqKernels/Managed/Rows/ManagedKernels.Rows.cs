namespace LongSeqKernels;

/// <content>Segment reductions, the time embedding and the merge of states at the vector width of this backend.</content>
internal sealed partial class ManagedKernels
{
    public void SegmentReduce<T>(SegmentReduction reduction, JaggedLayout segments, int width, ReadOnlySpan<T> input, Span<T> output)
        where T : unmanaged =>
        _rows.SegmentReduce(reduction, segments, width, input, output);

    public void SegmentReduceBackward<T>(
        SegmentReduction reduction, JaggedLayout segments, int width, ReadOnlySpan<T> input, ReadOnlySpan<T> outputGradient, Span<T> inputGradient)
        where T : unmanaged =>
        _rows.SegmentReduceBackward(reduction, segments, width, input, outputGradient, inputGradient);

    public void TimeEmbedding<T>(
        TimeBuckets buckets, JaggedLayout segments, int width, ReadOnlySpan<long> requestTimes, ReadOnlySpan<long> eventTimes, ReadOnlySpan<T> table, Span<T> rows)
        where T : unmanaged =>
        _rows.TimeEmbedding(buckets, segments, width, requestTimes, eventTimes, table, rows);

    public void TimeEmbeddingBackward<T>(
        TimeBuckets buckets,
        JaggedLayout segments,
        int width,
        ReadOnlySpan<long> requestTimes,
        ReadOnlySpan<long> eventTimes,
        ReadOnlySpan<T> rowGradient,
        Span<T> tableGradient)
        where T : unmanaged =>
        _rows.TimeEmbeddingBackward(buckets, segments, width, requestTimes, eventTimes, rowGradient, tableGradient);

    public void MergeStates(
        int parts, int rows, int width, ReadOnlySpan<float> outputs, ReadOnlySpan<float> logSumExps, Span<float> output, Span<float> logSumExp) =>
        _rows.MergeStates(parts, rows, width, outputs, logSumExps, output, logSumExp);

    public void MergeStatesBackward(
        int parts,
        int rows,
        int width,
        ReadOnlySpan<float> outputs,
        ReadOnlySpan<float> logSumExps,
        ReadOnlySpan<float> outputGradient,
        ReadOnlySpan<float> logSumExpGradient,
        Span<float> outputGradients,
        Span<float> logSumExpGradients) =>
        _rows.MergeStatesBackward(parts, rows, width, outputs, logSumExps, outputGradient, logSumExpGradient, outputGradients, logSumExpGradients);
}
