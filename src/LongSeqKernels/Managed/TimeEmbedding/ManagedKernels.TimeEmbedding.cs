using System.Numerics.Tensors;

namespace LongSeqKernels;

/// <content>Time-gap embedding.</content>
internal sealed unsafe partial class ManagedKernels
{
    public void TimeEmbedding<T>(
        TimeBuckets buckets, JaggedLayout segments, int width, ReadOnlySpan<long> requestTimes, ReadOnlySpan<long> eventTimes, ReadOnlySpan<T> table, Span<T> rows)
        where T : unmanaged
    {
        var items = RowPieces.OfElements(segments.Total, width);
        long stride = AlignedBuffer.AlignedFloats(2L * width);
        using AlignedBuffer scratch = _scratch.Rent(sizeof(float) * stride * _pool.ThreadsFor(items.Count));
        fixed (long* requestTimesStart = requestTimes, eventTimesStart = eventTimes)
        fixed (T* tableStart = table, rowsStart = rows)
        {
            var work = new EmbedRows<T>(items, buckets, segments, width, requestTimesStart, eventTimesStart, tableStart, rowsStart, scratch.Floats, stride);
            _pool.Run(ref work, items.Count);
        }
    }

    /// <summary>Rows are sorted by bucket, keeping their order, and summed in pieces: any number of threads, always the same sums.</summary>
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
        int rows = checked((int)segments.Total);
        using AlignedBuffer indices = _scratch.Rent(sizeof(int) * 2L * rows);
        int* bucketOfRow = (int*)indices.Bytes;
        int* order = bucketOfRow + rows;
        var items = RowPieces.OfElements(rows, 16);
        fixed (long* requestTimesStart = requestTimes, eventTimesStart = eventTimes)
        {
            var find = new FindBuckets(items, buckets, segments, requestTimesStart, eventTimesStart, bucketOfRow);
            _pool.Run(ref find, items.Count);
        }
        JaggedLayout rowsOfBucket = SortByBucket(buckets.Buckets, rows, bucketOfRow, order);

        var pieces = new SegmentPieces(rowsOfBucket, RowSums<T>.PieceRows);
        long partialStride = AlignedBuffer.AlignedFloats(width);
        long threadStride = AlignedBuffer.AlignedFloats(2L * width);
        int threads = _pool.ThreadsFor(Math.Max(pieces.Count, buckets.Buckets));
        using AlignedBuffer scratch = _scratch.Rent(sizeof(float) * ((pieces.Count * partialStride) + (threads * threadStride)));
        fixed (T* rowGradientStart = rowGradient, tableGradientStart = tableGradient)
        {
            float* threadScratch = scratch.Floats + (pieces.Count * partialStride);
            var sumPieces = new SumBucketPieces<T>(
                pieces, order, width, rowGradientStart, scratch.Floats, partialStride, threadScratch, threadStride);
            _pool.Run(ref sumPieces, pieces.Count);
            var sumBuckets = new ReduceSegments<T>(
                SegmentReduction.Sum, rowsOfBucket, pieces, width, tableGradientStart, scratch.Floats, partialStride, threadScratch, threadStride);
            _pool.Run(ref sumBuckets, buckets.Buckets);
        }
    }

    private static JaggedLayout SortByBucket(int buckets, int rows, int* bucketOfRow, int* order)
    {
        var offsets = new long[buckets + 1];
        for (int row = 0; row < rows; row++)
        {
            offsets[bucketOfRow[row] + 1]++;
        }
        for (int bucket = 0; bucket < buckets; bucket++)
        {
            offsets[bucket + 1] += offsets[bucket];
        }
        var next = (long[])offsets.Clone();
        for (int row = 0; row < rows; row++)
        {
            order[next[bucketOfRow[row]]++] = row;
        }
        return JaggedLayout.FromOffsets(offsets);
    }

    private readonly struct FindBuckets(RowPieces items, TimeBuckets buckets, JaggedLayout segments, long* requestTimes, long* eventTimes, int* bucketOfRow)
        : IParallelWork
    {
        public void Execute(int item, int thread)
        {
            var segment = new SegmentCursor(segments, items.Begin(item));
            for (long row = items.Begin(item); row < items.End(item); row++)
            {
                bucketOfRow[row] = buckets.Of(requestTimes[segment.Of(row)] - eventTimes[row]);
            }
        }
    }

    private readonly struct EmbedRows<T>(
        RowPieces items,
        TimeBuckets buckets,
        JaggedLayout segments,
        int width,
        long* requestTimes,
        long* eventTimes,
        T* table,
        T* rows,
        float* scratch,
        long scratchStride) : IParallelWork
        where T : unmanaged
    {
        public void Execute(int item, int thread)
        {
            float* rowBuffer = scratch + (thread * scratchStride);
            float* tableBuffer = rowBuffer + width;
            var segment = new SegmentCursor(segments, items.Begin(item));
            for (long row = items.Begin(item); row < items.End(item); row++)
            {
                int bucket = buckets.Of(requestTimes[segment.Of(row)] - eventTimes[row]);
                T* target = rows + (row * width);
                float* sum = ElementRows<T>.AsSingle(target, rowBuffer, width);
                float* embedding = ElementRows<T>.AsSingle(table + ((long)bucket * width), tableBuffer, width);
                TensorPrimitives.Add(new ReadOnlySpan<float>(sum, width), new ReadOnlySpan<float>(embedding, width), new Span<float>(sum, width));
                if (sum == rowBuffer)
                {
                    ElementRows<T>.Narrow(sum, target, width);
                }
            }
        }
    }

    private readonly struct SumBucketPieces<T>(
        SegmentPieces pieces,
        int* order,
        int width,
        T* rowGradient,
        float* partials,
        long partialStride,
        float* scratch,
        long scratchStride) : IParallelWork
        where T : unmanaged
    {
        public void Execute(int item, int thread)
        {
            (long first, long end) = pieces.Rows(item, pieces.SegmentOf(item));
            RowSums<T>.SumPiece(rowGradient, order, first, (int)(end - first), width, partials + (item * partialStride), scratch + (thread * scratchStride));
        }
    }
}
