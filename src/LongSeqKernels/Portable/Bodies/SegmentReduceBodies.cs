namespace LongSeqKernels.Portable;

/// <summary>Segment sum, mean and maximum; one work item is one (segment, column).</summary>
public static class SegmentReduceBodies
{
    /// <summary>Reduces one column of one segment.</summary>
    /// <param name="reduction">Which.</param>
    /// <param name="offsets"><c>[segments + 1]</c>.</param>
    /// <param name="width">Elements of a row.</param>
    /// <param name="input"><c>[total, width]</c>.</param>
    /// <param name="output"><c>[segments, width]</c>, result.</param>
    /// <param name="item">segment * width + column.</param>
    public static void Forward<TIndices, TInput, TOutput>(SegmentReduction reduction, TIndices offsets, int width, TInput input, TOutput output, long item)
        where TIndices : struct, IIndexView, allows ref struct
        where TInput : struct, IReadView, allows ref struct
        where TOutput : struct, IReadWriteView, allows ref struct
    {
        long segment = item / width;
        long column = item - (segment * width);
        long begin = offsets.Get(segment);
        long end = offsets.Get(segment + 1);
        float value = 0f;
        if (begin < end)
        {
            value = reduction == SegmentReduction.Max
                ? input.Get((FirstMaximum(begin, end, width, input, column) * width) + column)
                : BlockSums.Sum(input, (begin * width) + column, width, end - begin);
            value = reduction == SegmentReduction.Mean ? value / (end - begin) : value;
        }
        output.Set(item, value);
    }

    /// <summary>The gradient of one column of one segment.</summary>
    /// <param name="reduction">Which.</param>
    /// <param name="offsets"><c>[segments + 1]</c>.</param>
    /// <param name="width">Elements of a row.</param>
    /// <param name="input"><c>[total, width]</c>.</param>
    /// <param name="outputGradient"><c>[segments, width]</c>.</param>
    /// <param name="inputGradient"><c>[total, width]</c>, result.</param>
    /// <param name="item">segment * width + column.</param>
    public static void Backward<TIndices, TInput, TOutput>(
        SegmentReduction reduction, TIndices offsets, int width, TInput input, TInput outputGradient, TOutput inputGradient, long item)
        where TIndices : struct, IIndexView, allows ref struct
        where TInput : struct, IReadView, allows ref struct
        where TOutput : struct, IReadWriteView, allows ref struct
    {
        long segment = item / width;
        long column = item - (segment * width);
        long begin = offsets.Get(segment);
        long end = offsets.Get(segment + 1);
        long chosen = reduction == SegmentReduction.Max && begin < end ? FirstMaximum(begin, end, width, input, column) : -1;
        float gradient = outputGradient.Get(item);
        float share = reduction == SegmentReduction.Mean ? gradient / (end - begin) : gradient;
        for (long row = begin; row < end; row++)
        {
            inputGradient.Set((row * width) + column, reduction != SegmentReduction.Max || row == chosen ? share : 0f);
        }
    }

    private static long FirstMaximum<TInput>(long begin, long end, int width, TInput input, long column)
        where TInput : struct, IReadView, allows ref struct
    {
        long first = begin;
        float maximum = input.Get((begin * width) + column);
        for (long row = begin + 1; row < end; row++)
        {
            float value = input.Get((row * width) + column);
            if (value > maximum)
            {
                first = row;
                maximum = value;
            }
        }
        return first;
    }
}
