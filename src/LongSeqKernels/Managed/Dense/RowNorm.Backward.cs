using System.Runtime.CompilerServices;

namespace LongSeqKernels;

// The gradients of layer normalisation.
internal static unsafe partial class RowNorm<TSimd, TVector>
{
    /// <summary>
    /// The gradients of the inputs of rows, and their part of the gradients of gain and bias, which are added to, row after row.
    /// </summary>
    /// <param name="x">Rows before the norm.</param>
    /// <param name="stride">From a row of <paramref name="x"/> to the next.</param>
    /// <param name="rows">Number of rows.</param>
    /// <param name="width">Elements of a row.</param>
    /// <param name="means">Of every row.</param>
    /// <param name="scales">Of every row.</param>
    /// <param name="gain">One for each column.</param>
    /// <param name="outputGradient">Rows of gradients, <paramref name="width"/> apart.</param>
    /// <param name="inputGradient">Result; may be <paramref name="x"/>.</param>
    /// <param name="inputStride">From a row of <paramref name="inputGradient"/> to the next.</param>
    /// <param name="gainGradient">Added to.</param>
    /// <param name="biasGradient">Added to.</param>
    [SkipLocalsInit]
    public static void Backward(
        float* x,
        long stride,
        int rows,
        int width,
        float* means,
        float* scales,
        float* gain,
        float* outputGradient,
        float* inputGradient,
        long inputStride,
        float* gainGradient,
        float* biasGradient)
    {
        float* meanGradients = stackalloc float[BlockRows];
        float* meanProducts = stackalloc float[BlockRows];
        for (int row = 0; row < rows; row += BlockRows)
        {
            int count = Math.Min(BlockRows, rows - row);
            float* block = x + (row * stride);
            float* gradient = outputGradient + ((long)row * width);
            Sums(block, (nint)stride, count, width, means + row, scales + row, gain, gradient, gainGradient, biasGradient, meanGradients, meanProducts);
            InputGradient(
                block, stride, count, width, means + row, scales + row, gain, gradient, meanGradients, meanProducts, inputGradient + (row * inputStride), inputStride);
        }
    }

