namespace LongSeqKernels;

// Merge: lse = ln sum_p exp(lse_p), o = sum_p w_p o_p with w_p = exp(lse_p - lse).
internal sealed partial class ReferenceKernels
{
    public void MergeStates(int parts, int rows, int width, ReadOnlySpan<float> outputs, ReadOnlySpan<float> logSumExps, Span<float> output, Span<float> logSumExp)
    {
        for (int row = 0; row < rows; row++)
        {
            double[] weights = MergeWeights(parts, rows, row, logSumExps, out double merged);
            double[] sum = MergedRow(weights, rows, row, width, outputs);
            Store(sum, Row(output, row, width));
            logSumExp[row] = (float)merged;
        }
    }

    public void MergeStatesBackward(
        int parts,
        int rows,
        int width,
        ReadOnlySpan<float> outputs,
        ReadOnlySpan<float> logSumExps,
        ReadOnlySpan<float> outputGradient,
        ReadOnlySpan<float> logSumExpGradient,
        Span<float> outputGradients,
        Span<float> logSumExpGradients)
    {
        for (int row = 0; row < rows; row++)
        {
            double[] weights = MergeWeights(parts, rows, row, logSumExps, out _);
            double[] merged = MergedRow(weights, rows, row, width, outputs);
            ReadOnlySpan<float> gradient = Row(outputGradient, row, width);
            double meanGradient = Dot<double, float>(merged, gradient);
            for (int part = 0; part < parts; part++)
            {
                int state = (part * rows) + row;
                var partGradient = new double[width];
                AddScaled(partGradient, weights[part], gradient);
                Store(partGradient, Row(outputGradients, state, width));

                double partLogSumExpGradient = 0;
                if (weights[part] != 0)
                {
                    double fromOutput = Dot(Row(outputs, state, width), gradient) - meanGradient;
                    double fromLogSumExp = logSumExpGradient.IsEmpty ? 0 : logSumExpGradient[row];
                    partLogSumExpGradient = weights[part] * (fromOutput + fromLogSumExp);
                }
                logSumExpGradients[state] = (float)partLogSumExpGradient;
            }
        }
    }

    /// <summary>The weight of every part of a row; 0 for empty parts.</summary>
    private static double[] MergeWeights(int parts, int rows, int row, ReadOnlySpan<float> logSumExps, out double merged)
    {
        var weights = new double[parts];
        for (int part = 0; part < parts; part++)
        {
            weights[part] = logSumExps[(part * rows) + row];
        }
        merged = LogSumExp(weights);
        for (int part = 0; part < parts; part++)
        {
            weights[part] = double.IsNegativeInfinity(merged) ? 0 : Math.Exp(weights[part] - merged);
        }
        return weights;
    }

    private static double[] MergedRow(double[] weights, int rows, int row, int width, ReadOnlySpan<float> outputs)
    {
        var sum = new double[width];
        for (int part = 0; part < weights.Length; part++)
        {
            if (weights[part] != 0)
            {
                AddScaled(sum, weights[part], Row(outputs, (part * rows) + row, width));
            }
        }
        return sum;
    }
}
