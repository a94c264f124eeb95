using System.Runtime.InteropServices;

namespace LongSeqKernels.Portable;

/// <content>Merge of states, segment reduction, time embedding, summary codec.</content>
internal sealed partial class PortableKernels
{
    public void MergeStates(int parts, int rows, int width, ReadOnlySpan<float> outputs, ReadOnlySpan<float> logSumExps, Span<float> output, Span<float> logSumExp)
    {
        for (long row = 0; row < rows; row++)
        {
            MergeStatesBodies.Forward(
                parts, rows, width, new ReadOnlySpanView<float>(outputs), new ReadOnlySpanView<float>(logSumExps), new SpanView<float>(output),
                new SpanView<float>(logSumExp), row);
        }
    }

    public void MergeStatesBackward(
        int parts,
        int rows,
        int width,
        ReadOnlySpan<float> outputs,
        ReadOnlySpan<float> logSumExps,
        ReadOnlySpan<float> outputGradient,
        ReadOnlySpan<float> logSumExpGradient,
        Span<float> outputGradients,
        Span<float> logSumExpGradients)
    {
        for (long row = 0; row < rows; row++)
        {
            MergeStatesBodies.Backward(
                parts, rows, width, new ReadOnlySpanView<float>(outputs), new ReadOnlySpanView<float>(logSumExps), new ReadOnlySpanView<float>(outputGradient),
                new ReadOnlySpanView<float>(logSumExpGradient), new SpanView<float>(outputGradients), new SpanView<float>(logSumExpGradients), row);
        }
    }

    public void SegmentReduce<T>(SegmentReduction reduction, JaggedLayout segments, int width, ReadOnlySpan<T> input, Span<T> output)
        where T : unmanaged
    {
        for (long item = 0; item < output.Length; item++)
        {
            SegmentReduceBodies.Forward(
                reduction, new IndexSpanView(segments.Offsets), width, new ReadOnlySpanView<T>(input), new SpanView<T>(output), item);
        }
    }

    public void SegmentReduceBackward<T>(
        SegmentReduction reduction, JaggedLayout segments, int width, ReadOnlySpan<T> input, ReadOnlySpan<T> outputGradient, Span<T> inputGradient)
        where T : unmanaged
    {
        for (long item = 0; item < outputGradient.Length; item++)
        {
            SegmentReduceBodies.Backward(
                reduction, new IndexSpanView(segments.Offsets), width, new ReadOnlySpanView<T>(input), new ReadOnlySpanView<T>(outputGradient),
                new SpanView<T>(inputGradient), item);
        }
    }

    public void TimeEmbedding<T>(
        TimeBuckets buckets, JaggedLayout segments, int width, ReadOnlySpan<long> requestTimes, ReadOnlySpan<long> eventTimes, ReadOnlySpan<T> table, Span<T> rows)
        where T : unmanaged
    {
        SpanView<float> bucketOfRow = BucketsOf(buckets, segments, requestTimes, eventTimes);
        for (long row = 0; row < bucketOfRow.Length; row++)
        {
            TimeEmbeddingBodies.Forward(width, bucketOfRow, new ReadOnlySpanView<T>(table), new SpanView<T>(rows), row);
        }
    }

    public void TimeEmbeddingBackward<T>(
        TimeBuckets buckets,
        JaggedLayout segments,
        int width,
        ReadOnlySpan<long> requestTimes,
        ReadOnlySpan<long> eventTimes,
        ReadOnlySpan<T> rowGradient,
        Span<T> tableGradient)
        where T : unmanaged
    {
        SpanView<float> bucketOfRow = BucketsOf(buckets, segments, requestTimes, eventTimes);
        var scratch = new SpanView<float>(new float[2 * width]);
        for (long bucket = 0; bucket < buckets.Buckets; bucket++)
        {
            TimeEmbeddingBodies.Backward(width, bucketOfRow, new ReadOnlySpanView<T>(rowGradient), new SpanView<T>(tableGradient), scratch, 0, bucket);
        }
    }

    public void SummaryEncode(SummaryEncoding encoding, int width, ReadOnlySpan<float> input, Span<byte> codes, Span<float> scales)
    {
        var values = new ReadOnlySpanView<float>(input);
        int rowBytes = SummaryCodec.RowBytes(encoding, width);
        for (long row = 0; row < scales.Length; row++)
        {
            if (encoding == SummaryEncoding.Float16)
            {
                SummaryCodecBodies.Copy(width, values, new SpanView<Half>(MemoryMarshal.Cast<byte, Half>(codes)), row);
                scales[checked((int)row)] = 1f;
            }
            else
            {
                SummaryCodecBodies.Encode(encoding, width, rowBytes, values, new ByteSpanView(codes), new SpanView<float>(scales), row);
            }
        }
    }

    public void SummaryDecode(SummaryEncoding encoding, int width, ReadOnlySpan<byte> codes, ReadOnlySpan<float> scales, Span<float> output)
    {
        var values = new SpanView<float>(output);
        int rowBytes = SummaryCodec.RowBytes(encoding, width);
        for (long row = 0; row < scales.Length; row++)
        {
            if (encoding == SummaryEncoding.Float16)
            {
                SummaryCodecBodies.Copy(width, new ReadOnlySpanView<Half>(MemoryMarshal.Cast<byte, Half>(codes)), values, row);
            }
            else
            {
                SummaryCodecBodies.Decode(encoding, width, rowBytes, new ReadOnlyByteSpanView(codes), new ReadOnlySpanView<float>(scales), values, row);
            }
        }
    }

    private static SpanView<float> BucketsOf(TimeBuckets buckets, JaggedLayout segments, ReadOnlySpan<long> requestTimes, ReadOnlySpan<long> eventTimes)
    {
        var bucketOfRow = new SpanView<float>(new float[segments.Total]);
        for (long row = 0; row < segments.Total; row++)
        {
            TimeEmbeddingBodies.FindBucket(
                buckets, new IndexSpanView(segments.Offsets), new IndexSpanView(requestTimes), new IndexSpanView(eventTimes), bucketOfRow, row);
        }
        return bucketOfRow;
    }
}
