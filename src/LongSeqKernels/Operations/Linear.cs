namespace LongSeqKernels;

/// <summary>What an operation does with what its output already holds.</summary>
public enum OutputMode
{
    /// <summary>The output is overwritten.</summary>
    Overwrite,

    /// <summary>The result is added to the output.</summary>
    Add,
}

/// <summary>The shape of a linear layer <c>y = x W + b</c>.</summary>
/// <param name="Rows">Rows of x and y; may be 0.</param>
/// <param name="InputWidth">Columns of x, rows of W.</param>
/// <param name="OutputWidth">Columns of W and y.</param>
public readonly record struct LinearShape(int Rows, int InputWidth, int OutputWidth)
{
    internal void Validate()
    {
        Check.Rows(Rows);
        Check.Width(InputWidth);
        Check.Width(OutputWidth);
    }
}

/// <summary>
/// <c>y = x W + b</c>, W stored <c>[input, output]</c>. A product with a concatenation <c>[x1 | x2 | ...] W</c> (STCA's query fusion) is the sum of the
/// products with W's row blocks: run one after the other with <see cref="OutputMode.Add"/>, so that the concatenation is never made.
/// </summary>
public static class Linear
{
    /// <summary>Multiplies.</summary>
    /// <param name="context">Where to run.</param>
    /// <param name="shape">Rows and widths.</param>
    /// <param name="input"><c>[rows, in]</c>.</param>
    /// <param name="weight"><c>[in, out]</c>.</param>
    /// <param name="bias"><c>[out]</c>, or empty.</param>
    /// <param name="output"><c>[rows, out]</c>.</param>
    /// <param name="mode">Overwrite or add.</param>
    /// <exception cref="ArgumentException">A tensor has the wrong length or overlaps another.</exception>
    public static void Forward<T>(
        LongSeqContext context, LinearShape shape, ReadOnlySpan<T> input, ReadOnlySpan<T> weight, ReadOnlySpan<T> bias, Span<T> output, OutputMode mode = OutputMode.Overwrite)
        where T : unmanaged
    {
        _ = Element<T>.Type;
        context.ThrowIfDisposed();
        shape.Validate();
        Check.Length(input, (long)shape.Rows * shape.InputWidth, "rows * in");
        Check.Length(weight, (long)shape.InputWidth * shape.OutputWidth, "in * out");
        Check.LengthOrEmpty(bias, shape.OutputWidth, "out");
        Check.Length(output, (long)shape.Rows * shape.OutputWidth, "rows * out");
        Check.Defined(mode);
        Check.Disjoint(output, input);
        Check.Disjoint(output, weight);
        Check.Disjoint(output, bias);
        context.Kernels.Linear(shape, input, weight, bias, output, mode);
    }

    /// <summary>Gradients of <see cref="Forward"/>; one that is not wanted is an empty span.</summary>
    /// <param name="context">Where to run.</param>
    /// <param name="shape">Rows and widths.</param>
    /// <param name="input">As in the forward run.</param>
    /// <param name="weight">As in the forward run.</param>
    /// <param name="outputGradient"><c>[rows, out]</c>.</param>
    /// <param name="inputGradient"><c>[rows, in]</c>, or empty.</param>
    /// <param name="weightGradient"><c>[in, out]</c>, or empty.</param>
    /// <param name="biasGradient"><c>[out]</c>, or empty.</param>
    /// <param name="mode">Whether the gradients overwrite or add to what their spans hold.</param>
    /// <exception cref="ArgumentException">A tensor has the wrong length or overlaps another.</exception>
    public static void Backward<T>(
        LongSeqContext context,
        LinearShape shape,
        ReadOnlySpan<T> input,
        ReadOnlySpan<T> weight,
        ReadOnlySpan<T> outputGradient,
        Span<T> inputGradient,
        Span<T> weightGradient,
        Span<T> biasGradient,
        OutputMode mode = OutputMode.Overwrite)
        where T : unmanaged
    {
        _ = Element<T>.Type;
        context.ThrowIfDisposed();
        shape.Validate();
        Check.Length(input, (long)shape.Rows * shape.InputWidth, "rows * in");
        Check.Length(weight, (long)shape.InputWidth * shape.OutputWidth, "in * out");
        Check.Length(outputGradient, (long)shape.Rows * shape.OutputWidth, "rows * out");
        Check.LengthOrEmpty(inputGradient, (long)shape.Rows * shape.InputWidth, "rows * in");
        Check.LengthOrEmpty(weightGradient, (long)shape.InputWidth * shape.OutputWidth, "in * out");
        Check.LengthOrEmpty(biasGradient, shape.OutputWidth, "out");
        Check.Defined(mode);
        Check.Disjoint(inputGradient, input);
        Check.Disjoint(inputGradient, weight);
        Check.Disjoint(inputGradient, outputGradient);
        Check.Disjoint(inputGradient, weightGradient);
        Check.Disjoint(inputGradient, biasGradient);
        Check.Disjoint(weightGradient, input);
        Check.Disjoint(weightGradient, weight);
        Check.Disjoint(weightGradient, outputGradient);
        Check.Disjoint(weightGradient, biasGradient);
        Check.Disjoint(biasGradient, input);
        Check.Disjoint(biasGradient, weight);
        Check.Disjoint(biasGradient, outputGradient);
        context.Kernels.LinearBackward(shape, input, weight, outputGradient, inputGradient, weightGradient, biasGradient, mode);
    }
}
