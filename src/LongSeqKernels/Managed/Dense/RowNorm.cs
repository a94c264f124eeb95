namespace LongSeqKernels;

/// <summary>Layer normalisation of one fp32 row: <c>y = (x - mean) * scale * gain + bias</c>, <c>scale = 1 / sqrt(variance + epsilon)</c>.</summary>
internal static unsafe class RowNorm<TSimd, TVector>
    where TSimd : struct, ISimd<TVector>
    where TVector : struct
{
    /// <summary>The mean of a row and its scale; the variance from the centred row, which keeps its digits when the mean is large.</summary>
    public static (float Mean, float Scale) Moments(float* x, int width, float epsilon)
    {
        float mean = Sum(x, width) / width;
        TVector centre = TSimd.Create(mean);
        TVector even = TSimd.Zero;
        TVector odd = TSimd.Zero;
        int i = 0;
        for (; i + (2 * TSimd.Count) <= width; i += 2 * TSimd.Count)
        {
            TVector first = TSimd.Subtract(TSimd.Load(x + i), centre);
            TVector second = TSimd.Subtract(TSimd.Load(x + i + TSimd.Count), centre);
            even = TSimd.MultiplyAdd(first, first, even);
            odd = TSimd.MultiplyAdd(second, second, odd);
        }
        float squares = TSimd.Sum(TSimd.Add(even, odd));
        for (; i < width; i++)
        {
            squares += (x[i] - mean) * (x[i] - mean);
        }
        return (mean, 1f / MathF.Sqrt((squares / width) + epsilon));
    }

    /// <summary>Normalises a row; <paramref name="y"/> may be <paramref name="x"/>.</summary>
    public static void Normalise(float* x, int width, float mean, float scale, float* gain, float* bias, float* y)
    {
        TVector centre = TSimd.Create(mean);
        TVector factor = TSimd.Create(scale);
        int i = 0;
        for (; i + TSimd.Count <= width; i += TSimd.Count)
        {
            TVector normalised = TSimd.Multiply(TSimd.Subtract(TSimd.Load(x + i), centre), factor);
            TSimd.Store(TSimd.MultiplyAdd(normalised, TSimd.Load(gain + i), TSimd.Load(bias + i)), y + i);
        }
        for (; i < width; i++)
        {
            y[i] = ((x[i] - mean) * scale * gain[i]) + bias[i];
        }
    }

    /// <summary>
    /// The gradient of a row's input, and its part of the gradients of gain and bias, which are added to.
    /// <paramref name="inputGradient"/> may be <paramref name="outputGradient"/> or <paramref name="x"/>.
    /// </summary>
    public static void Backward(
        float* x, int width, float mean, float scale, float* gain, float* outputGradient, float* inputGradient, float* gainGradient, float* biasGradient)
    {
        TVector centre = TSimd.Create(mean);
        TVector factor = TSimd.Create(scale);
        TVector sums = TSimd.Zero;
        TVector products = TSimd.Zero;
        float sum = 0;
        float product = 0;
        int i = 0;
        for (; i + TSimd.Count <= width; i += TSimd.Count)
        {
            TVector normalised = TSimd.Multiply(TSimd.Subtract(TSimd.Load(x + i), centre), factor);
            TVector gradient = TSimd.Load(outputGradient + i);
            TVector scaled = TSimd.Multiply(gradient, TSimd.Load(gain + i));
            sums = TSimd.Add(sums, scaled);
            products = TSimd.MultiplyAdd(scaled, normalised, products);
            TSimd.Store(TSimd.MultiplyAdd(gradient, normalised, TSimd.Load(gainGradient + i)), gainGradient + i);
            TSimd.Store(TSimd.Add(gradient, TSimd.Load(biasGradient + i)), biasGradient + i);
        }
        for (int tail = i; tail < width; tail++)
        {
            float normalised = (x[tail] - mean) * scale;
            sum += outputGradient[tail] * gain[tail];
            product += outputGradient[tail] * gain[tail] * normalised;
            gainGradient[tail] += outputGradient[tail] * normalised;
            biasGradient[tail] += outputGradient[tail];
        }
        float meanGradient = (TSimd.Sum(sums) + sum) / width;
        float meanProduct = (TSimd.Sum(products) + product) / width;
        TVector meanGradients = TSimd.Create(meanGradient);
        TVector meanProducts = TSimd.Create(meanProduct);
        for (i = 0; i + TSimd.Count <= width; i += TSimd.Count)
        {
            TVector normalised = TSimd.Multiply(TSimd.Subtract(TSimd.Load(x + i), centre), factor);
            TVector scaled = TSimd.Multiply(TSimd.Load(outputGradient + i), TSimd.Load(gain + i));
            TVector rest = TSimd.Subtract(TSimd.Subtract(scaled, meanGradients), TSimd.Multiply(normalised, meanProducts));
            TSimd.Store(TSimd.Multiply(rest, factor), inputGradient + i);
        }
        for (; i < width; i++)
        {
            float normalised = (x[i] - mean) * scale;
            inputGradient[i] = ((outputGradient[i] * gain[i]) - meanGradient - (normalised * meanProduct)) * scale;
        }
    }

    private static float Sum(float* x, int width)
    {
        TVector even = TSimd.Zero;
        TVector odd = TSimd.Zero;
        int i = 0;
        for (; i + (2 * TSimd.Count) <= width; i += 2 * TSimd.Count)
        {
            even = TSimd.Add(even, TSimd.Load(x + i));
            odd = TSimd.Add(odd, TSimd.Load(x + i + TSimd.Count));
        }
        float sum = TSimd.Sum(TSimd.Add(even, odd));
        for (; i < width; i++)
        {
            sum += x[i];
        }
        return sum;
    }
}
