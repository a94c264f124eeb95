using System.Runtime.CompilerServices;

namespace LongSeqKernels;

// Time-gap embedding.
internal sealed unsafe partial class RowKernels<TSimd, TVector>
{
    /// <summary>Rows whose buckets are found at a time.</summary>
    private const int BucketRows = 256;

    public override void TimeEmbedding<T>(
        TimeBuckets buckets, JaggedLayout segments, int width, ReadOnlySpan<long> requestTimes, ReadOnlySpan<long> eventTimes, ReadOnlySpan<T> table, Span<T> rows)
    {
        var items = RowPieces.OfElements(segments.Total, width);
        fixed (long* requestTimesStart = requestTimes, eventTimesStart = eventTimes)
        fixed (T* tableStart = table, rowsStart = rows)
        {
            var gaps = new TimeGaps(buckets, segments, requestTimesStart, eventTimesStart);
            var work = new EmbedRows<T>(items, gaps, width, tableStart, rowsStart);
            pool.Run(ref work, items.Count);
        }
    }

    /// <summary>Rows are sorted by bucket, keeping their order, and summed in pieces: any number of threads, always the same sums.</summary>
    public override void TimeEmbeddingBackward<T>(
        TimeBuckets buckets,
        JaggedLayout segments,
        int width,
        ReadOnlySpan<long> requestTimes,
        ReadOnlySpan<long> eventTimes,
        ReadOnlySpan<T> rowGradient,
        Span<T> tableGradient)
    {
        int rows = checked((int)segments.Total);
        using AlignedBuffer indices = scratch.Rent(sizeof(int) * 2L * rows);
        int* bucketOfRow = (int*)indices.Bytes;
        int* order = bucketOfRow + rows;
        var items = RowPieces.OfElements(rows, 4);
        fixed (long* requestTimesStart = requestTimes, eventTimesStart = eventTimes)
        {
            var find = new FindBuckets(items, new TimeGaps(buckets, segments, requestTimesStart, eventTimesStart), bucketOfRow);
            pool.Run(ref find, items.Count);
        }
        JaggedLayout rowsOfBucket = SortByBucket(buckets.Buckets, rows, bucketOfRow, order);

        var pieces = new SegmentPieces(rowsOfBucket, RowSums<T, TSimd, TVector>.PieceRows);
        long stride = AlignedBuffer.AlignedFloats(width);
        int threads = pool.ThreadsFor(Math.Max(pieces.Count, buckets.Buckets));
        using AlignedBuffer sums = scratch.Rent(sizeof(float) * (pieces.Count + threads) * stride);
        fixed (T* rowGradientStart = rowGradient, tableGradientStart = tableGradient)
        {
            var sumPieces = new SumBucketPieces<T>(pieces, order, width, rowGradientStart, sums.Floats, stride);
            pool.Run(ref sumPieces, pieces.Count);
            var sumBuckets = new ReduceSegments<T>(
                SegmentReduction.Sum, rowsOfBucket, pieces, width, tableGradientStart, sums.Floats, sums.Floats + (pieces.Count * stride), stride);
            pool.Run(ref sumBuckets, buckets.Buckets);
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

    private readonly struct FindBuckets(RowPieces items, TimeGaps gaps, int* bucketOfRow) : IParallelWork
    {
        public void Execute(int item, int thread) =>
            gaps.FindBuckets(items.Begin(item), items.End(item), bucketOfRow + items.Begin(item));
    }

    private readonly struct EmbedRows<T>(RowPieces items, TimeGaps gaps, int width, T* table, T* rows) : IParallelWork
        where T : unmanaged
    {
        public void Execute(int item, int thread)
        {
            int* bucketOfRow = stackalloc int[BucketRows];
            for (long row = items.Begin(item); row < items.End(item); row += BucketRows)
            {
                int count = (int)Math.Min(BucketRows, items.End(item) - row);
                gaps.FindBuckets(row, row + count, bucketOfRow);
                Add(bucketOfRow, count, width, table, rows + (row * width));
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private static void Add(int* bucketOfRow, int count, int width, T* table, T* rows)
        {
            for (int i = 0; i < count; i++, rows += width)
            {
                T* embedding = table + ((long)bucketOfRow[i] * width);
                int x = 0;
                for (; x + TSimd.Count <= width; x += TSimd.Count)
                {
                    TVector sum = TSimd.Add(SimdMath.Load<TSimd, TVector, T>(rows + x), SimdMath.Load<TSimd, TVector, T>(embedding + x));
                    SimdMath.Store<TSimd, TVector, T>(sum, rows + x);
                }
                for (; x < width; x++)
                {
                    rows[x] = Element<T>.FromSingle(Element<T>.ToSingle(rows[x]) + Element<T>.ToSingle(embedding[x]));
                }
            }
        }
    }

    private readonly struct SumBucketPieces<T>(SegmentPieces pieces, int* order, int width, T* rowGradient, float* partials, long stride) : IParallelWork
        where T : unmanaged
    {
        public void Execute(int item, int thread)
        {
            (long first, long end) = pieces.Rows(item, pieces.SegmentOf(item));
            RowSums<T, TSimd, TVector>.SumPiece(rowGradient, order, first, (int)(end - first), width, partials + (item * stride));
        }
    }
}
