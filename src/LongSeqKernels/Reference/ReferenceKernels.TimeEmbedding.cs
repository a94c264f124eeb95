namespace LongSeqKernels;

// Time embedding: row += table[bucket(request time of its segment - time of the event)].
internal sealed partial class ReferenceKernels
{
    public void TimeEmbedding<T>(
        TimeBuckets buckets, JaggedLayout segments, int width, ReadOnlySpan<long> requestTimes, ReadOnlySpan<long> eventTimes, ReadOnlySpan<T> table, Span<T> rows)
        where T : unmanaged
    {
        for (int segment = 0; segment < segments.Count; segment++)
        {
            for (long row = segments.Start(segment); row < segments.Start(segment + 1); row++)
            {
                int bucket = buckets.Of(requestTimes[segment] - eventTimes[checked((int)row)]);
                Store(LoadRow(Row(table, bucket, width)), Row(rows, row, width), OutputMode.Add);
            }
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
        var sum = new double[tableGradient.Length];
        for (int segment = 0; segment < segments.Count; segment++)
        {
            for (long row = segments.Start(segment); row < segments.Start(segment + 1); row++)
            {
                int bucket = buckets.Of(requestTimes[segment] - eventTimes[checked((int)row)]);
                AddScaled(Row(sum, bucket, width), 1, Row(rowGradient, row, width));
            }
        }
        Store(sum, tableGradient);
    }
}
