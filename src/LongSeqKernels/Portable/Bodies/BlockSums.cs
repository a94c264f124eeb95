namespace LongSeqKernels.Portable;

/// <summary>
/// Sums of many terms in two levels: blocks of <see cref="Terms"/> by themselves, then the blocks. One running fp32 sum of a million terms would lose three
/// digits more.
/// </summary>
public static class BlockSums
{
    /// <summary>Terms of a block.</summary>
    public const int Terms = 64;

    /// <summary><c>sum_i a[aStart + i * aStep] * b[bStart + i * bStep]</c>.</summary>
    public static float Dot<TLeft, TRight>(TLeft a, long aStart, long aStep, TRight b, long bStart, long bStep, long count)
        where TLeft : struct, IReadView, allows ref struct
        where TRight : struct, IReadView, allows ref struct
    {
        float total = 0f;
        for (long block = 0; block < count; block += Terms)
        {
            float sum = 0f;
            long end = Math.Min(block + Terms, count);
            for (long i = block; i < end; i++)
            {
                sum += a.Get(aStart + (i * aStep)) * b.Get(bStart + (i * bStep));
            }
            total += sum;
        }
        return total;
    }

    /// <summary><c>sum_i a[start + i * step]</c>.</summary>
    public static float Sum<TView>(TView a, long start, long step, long count)
        where TView : struct, IReadView, allows ref struct
    {
        float total = 0f;
        for (long block = 0; block < count; block += Terms)
        {
            float sum = 0f;
            long end = Math.Min(block + Terms, count);
            for (long i = block; i < end; i++)
            {
                sum += a.Get(start + (i * step));
            }
            total += sum;
        }
        return total;
    }

    /// <summary>Starts a sum of rows: <c>[2, width]</c> of scratch, the total and the block.</summary>
    public static void Begin<TScratch>(TScratch scratch, long start, int width)
        where TScratch : struct, IReadWriteView, allows ref struct
    {
        for (int i = 0; i < 2 * width; i++)
        {
            scratch.Set(start + i, 0f);
        }
    }

    /// <summary>Adds <c>factor * row</c> to a sum of rows.</summary>
    /// <param name="scratch">Holds the sum.</param>
    /// <param name="start">Where it starts.</param>
    /// <param name="width">Elements of a row.</param>
    /// <param name="term">Number of the term, from 0: blocks end by it.</param>
    /// <param name="factor">Factor of the row.</param>
    /// <param name="rows">Holds the row.</param>
    /// <param name="rowStart">Where it starts.</param>
    public static void Add<TScratch, TRows>(TScratch scratch, long start, int width, long term, float factor, TRows rows, long rowStart)
        where TScratch : struct, IReadWriteView, allows ref struct
        where TRows : struct, IReadView, allows ref struct
    {
        long block = start + width;
        for (int i = 0; i < width; i++)
        {
            scratch.Set(block + i, scratch.Get(block + i) + (factor * rows.Get(rowStart + i)));
        }
        if (term % Terms == Terms - 1)
        {
            End(scratch, start, width);
        }
    }

    /// <summary>Adds the last block to the total, which then holds the sum.</summary>
    public static void End<TScratch>(TScratch scratch, long start, int width)
        where TScratch : struct, IReadWriteView, allows ref struct
    {
        long block = start + width;
        for (int i = 0; i < width; i++)
        {
            scratch.Set(start + i, scratch.Get(start + i) + scratch.Get(block + i));
            scratch.Set(block + i, 0f);
        }
    }
}