    /// <summary>Means over every row of <c>dy * gain</c> and of that times the centred row; sums over the rows for gain and bias.</summary>
    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Sums(
        float* x,
        nint stride,
        int rows,
        int width,
        float* means,
        float* scales,
        float* gain,
        float* outputGradient,
        float* gainGradient,
        float* biasGradient,
        float* meanGradients,
        float* meanProducts)
    {
        float* partial = stackalloc float[2 * PartialFloats];
        float* partialProducts = partial + PartialFloats;
        // Rows as distances: eight pointers and those of the sums are more than there are registers.
        nint gradientStride = width;
        nint stride2 = 2 * stride, stride3 = 3 * stride;
        nint gradientStride2 = 2 * gradientStride, gradientStride3 = 3 * gradientStride;
        nint vectors = width - (width % TSimd.Count);
        int row = 0;
        for (; row + 4 <= rows; row += 4)
        {
            float* a = x + (row * stride);
            float* dy = outputGradient + (row * gradientStride);
            TVector centreA = TSimd.Create(means[row]), factorA = TSimd.Create(scales[row]);
            TVector centreB = TSimd.Create(means[row + 1]), factorB = TSimd.Create(scales[row + 1]);
            TVector centreC = TSimd.Create(means[row + 2]), factorC = TSimd.Create(scales[row + 2]);
            TVector centreD = TSimd.Create(means[row + 3]), factorD = TSimd.Create(scales[row + 3]);
            TVector sumA = TSimd.Zero, sumB = TSimd.Zero, sumC = TSimd.Zero, sumD = TSimd.Zero;
            TVector productA = TSimd.Zero, productB = TSimd.Zero, productC = TSimd.Zero, productD = TSimd.Zero;
            for (nint i = 0; i < vectors; i += TSimd.Count)
            {
                TVector weight = TSimd.Load(gain + i);
                TVector gainSum = TSimd.Load(gainGradient + i);
                TVector biasSum = TSimd.Load(biasGradient + i);
                TVector gradientA = TSimd.Load(dy + i);
                TVector turnedA = TSimd.Multiply(gradientA, TSimd.Subtract(TSimd.Load(a + i), centreA));
                sumA = TSimd.MultiplyAdd(gradientA, weight, sumA);
                productA = TSimd.MultiplyAdd(turnedA, weight, productA);
                gainSum = TSimd.MultiplyAdd(turnedA, factorA, gainSum);
                biasSum = TSimd.Add(biasSum, gradientA);
                TVector gradientB = TSimd.Load(dy + gradientStride + i);
                TVector turnedB = TSimd.Multiply(gradientB, TSimd.Subtract(TSimd.Load(a + stride + i), centreB));
                sumB = TSimd.MultiplyAdd(gradientB, weight, sumB);
                productB = TSimd.MultiplyAdd(turnedB, weight, productB);
                gainSum = TSimd.MultiplyAdd(turnedB, factorB, gainSum);
                biasSum = TSimd.Add(biasSum, gradientB);
                TVector gradientC = TSimd.Load(dy + gradientStride2 + i);
                TVector turnedC = TSimd.Multiply(gradientC, TSimd.Subtract(TSimd.Load(a + stride2 + i), centreC));
                sumC = TSimd.MultiplyAdd(gradientC, weight, sumC);
                productC = TSimd.MultiplyAdd(turnedC, weight, productC);
                gainSum = TSimd.MultiplyAdd(turnedC, factorC, gainSum);
                biasSum = TSimd.Add(biasSum, gradientC);
                TVector gradientD = TSimd.Load(dy + gradientStride3 + i);
                TVector turnedD = TSimd.Multiply(gradientD, TSimd.Subtract(TSimd.Load(a + stride3 + i), centreD));
                sumD = TSimd.MultiplyAdd(gradientD, weight, sumD);
                productD = TSimd.MultiplyAdd(turnedD, weight, productD);
                gainSum = TSimd.MultiplyAdd(turnedD, factorD, gainSum);
                biasSum = TSimd.Add(biasSum, gradientD);
                TSimd.Store(gainSum, gainGradient + i);
                TSimd.Store(biasSum, biasGradient + i);
            }
            TSimd.Store(TSimd.SumFour(sumA, sumB, sumC, sumD), partial + (row / 4 * TSimd.Count));
            TSimd.Store(TSimd.SumFour(productA, productB, productC, productD), partialProducts + (row / 4 * TSimd.Count));
        }
        Fold(partial, meanGradients);
        Fold(partialProducts, meanProducts);
        for (; row < rows; row++)
        {
            TVector centre = TSimd.Create(means[row]);
            TVector factor = TSimd.Create(scales[row]);
            TVector sum = TSimd.Zero;
            TVector product = TSimd.Zero;
            for (nint i = 0; i < vectors; i += TSimd.Count)
            {
                TVector gradient = TSimd.Load(outputGradient + (row * gradientStride) + i);
                TVector turned = TSimd.Multiply(gradient, TSimd.Subtract(TSimd.Load(x + (row * stride) + i), centre));
                TVector weight = TSimd.Load(gain + i);
                sum = TSimd.MultiplyAdd(gradient, weight, sum);
                product = TSimd.MultiplyAdd(turned, weight, product);
                TSimd.Store(TSimd.MultiplyAdd(turned, factor, TSimd.Load(gainGradient + i)), gainGradient + i);
                TSimd.Store(TSimd.Add(TSimd.Load(biasGradient + i), gradient), biasGradient + i);
            }
            sum = TSimd.SumFour(sum, sum, sum, sum);
            product = TSimd.SumFour(product, product, product, product);
            meanGradients[row] = TSimd.First(TSimd.CombineSums(sum, sum, sum, sum));
            meanProducts[row] = TSimd.First(TSimd.CombineSums(product, product, product, product));
        }
        for (row = 0; row < rows; row++)
        {
            for (nint i = vectors; i < width; i++)
            {
                float gradient = outputGradient[(row * gradientStride) + i];
                float turned = gradient * (x[(row * stride) + i] - means[row]);
                meanGradients[row] += gradient * gain[i];
                meanProducts[row] += turned * gain[i];
                gainGradient[i] += turned * scales[row];
                biasGradient[i] += gradient;
            }
        }
        Divide(meanGradients, width);
        Divide(meanProducts, width);
    }

    /// <summary><c>scale * (dy * gain - mean gradient - scale^2 * centred row * mean product)</c>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void InputGradient(
        float* x,
        long stride,
        int rows,
        int width,
        float* means,
        float* scales,
        float* gain,
        float* outputGradient,
        float* meanGradients,
        float* meanProducts,
        float* inputGradient,
        long inputStride)
    {
        for (int row = 0; row < rows; row++, x += stride, outputGradient += width, inputGradient += inputStride)
        {
            TVector centre = TSimd.Create(means[row]);
            TVector factor = TSimd.Create(scales[row]);
            float slope = -meanProducts[row] * scales[row] * scales[row];
            TVector meanGradient = TSimd.Create(-meanGradients[row]);
            TVector slopes = TSimd.Create(slope);
            int i = 0;
            for (; i + TSimd.Count <= width; i += TSimd.Count)
            {
                TVector rest = TSimd.MultiplyAdd(TSimd.Load(outputGradient + i), TSimd.Load(gain + i), meanGradient);
                TVector centred = TSimd.Subtract(TSimd.Load(x + i), centre);
                TSimd.Store(TSimd.Multiply(TSimd.MultiplyAdd(centred, slopes, rest), factor), inputGradient + i);
            }
            for (; i < width; i++)
            {
                inputGradient[i] = ((outputGradient[i] * gain[i]) - meanGradients[row] + ((x[i] - means[row]) * slope)) * scales[row];
            }
        }
    }
}
