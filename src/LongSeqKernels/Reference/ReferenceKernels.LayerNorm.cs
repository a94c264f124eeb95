namespace LongSeqKernels;

// Layer norm: y = n * gain + bias with n = (x - mean) / sqrt(variance + epsilon).
internal sealed partial class ReferenceKernels
{
    public void LayerNorm<T>(int rows, int width, float epsilon, ReadOnlySpan<T> input, ReadOnlySpan<T> gain, ReadOnlySpan<T> bias, Span<T> output)
        where T : unmanaged
    {
        for (int row = 0; row < rows; row++)
        {
            double[] x = LoadRow(Row(input, row, width));
            Store(Norm(x, epsilon, gain, bias), Row(output, row, width));
        }
    }

    public void LayerNormBackward<T>(
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
        var gainSum = new double[width];
        var biasSum = new double[width];
        for (int row = 0; row < rows; row++)
        {
            double[] x = LoadRow(Row(input, row, width));
            double[] gradient = LoadRow(Row(outputGradient, row, width));
            double[] rowGradient = NormGradient(x, epsilon, gain, gradient, gainSum, biasSum);
            if (!inputGradient.IsEmpty)
            {
                Store(rowGradient, Row(inputGradient, row, width));
            }
        }
        Store(gainSum, gainGradient);
        Store(biasSum, biasGradient);
    }

    private static double[] LoadRow<T>(ReadOnlySpan<T> row)
        where T : unmanaged
    {
        var values = new double[row.Length];
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = Load(row[i]);
        }
        return values;
    }

    private static double[] Norm<T>(ReadOnlySpan<double> x, float epsilon, ReadOnlySpan<T> gain, ReadOnlySpan<T> bias)
        where T : unmanaged
    {
        (double mean, double inverseDeviation) = Moments(x, epsilon);
        var y = new double[x.Length];
        for (int i = 0; i < y.Length; i++)
        {
            double normalised = (x[i] - mean) * inverseDeviation;
            y[i] = (normalised * (gain.IsEmpty ? 1 : Load(gain[i]))) + (bias.IsEmpty ? 0 : Load(bias[i]));
        }
        return y;
    }

    /// <summary>With <c>e = dy * gain</c>: <c>dx = (e - mean(e) - n * mean(e * n)) / sqrt(variance + epsilon)</c>; adds to the sums of gain and bias.</summary>
    private static double[] NormGradient<T>(
        ReadOnlySpan<double> x, float epsilon, ReadOnlySpan<T> gain, ReadOnlySpan<double> outputGradient, Span<double> gainSum, Span<double> biasSum)
        where T : unmanaged
    {
        int width = x.Length;
        (double mean, double inverseDeviation) = Moments(x, epsilon);
        var normalised = new double[width];
        var scaled = new double[width];
        double meanScaled = 0;
        double meanProduct = 0;
        for (int i = 0; i < width; i++)
        {
            normalised[i] = (x[i] - mean) * inverseDeviation;
            scaled[i] = outputGradient[i] * (gain.IsEmpty ? 1 : Load(gain[i]));
            meanScaled += scaled[i] / width;
            meanProduct += scaled[i] * normalised[i] / width;
            gainSum[i] += outputGradient[i] * normalised[i];
            biasSum[i] += outputGradient[i];
        }
        var inputGradient = new double[width];
        for (int i = 0; i < width; i++)
        {
            inputGradient[i] = (scaled[i] - meanScaled - (normalised[i] * meanProduct)) * inverseDeviation;
        }
        return inputGradient;
    }

    private static (double Mean, double InverseDeviation) Moments(ReadOnlySpan<double> x, float epsilon)
    {
        double mean = 0;
        foreach (double value in x)
        {
            mean += value / x.Length;
        }
        double variance = 0;
        foreach (double value in x)
        {
            variance += (value - mean) * (value - mean) / x.Length;
        }
        return (mean, 1 / Math.Sqrt(variance + epsilon));
    }
}
