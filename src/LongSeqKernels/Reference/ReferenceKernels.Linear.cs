namespace LongSeqKernels;

// Linear: y = x W + b, W [in, out].
internal sealed partial class ReferenceKernels
{
    public void Linear<T>(LinearShape shape, ReadOnlySpan<T> input, ReadOnlySpan<T> weight, ReadOnlySpan<T> bias, Span<T> output, OutputMode mode)
        where T : unmanaged
    {
        for (int row = 0; row < shape.Rows; row++)
        {
            double[] y = Multiply<T>(LoadRow(Row(input, row, shape.InputWidth)), weight, bias, shape.OutputWidth);
            Store(y, Row(output, row, shape.OutputWidth), mode);
        }
    }

    public void LinearBackward<T>(
        LinearShape shape,
        ReadOnlySpan<T> input,
        ReadOnlySpan<T> weight,
        ReadOnlySpan<T> outputGradient,
        Span<T> inputGradient,
        Span<T> weightGradient,
        Span<T> biasGradient,
        OutputMode mode)
        where T : unmanaged
    {
        var weightSum = new double[weight.Length];
        var biasSum = new double[shape.OutputWidth];
        for (int row = 0; row < shape.Rows; row++)
        {
            double[] x = LoadRow(Row(input, row, shape.InputWidth));
            double[] gradient = LoadRow(Row(outputGradient, row, shape.OutputWidth));
            double[] rowGradient = MultiplyGradient(x, weight, gradient, weightSum, biasSum);
            if (!inputGradient.IsEmpty)
            {
                Store(rowGradient, Row(inputGradient, row, shape.InputWidth), mode);
            }
        }
        Store(weightSum, weightGradient, mode);
        Store(biasSum, biasGradient, mode);
    }

    private static double[] Multiply<T>(ReadOnlySpan<double> x, ReadOnlySpan<T> weight, ReadOnlySpan<T> bias, int outputWidth)
        where T : unmanaged
    {
        var y = new double[outputWidth];
        if (!bias.IsEmpty)
        {
            AddScaled(y, 1, bias);
        }
        for (int i = 0; i < x.Length; i++)
        {
            AddScaled(y, x[i], Row(weight, i, outputWidth));
        }
        return y;
    }

    /// <summary>Returns <c>dx = dy W^T</c>; adds <c>x^T dy</c> and dy to the sums of weight and bias.</summary>
    private static double[] MultiplyGradient<T>(
        ReadOnlySpan<double> x, ReadOnlySpan<T> weight, ReadOnlySpan<double> outputGradient, Span<double> weightSum, Span<double> biasSum)
        where T : unmanaged
    {
        int outputWidth = outputGradient.Length;
        var inputGradient = new double[x.Length];
        for (int i = 0; i < x.Length; i++)
        {
            AddScaled(Row(weightSum, i, outputWidth), x[i], outputGradient);
            inputGradient[i] = Dot(Row(weight, i, outputWidth), outputGradient);
        }
        AddScaled(biasSum, 1, outputGradient);
        return inputGradient;
    }
}
