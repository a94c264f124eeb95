namespace LongSeqKernels.Portable;

/// <summary>Merge of partial attention states; one work item is one row.</summary>
public static class MergeStatesBodies
{
    /// <summary>Merges one row.</summary>
    /// <param name="parts">Parts.</param>
    /// <param name="rows">Rows of every part.</param>
    /// <param name="width">Elements of a row's output.</param>
    /// <param name="outputs"><c>[parts, rows, width]</c>.</param>
    /// <param name="logSumExps"><c>[parts, rows]</c>.</param>
    /// <param name="output"><c>[rows, width]</c>, result.</param>
    /// <param name="logSumExp"><c>[rows]</c>, result.</param>
    /// <param name="row">The row.</param>
    public static void Forward<TInput, TOutput>(
        int parts, long rows, int width, TInput outputs, TInput logSumExps, TOutput output, TOutput logSumExp, long row)
        where TInput : struct, IReadView, allows ref struct
        where TOutput : struct, IReadWriteView, allows ref struct
    {
        float maximum = Maximum(parts, rows, logSumExps, row);
        float sum = Sum(parts, rows, logSumExps, row, maximum);
        for (int i = 0; i < width; i++)
        {
            float value = 0f;
            for (int p = 0; p < parts; p++)
            {
                float weight = Weight(logSumExps.Get((p * rows) + row), maximum, sum);
                if (weight != 0f)
                {
                    value += weight * outputs.Get((((p * rows) + row) * width) + i);
                }
            }
            output.Set((row * width) + i, value);
        }
        logSumExp.Set(row, maximum == float.NegativeInfinity ? maximum : maximum + MathF.Log(sum));
    }

    /// <summary>Gradients of one row for every part.</summary>
    /// <param name="parts">Parts.</param>
    /// <param name="rows">Rows of every part.</param>
    /// <param name="width">Elements of a row's output.</param>
    /// <param name="outputs"><c>[parts, rows, width]</c>.</param>
    /// <param name="logSumExps"><c>[parts, rows]</c>.</param>
    /// <param name="outputGradient"><c>[rows, width]</c>.</param>
    /// <param name="logSumExpGradient"><c>[rows]</c> or empty.</param>
    /// <param name="outputGradients"><c>[parts, rows, width]</c>, result.</param>
    /// <param name="logSumExpGradients"><c>[parts, rows]</c>, result.</param>
    /// <param name="row">The row.</param>
    public static void Backward<TInput, TOutput>(
        int parts,
        long rows,
        int width,
        TInput outputs,
        TInput logSumExps,
        TInput outputGradient,
        TInput logSumExpGradient,
        TOutput outputGradients,
        TOutput logSumExpGradients,
        long row)
        where TInput : struct, IReadView, allows ref struct
        where TOutput : struct, IReadWriteView, allows ref struct
    {
        float maximum = Maximum(parts, rows, logSumExps, row);
        float sum = Sum(parts, rows, logSumExps, row, maximum);
        float mean = logSumExpGradient.Length == 0 ? 0f : -logSumExpGradient.Get(row);
        for (int p = 0; p < parts; p++)
        {
            long state = (p * rows) + row;
            float weight = Weight(logSumExps.Get(state), maximum, sum);
            float product = 0f;
            for (int i = 0; i < width; i++)
            {
                float gradient = outputGradient.Get((row * width) + i);
                outputGradients.Set((state * width) + i, weight * gradient);
                if (weight != 0f)
                {
                    product += gradient * outputs.Get((state * width) + i);
                }
            }
            logSumExpGradients.Set(state, product);
            mean += weight * product;
        }
        for (int p = 0; p < parts; p++)
        {
            long state = (p * rows) + row;
            float weight = Weight(logSumExps.Get(state), maximum, sum);
            logSumExpGradients.Set(state, weight * (logSumExpGradients.Get(state) - mean));
        }
    }

    private static float Maximum<TInput>(int parts, long rows, TInput logSumExps, long row)
        where TInput : struct, IReadView, allows ref struct
    {
        float maximum = float.NegativeInfinity;
        for (int p = 0; p < parts; p++)
        {
            maximum = MathF.Max(maximum, logSumExps.Get((p * rows) + row));
        }
        return maximum;
    }

    private static float Sum<TInput>(int parts, long rows, TInput logSumExps, long row, float maximum)
        where TInput : struct, IReadView, allows ref struct
    {
        float sum = 0f;
        for (int p = 0; p < parts && maximum != float.NegativeInfinity; p++)
        {
            sum += MathF.Exp(logSumExps.Get((p * rows) + row) - maximum);
        }
        return sum;
    }

    /// <summary>The weight of a part; 0 for an empty one.</summary>
    private static float Weight(float logSumExp, float maximum, float sum) =>
        logSumExp == float.NegativeInfinity ? 0f : MathF.Exp(logSumExp - maximum) / sum;
}
