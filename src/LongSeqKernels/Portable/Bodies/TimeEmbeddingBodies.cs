namespace LongSeqKernels.Portable;

/// <summary>Time-gap embedding; one work item is one history row, or one row of the table for its gradient.</summary>
public static class TimeEmbeddingBodies
{
    /// <summary>Finds the bucket of one row. Buckets are whole numbers that fp32 holds exactly.</summary>
    /// <param name="buckets">How gaps become buckets.</param>
    /// <param name="offsets"><c>[segments + 1]</c>.</param>
    /// <param name="requestTimes"><c>[segments]</c>.</param>
    /// <param name="eventTimes"><c>[total]</c>.</param>
    /// <param name="bucketOfRow"><c>[total]</c>, result.</param>
    /// <param name="row">The row.</param>
    public static void FindBucket<TIndices, TScratch>(
        TimeBuckets buckets, TIndices offsets, TIndices requestTimes, TIndices eventTimes, TScratch bucketOfRow, long row)
        where TIndices : struct, IIndexView, allows ref struct
        where TScratch : struct, IReadWriteView, allows ref struct =>
        bucketOfRow.Set(row, buckets.Of(requestTimes.Get(BodyMath.SegmentOf(offsets, row)) - eventTimes.Get(row)));

    /// <summary>Adds its embedding to one row.</summary>
    /// <param name="width">Elements of a row.</param>
    /// <param name="bucketOfRow"><c>[total]</c> from <see cref="FindBucket"/>.</param>
    /// <param name="table"><c>[buckets, width]</c>.</param>
    /// <param name="rows"><c>[total, width]</c>, added to.</param>
    /// <param name="row">The row.</param>
    public static void Forward<TScratch, TInput, TOutput>(int width, TScratch bucketOfRow, TInput table, TOutput rows, long row)
        where TScratch : struct, IReadWriteView, allows ref struct
        where TInput : struct, IReadView, allows ref struct
        where TOutput : struct, IReadWriteView, allows ref struct
    {
        long bucket = (long)bucketOfRow.Get(row);
        for (int i = 0; i < width; i++)
        {
            rows.Set((row * width) + i, rows.Get((row * width) + i) + table.Get((bucket * width) + i));
        }
    }

    /// <summary>The gradient of one row of the table: the sum of the rows of its bucket, in their order.</summary>
    /// <param name="width">Elements of a row.</param>
    /// <param name="bucketOfRow"><c>[total]</c> from <see cref="FindBucket"/>.</param>
    /// <param name="rowGradient"><c>[total, width]</c>.</param>
    /// <param name="tableGradient"><c>[buckets, width]</c>, result.</param>
    /// <param name="scratch"><c>[2, width]</c> at <paramref name="scratchStart"/>, this item's own.</param>
    /// <param name="scratchStart">Where this item's scratch starts.</param>
    /// <param name="bucket">The row of the table.</param>
    public static void Backward<TScratch, TInput, TOutput>(
        int width, TScratch bucketOfRow, TInput rowGradient, TOutput tableGradient, TScratch scratch, long scratchStart, long bucket)
        where TScratch : struct, IReadWriteView, allows ref struct
        where TInput : struct, IReadView, allows ref struct
        where TOutput : struct, IReadWriteView, allows ref struct
    {
        BlockSums.Begin(scratch, scratchStart, width);
        long term = 0;
        for (long row = 0; row < bucketOfRow.Length; row++)
        {
            if (bucketOfRow.Get(row) == bucket)
            {
                BlockSums.Add(scratch, scratchStart, width, term, 1f, rowGradient, row * width);
                term++;
            }
        }
        BlockSums.End(scratch, scratchStart, width);
        for (int i = 0; i < width; i++)
        {
            tableGradient.Set((bucket * width) + i, scratch.Get(scratchStart + i));
        }
    }
}
