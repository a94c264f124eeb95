namespace LongSeqKernels;

/// <summary>How the rows of a segment become one row.</summary>
public enum SegmentReduction
{
    /// <summary>Sum of the rows; 0 for an empty segment.</summary>
    Sum,

    /// <summary>Mean of the rows; 0 for an empty segment.</summary>
    Mean,

    /// <summary>Element-wise maximum; 0 for an empty segment. Ties go to the first row.</summary>
    Max,
}

/// <summary>Reduces each segment of a ragged tensor to one row (mean pooling baselines; the groups of KuaiFormer, arXiv 2411.10057).</summary>
public static class SegmentReduce
{
    /// <summary>Reduces.</summary>
    /// <param name="context">Where to run.</param>
    /// <param name="reduction">Sum, mean or maximum.</param>
    /// <param name="segments">Rows per segment.</param>
    /// <param name="width">Elements of a row.</param>
    /// <param name="input"><c>[total, width]</c>.</param>
    /// <param name="output"><c>[segments, width]</c>.</param>
    /// <exception cref="ArgumentException">A tensor has the wrong length or overlaps another.</exception>
    public static void Forward<T>(LongSeqContext context, SegmentReduction reduction, JaggedLayout segments, int width, ReadOnlySpan<T> input, Span<T> output)
        where T : unmanaged
    {
        CheckInputs(context, reduction, segments, width, input);
        Check.Length(output, (long)segments.Count * width, "segments * width");
        Check.Disjoint(output, input);
        context.Kernels.SegmentReduce(reduction, segments, width, input, output);
    }

    /// <summary>Gradient of <see cref="Forward"/>; overwritten.</summary>
    /// <param name="context">Where to run.</param>
    /// <param name="reduction">As in the forward run.</param>
    /// <param name="segments">As in the forward run.</param>
    /// <param name="width">As in the forward run.</param>
    /// <param name="input">As in the forward run.</param>
    /// <param name="outputGradient"><c>[segments, width]</c>.</param>
    /// <param name="inputGradient"><c>[total, width]</c>.</param>
    /// <exception cref="ArgumentException">A tensor has the wrong length or overlaps another.</exception>
    public static void Backward<T>(
        LongSeqContext context, SegmentReduction reduction, JaggedLayout segments, int width, ReadOnlySpan<T> input, ReadOnlySpan<T> outputGradient, Span<T> inputGradient)
        where T : unmanaged
    {
        CheckInputs(context, reduction, segments, width, input);
        Check.Length(outputGradient, (long)segments.Count * width, "segments * width");
        Check.Length(inputGradient, segments.Total * width, "total * width");
        Check.Disjoint(inputGradient, input);
        Check.Disjoint(inputGradient, outputGradient);
        context.Kernels.SegmentReduceBackward(reduction, segments, width, input, outputGradient, inputGradient);
    }

    private static void CheckInputs<T>(LongSeqContext context, SegmentReduction reduction, JaggedLayout segments, int width, ReadOnlySpan<T> input)
        where T : unmanaged
    {
        _ = Element<T>.Type;
        context.ThrowIfDisposed();
        Check.Defined(reduction);
        Check.Width(width);
        Check.Length(input, segments.Total * width, "total * width");
    }
}
