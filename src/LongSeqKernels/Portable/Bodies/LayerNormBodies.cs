namespace LongSeqKernels.Portable;

/// <summary>Layer normalisation; one work item is one row, or one column for the gradients of gain and bias.</summary>
public static class LayerNormBodies
{
    /// <summary>The mean and the scale <c>1 / sqrt(variance + epsilon)</c> of one row.</summary>
    /// <param name="width">Elements of a row.</param>
    /// <param name="epsilon">Added to the variance.</param>
    /// <param name="input"><c>[rows, width]</c>.</param>
    /// <param name="moments"><c>[rows, 2]</c>, result.</param>
    /// <param name="row">The row.</param>
    public static void Moments<TInput, TScratch>(int width, float epsilon, TInput input, TScratch moments, long row)
        where TInput : struct, IReadView, allows ref struct
        where TScratch : struct, IReadWriteView, allows ref struct
    {
        long start = row * width;
        float mean = BlockSums.Sum(input, start, 1, width) / width;
        float squares = 0f;
        for (int block = 0; block < width; block += BlockSums.Terms)
        {
            float sum = 0f;
            for (int i = block; i < Math.Min(block + BlockSums.Terms, width); i++)
            {
                float centred = input.Get(start + i) - mean;
                sum += centred * centred;
            }
            squares += sum;
        }
        moments.Set(2 * row, mean);
        moments.Set((2 * row) + 1, 1f / MathF.Sqrt((squares / width) + epsilon));
    }

    /// <summary>Normalises one row.</summary>
    /// <param name="width">Elements of a row.</param>
    /// <param name="input"><c>[rows, width]</c>.</param>
    /// <param name="moments"><c>[rows, 2]</c> from <see cref="Moments"/>.</param>
    /// <param name="gain"><c>[width]</c> or empty.</param>
    /// <param name="bias"><c>[width]</c> or empty.</param>
    /// <param name="output"><c>[rows, width]</c>, result.</param>
    /// <param name="row">The row.</param>
    public static void Forward<TInput, TScratch, TWeight, TOutput>(
        int width, TInput input, TScratch moments, TWeight gain, TWeight bias, TOutput output, long row)
        where TInput : struct, IReadView, allows ref struct
        where TScratch : struct, IReadWriteView, allows ref struct
        where TWeight : struct, IReadView, allows ref struct
        where TOutput : struct, IReadWriteView, allows ref struct
    {
        long start = row * width;
        for (int i = 0; i < width; i++)
        {
            float value = Normalised(input, moments, start, row, i);
            value = gain.Length == 0 ? value : value * gain.Get(i);
            output.Set(start + i, bias.Length == 0 ? value : value + bias.Get(i));
        }
    }

    /// <summary>The input's gradient for one row: <c>scale * (g - mean(g) - n mean(g n))</c>, g = dy * gain, n the normalised row.</summary>
    /// <param name="width">Elements of a row.</param>
    /// <param name="input"><c>[rows, width]</c>.</param>
    /// <param name="moments"><c>[rows, 2]</c> from <see cref="Moments"/>.</param>
    /// <param name="gain"><c>[width]</c> or empty.</param>
    /// <param name="outputGradient"><c>[rows, width]</c>.</param>
    /// <param name="inputGradient"><c>[rows, width]</c>, result.</param>
    /// <param name="row">The row.</param>
    public static void InputGradient<TInput, TScratch, TWeight, TOutput>(
        int width, TInput input, TScratch moments, TWeight gain, TWeight outputGradient, TOutput inputGradient, long row)
        where TInput : struct, IReadView, allows ref struct
        where TScratch : struct, IReadWriteView, allows ref struct
        where TWeight : struct, IReadView, allows ref struct
        where TOutput : struct, IReadWriteView, allows ref struct
    {
        long start = row * width;
        float sum = 0f;
        float product = 0f;
        for (int i = 0; i < width; i++)
        {
            float gradient = gain.Length == 0 ? outputGradient.Get(start + i) : outputGradient.Get(start + i) * gain.Get(i);
            sum += gradient;
            product += gradient * Normalised(input, moments, start, row, i);
        }
        for (int i = 0; i < width; i++)
        {
            float gradient = gain.Length == 0 ? outputGradient.Get(start + i) : outputGradient.Get(start + i) * gain.Get(i);
            float centred = gradient - (sum / width) - (Normalised(input, moments, start, row, i) * (product / width));
            inputGradient.Set(start + i, moments.Get((2 * row) + 1) * centred);
        }
    }

    /// <summary>The gradients of gain and bias for one column.</summary>
    /// <param name="rows">Rows.</param>
    /// <param name="width">Elements of a row.</param>
    /// <param name="input"><c>[rows, width]</c>.</param>
    /// <param name="moments"><c>[rows, 2]</c> from <see cref="Moments"/>.</param>
    /// <param name="outputGradient"><c>[rows, width]</c>.</param>
    /// <param name="gainGradient"><c>[width]</c>, result, or empty.</param>
    /// <param name="biasGradient"><c>[width]</c>, result, or empty.</param>
    /// <param name="mode">Overwrite or add.</param>
    /// <param name="column">The column.</param>
    public static void ParameterGradients<TInput, TScratch, TWeight, TOutput>(
        long rows, int width, TInput input, TScratch moments, TWeight outputGradient, TOutput gainGradient, TOutput biasGradient, OutputMode mode, int column)
        where TInput : struct, IReadView, allows ref struct
        where TScratch : struct, IReadWriteView, allows ref struct
        where TWeight : struct, IReadView, allows ref struct
        where TOutput : struct, IReadWriteView, allows ref struct
    {
        if (gainGradient.Length != 0)
        {
            float total = 0f;
            for (long block = 0; block < rows; block += BlockSums.Terms)
            {
                float sum = 0f;
                for (long row = block; row < Math.Min(block + BlockSums.Terms, rows); row++)
                {
                    sum += outputGradient.Get((row * width) + column) * Normalised(input, moments, row * width, row, column);
                }
                total += sum;
            }
            LinearBodies.Store(gainGradient, column, total, mode);
        }
        if (biasGradient.Length != 0)
        {
            LinearBodies.Store(biasGradient, column, BlockSums.Sum(outputGradient, column, width, rows), mode);
        }
    }

    private static float Normalised<TInput, TScratch>(TInput input, TScratch moments, long start, long row, int column)
        where TInput : struct, IReadView, allows ref struct
        where TScratch : struct, IReadWriteView, allows ref struct =>
        (input.Get(start + column) - moments.Get(2 * row)) * moments.Get((2 * row) + 1);
}
