namespace LongSeqKernels;

/// <summary>
/// Merges partial attention states (o, lse) of disjoint parts of a history:
/// <c>lse = ln sum_p exp(lse_p)</c>, <c>o = sum_p exp(lse_p - lse) o_p</c>. Associative and commutative up to rounding; the state (0, -infinity) of an
/// empty part is its identity. Parts are summed in the order they are given, so the result is deterministic.
/// </summary>
public static class MergeStates
{
    /// <summary>Merges.</summary>
    /// <param name="context">Where to run.</param>
    /// <param name="rows">Rows (target, query, head) of every part.</param>
    /// <param name="width">Elements of one row's output.</param>
    /// <param name="outputs"><c>[parts, rows, width]</c>.</param>
    /// <param name="logSumExps"><c>[parts, rows]</c> natural log.</param>
    /// <param name="output"><c>[rows, width]</c>; 0 where every part is empty.</param>
    /// <param name="logSumExp"><c>[rows]</c>; -infinity where every part is empty.</param>
    /// <exception cref="ArgumentException">A tensor has the wrong length or an output overlaps an input.</exception>
    public static void Forward(
        LongSeqContext context, int rows, int width, ReadOnlySpan<float> outputs, ReadOnlySpan<float> logSumExps, Span<float> output, Span<float> logSumExp)
    {
        int parts = Parts(context, rows, width, logSumExps.Length);
        Check.Length(logSumExps, (long)parts * rows, "parts * rows");
        Check.Length(outputs, (long)parts * rows * width, "parts * rows * width");
        Check.Length(output, (long)rows * width, "rows * width");
        Check.Length(logSumExp, rows, "rows");
        Check.Disjoint(output, outputs);
        Check.Disjoint(output, logSumExps);
        Check.Disjoint(output, logSumExp);
        Check.Disjoint(logSumExp, outputs);
        Check.Disjoint(logSumExp, logSumExps);
        context.Kernels.MergeStates(parts, rows, width, outputs, logSumExps, output, logSumExp);
    }

    /// <summary>Gradients of <see cref="Forward"/> for every part; all are overwritten.</summary>
    /// <param name="context">Where to run.</param>
    /// <param name="rows">As in the forward run.</param>
    /// <param name="width">As in the forward run.</param>
    /// <param name="outputs">As in the forward run.</param>
    /// <param name="logSumExps">As in the forward run.</param>
    /// <param name="outputGradient"><c>[rows, width]</c>.</param>
    /// <param name="logSumExpGradient"><c>[rows]</c>, or empty for 0.</param>
    /// <param name="outputGradients"><c>[parts, rows, width]</c>.</param>
    /// <param name="logSumExpGradients"><c>[parts, rows]</c>; 0 for empty parts.</param>
    /// <exception cref="ArgumentException">A tensor has the wrong length or an output overlaps an input.</exception>
    public static void Backward(
        LongSeqContext context,
        int rows,
        int width,
        ReadOnlySpan<float> outputs,
        ReadOnlySpan<float> logSumExps,
        ReadOnlySpan<float> outputGradient,
        ReadOnlySpan<float> logSumExpGradient,
        Span<float> outputGradients,
        Span<float> logSumExpGradients)
    {
        int parts = Parts(context, rows, width, logSumExps.Length);
        Check.Length(logSumExps, (long)parts * rows, "parts * rows");
        Check.Length(outputs, (long)parts * rows * width, "parts * rows * width");
        Check.Length(outputGradient, (long)rows * width, "rows * width");
        Check.LengthOrEmpty(logSumExpGradient, rows, "rows");
        Check.Length(outputGradients, (long)parts * rows * width, "parts * rows * width");
        Check.Length(logSumExpGradients, (long)parts * rows, "parts * rows");
        Check.Disjoint(outputGradients, outputs);
        Check.Disjoint(outputGradients, logSumExps);
        Check.Disjoint(outputGradients, outputGradient);
        Check.Disjoint(outputGradients, logSumExpGradient);
        Check.Disjoint(outputGradients, logSumExpGradients);
        Check.Disjoint(logSumExpGradients, outputs);
        Check.Disjoint(logSumExpGradients, logSumExps);
        Check.Disjoint(logSumExpGradients, outputGradient);
        Check.Disjoint(logSumExpGradients, logSumExpGradient);
        context.Kernels.MergeStatesBackward(
            parts, rows, width, outputs, logSumExps, outputGradient, logSumExpGradient, outputGradients, logSumExpGradients);
    }

    private static int Parts(LongSeqContext context, int rows, int width, int states)
    {
        context.ThrowIfDisposed();
        Check.Rows(rows);
        Check.Width(width);
        return rows == 0 ? 0 : states / rows;
    }
}
