namespace LongSeqKernels;

// Segment sum, mean and maximum; an empty segment gives 0.
internal sealed partial class ReferenceKernels
{
    public void SegmentReduce<T>(SegmentReduction reduction, JaggedLayout segments, int width, ReadOnlySpan<T> input, Span<T> output)
        where T : unmanaged
    {
        for (int segment = 0; segment < segments.Count; segment++)
        {
            var reduced = new double[width];
            for (int column = 0; column < width; column++)
            {
                if (reduction == SegmentReduction.Max)
                {
                    long row = FirstMaximum(segments, segment, width, input, column);
                    reduced[column] = row < 0 ? 0 : Load(Row(input, row, width)[column]);
                    continue;
                }
                for (long row = segments.Start(segment); row < segments.Start(segment + 1); row++)
                {
                    reduced[column] += Load(Row(input, row, width)[column]);
                }
                if (reduction == SegmentReduction.Mean && segments.Length(segment) > 0)
                {
                    reduced[column] /= segments.Length(segment);
                }
            }
            Store(reduced, Row(output, segment, width));
        }
    }

    public void SegmentReduceBackward<T>(
        SegmentReduction reduction, JaggedLayout segments, int width, ReadOnlySpan<T> input, ReadOnlySpan<T> outputGradient, Span<T> inputGradient)
        where T : unmanaged
    {
        inputGradient.Clear();
        for (int segment = 0; segment < segments.Count; segment++)
        {
            ReadOnlySpan<T> gradient = Row(outputGradient, segment, width);
            for (int column = 0; column < width; column++)
            {
                if (reduction == SegmentReduction.Max)
                {
                    long row = FirstMaximum(segments, segment, width, input, column);
                    if (row >= 0)
                    {
                        Row(inputGradient, row, width)[column] = gradient[column];
                    }
                    continue;
                }
                double share = reduction == SegmentReduction.Mean ? 1.0 / segments.Length(segment) : 1;
                for (long row = segments.Start(segment); row < segments.Start(segment + 1); row++)
                {
                    Row(inputGradient, row, width)[column] = Store<T>(Load(gradient[column]) * share);
                }
            }
        }
    }

    /// <summary>The first row of a segment with the largest element in a column, or -1 in an empty segment.</summary>
    private static long FirstMaximum<T>(JaggedLayout segments, int segment, int width, ReadOnlySpan<T> input, int column)
        where T : unmanaged
    {
        long first = -1;
        double max = double.NegativeInfinity;
        for (long row = segments.Start(segment); row < segments.Start(segment + 1); row++)
        {
            double value = Load(Row(input, row, width)[column]);
            if (first < 0 || value > max)
            {
                (first, max) = (row, value);
            }
        }
        return first;
    }
}
