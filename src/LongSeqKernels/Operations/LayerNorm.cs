namespace LongSeqKernels;

/// <summary>Layer normalisation of rows: <c>y = (x - mean) / sqrt(variance + epsilon) * gain + bias</c>, variance over the row's width.</summary>
public static class LayerNorm
{
    /// <summary>The epsilon that models use unless they say otherwise.</summary>
    public const float DefaultEpsilon = 1e-5f;

    /// <summary>Normalises rows.</summary>
    /// <param name="context">Where to run.</param>
    /// <param name="rows">Number of rows; may be 0.</param>
    /// <param name="width">Elements of a row.</param>
    /// <param name="epsilon">Greater than 0.</param>
    /// <param name="input"><c>[rows, width]</c>.</param>
    /// <param name="gain"><c>[width]</c>, or empty for 1.</param>
    /// <param name="bias"><c>[width]</c>, or empty for 0.</param>
    /// <param name="output"><c>[rows, width]</c>.</param>
    /// <exception cref="ArgumentException">A tensor has the wrong length or overlaps another.</exception>
    public static void Forward<T>(
        LongSeqContext context, int rows, int width, float epsilon, ReadOnlySpan<T> input, ReadOnlySpan<T> gain, ReadOnlySpan<T> bias, Span<T> output)
        where T : unmanaged
    {
        CheckInputs(context, rows, width, epsilon, input, gain);
        Check.LengthOrEmpty(bias, width, "width");
        Check.Length(output, (long)rows * width, "rows * width");
        Check.Disjoint(output, input);
        Check.Disjoint(output, gain);
        Check.Disjoint(output, bias);
        context.Kernels.LayerNorm(rows, width, epsilon, input, gain, bias, output);
    }

    /// <summary>Gradients of <see cref="Forward"/>; overwritten, one that is not wanted is an empty span.</summary>
    /// <param name="context">Where to run.</param>
    /// <param name="rows">As in the forward run.</param>
    /// <param name="width">As in the forward run.</param>
    /// <param name="epsilon">As in the forward run.</param>
    /// <param name="input">As in the forward run.</param>
    /// <param name="gain">As in the forward run.</param>
    /// <param name="outputGradient"><c>[rows, width]</c>.</param>
    /// <param name="inputGradient"><c>[rows, width]</c>, or empty.</param>
    /// <param name="gainGradient"><c>[width]</c>, or empty.</param>
    /// <param name="biasGradient"><c>[width]</c>, or empty.</param>
    /// <exception cref="ArgumentException">A tensor has the wrong length or overlaps another.</exception>
    public static void Backward<T>(
        LongSeqContext context,
        int rows,
        int width,
        float epsilon,
        ReadOnlySpan<T> input,
        ReadOnlySpan<T> gain,
        ReadOnlySpan<T> outputGradient,
        Span<T> inputGradient,
        Span<T> gainGradient,
        Span<T> biasGradient)
        where T : unmanaged
    {
        CheckInputs(context, rows, width, epsilon, input, gain);
        Check.Length(outputGradient, (long)rows * width, "rows * width");
        Check.LengthOrEmpty(inputGradient, (long)rows * width, "rows * width");
        Check.LengthOrEmpty(gainGradient, width, "width");
        Check.LengthOrEmpty(biasGradient, width, "width");
        Check.Disjoint(inputGradient, input);
        Check.Disjoint(inputGradient, gain);
        Check.Disjoint(inputGradient, outputGradient);
        Check.Disjoint(inputGradient, gainGradient);
        Check.Disjoint(inputGradient, biasGradient);
        Check.Disjoint(gainGradient, input);
        Check.Disjoint(gainGradient, gain);
        Check.Disjoint(gainGradient, outputGradient);
        Check.Disjoint(gainGradient, biasGradient);
        Check.Disjoint(biasGradient, input);
        Check.Disjoint(biasGradient, gain);
        Check.Disjoint(biasGradient, outputGradient);
        context.Kernels.LayerNormBackward(rows, width, epsilon, input, gain, outputGradient, inputGradient, gainGradient, biasGradient);
    }

    private static void CheckInputs<T>(LongSeqContext context, int rows, int width, float epsilon, ReadOnlySpan<T> input, ReadOnlySpan<T> gain)
        where T : unmanaged
    {
        _ = Element<T>.Type;
        context.ThrowIfDisposed();
        Check.Rows(rows);
        Check.Width(width);
        Check.FinitePositive(epsilon);
        Check.Length(input, (long)rows * width, "rows * width");
        Check.LengthOrEmpty(gain, width, "width");
    }
}
