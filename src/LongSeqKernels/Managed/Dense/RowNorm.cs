using System.Runtime.CompilerServices;

namespace LongSeqKernels;

/// <summary>Layer normalisation of one fp32 row: <c>y = (x - mean) * scale * gain + bias</c>, <c>scale = 1 / sqrt(variance + epsilon)</c>.</summary>
internal static unsafe class RowNorm<TSimd, TVector>
    where TSimd : struct, ISimd<TVector>
    where TVector : struct
{
    /// <summary>
    /// The means of rows and their scales; the variance from the centred row, which keeps its digits when the mean is large. Four rows at a time hide the
    /// latency of the sums across vectors, the division and the root.
    /// </summary>
    public static void Moments(float* x, long stride, int rows, int width, float epsilon, float* means, float* scales)
    {
        int row = 0;
        for (; row + 4 <= rows; row += 4)
        {
            MomentsOfFour(x + (row * stride), stride, width, epsilon, means + row, scales + row);
        }
        for (; row < rows; row++)
        {
            (means[row], scales[row]) = Moments(x + (row * stride), width, epsilon);
        }
    }

    /// <summary>The mean of a row and its scale.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static (float Mean, float Scale) Moments(float* x, int width, float epsilon)
    {
        TVector sums = TSimd.Zero;
        int i = 0;
        for (; i + TSimd.Count <= width; i += TSimd.Count)
        {
            sums = TSimd.Add(sums, TSimd.Load(x + i));
        }
        float sum = TSimd.Sum(sums);
        for (; i < width; i++)
        {
            sum += x[i];
        }
        float mean = sum / width;
        TVector centre = TSimd.Create(mean);
        TVector squares = TSimd.Zero;
        for (i = 0; i + TSimd.Count <= width; i += TSimd.Count)
        {
            TVector difference = TSimd.Subtract(TSimd.Load(x + i), centre);
            squares = TSimd.MultiplyAdd(difference, difference, squares);
        }
        return (mean, Scale(TSimd.Sum(squares), x, i, width, mean, epsilon));
    }

    /// <summary>Normalises a row; <paramref name="y"/> may be <paramref name="x"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
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
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
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

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void MomentsOfFour(float* x, long stride, int width, float epsilon, float* means, float* scales)
    {
        float* a = x;
        float* b = a + stride;
        float* c = b + stride;
        float* d = c + stride;
        TVector sumA = TSimd.Zero, sumB = TSimd.Zero, sumC = TSimd.Zero, sumD = TSimd.Zero;
        int i = 0;
        for (; i + TSimd.Count <= width; i += TSimd.Count)
        {
            sumA = TSimd.Add(sumA, TSimd.Load(a + i));
            sumB = TSimd.Add(sumB, TSimd.Load(b + i));
            sumC = TSimd.Add(sumC, TSimd.Load(c + i));
            sumD = TSimd.Add(sumD, TSimd.Load(d + i));
        }
        float meanA = TSimd.Sum(sumA), meanB = TSimd.Sum(sumB), meanC = TSimd.Sum(sumC), meanD = TSimd.Sum(sumD);
        for (; i < width; i++)
        {
            meanA += a[i];
            meanB += b[i];
            meanC += c[i];
            meanD += d[i];
        }
        means[0] = meanA /= width;
        means[1] = meanB /= width;
        means[2] = meanC /= width;
        means[3] = meanD /= width;
        TVector centreA = TSimd.Create(meanA), centreB = TSimd.Create(meanB), centreC = TSimd.Create(meanC), centreD = TSimd.Create(meanD);
        sumA = sumB = sumC = sumD = TSimd.Zero;
        for (i = 0; i + TSimd.Count <= width; i += TSimd.Count)
        {
            TVector differenceA = TSimd.Subtract(TSimd.Load(a + i), centreA);
            TVector differenceB = TSimd.Subtract(TSimd.Load(b + i), centreB);
            TVector differenceC = TSimd.Subtract(TSimd.Load(c + i), centreC);
            TVector differenceD = TSimd.Subtract(TSimd.Load(d + i), centreD);
            sumA = TSimd.MultiplyAdd(differenceA, differenceA, sumA);
            sumB = TSimd.MultiplyAdd(differenceB, differenceB, sumB);
            sumC = TSimd.MultiplyAdd(differenceC, differenceC, sumC);
            sumD = TSimd.MultiplyAdd(differenceD, differenceD, sumD);
        }
        scales[0] = Scale(TSimd.Sum(sumA), a, i, width, meanA, epsilon);
        scales[1] = Scale(TSimd.Sum(sumB), b, i, width, meanB, epsilon);
        scales[2] = Scale(TSimd.Sum(sumC), c, i, width, meanC, epsilon);
        scales[3] = Scale(TSimd.Sum(sumD), d, i, width, meanD, epsilon);
    }

    /// <summary>Completes the sum of squares with the elements that fill no vector.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float Scale(float squares, float* x, int first, int width, float mean, float epsilon)
    {
        for (int i = first; i < width; i++)
        {
            squares += (x[i] - mean) * (x[i] - mean);
        }
        return 1f / MathF.Sqrt((squares / width) + epsilon);
    }
}
