using System.Numerics.Tensors;

namespace LongSeqKernels;

/// <content>Merge of partial attention states.</content>
internal sealed unsafe partial class ManagedKernels
{
    public void MergeStates(int parts, int rows, int width, ReadOnlySpan<float> outputs, ReadOnlySpan<float> logSumExps, Span<float> output, Span<float> logSumExp)
    {
        var items = RowPieces.OfElements(rows, (long)Math.Max(parts, 1) * width);
        fixed (float* outputsStart = outputs, logSumExpsStart = logSumExps, outputStart = output, logSumExpStart = logSumExp)
        {
            var work = new MergeWork(items, parts, width, outputsStart, logSumExpsStart, outputStart, logSumExpStart);
            _pool.Run(ref work, items.Count);
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
        var items = RowPieces.OfElements(rows, (long)Math.Max(parts, 1) * width);
        fixed (float* outputsStart = outputs, logSumExpsStart = logSumExps, outputGradientStart = outputGradient, logSumExpGradientStart = logSumExpGradient)
        fixed (float* outputGradientsStart = outputGradients, logSumExpGradientsStart = logSumExpGradients)
        {
            var work = new MergeBackwardWork(
                items, parts, width, outputsStart, logSumExpsStart, outputGradientStart, logSumExpGradientStart, outputGradientsStart, logSumExpGradientsStart);
            _pool.Run(ref work, items.Count);
        }
    }

    /// <summary>The normaliser of a row over its parts, as a maximum and a sum: weights taken from the rounded LSE would not sum to 1.</summary>
    private readonly struct PartWeights
    {
        private readonly float _maximum;
        private readonly double _sum;

        public PartWeights(float* logSumExps, int parts, long rows, long row)
        {
            _maximum = float.NegativeInfinity;
            for (int p = 0; p < parts; p++)
            {
                _maximum = MathF.Max(_maximum, logSumExps[(p * rows) + row]);
            }
            _sum = 0;
            for (int p = 0; p < parts && !float.IsNegativeInfinity(_maximum); p++)
            {
                _sum += MathF.Exp(logSumExps[(p * rows) + row] - _maximum);
            }
        }

        public float LogSumExp => float.IsNegativeInfinity(_maximum) ? _maximum : (float)(_maximum + Math.Log(_sum));

        /// <summary>The weight of a part that is not empty.</summary>
        public float Of(float part) => (float)(MathF.Exp(part - _maximum) / _sum);
    }

    private readonly struct MergeWork(RowPieces items, int parts, int width, float* outputs, float* logSumExps, float* output, float* logSumExp) : IParallelWork
    {
        public void Execute(int item, int thread)
        {
            for (long row = items.Begin(item); row < items.End(item); row++)
            {
                var weights = new PartWeights(logSumExps, parts, items.Rows, row);
                logSumExp[row] = weights.LogSumExp;
                var sum = new Span<float>(output + (row * width), width);
                sum.Clear();
                for (int p = 0; p < parts; p++)
                {
                    float part = logSumExps[(p * items.Rows) + row];
                    if (!float.IsNegativeInfinity(part)) // an empty part adds nothing, whatever its output holds
                    {
                        var rowOfPart = new ReadOnlySpan<float>(outputs + (((p * items.Rows) + row) * width), width);
                        TensorPrimitives.MultiplyAdd(rowOfPart, weights.Of(part), sum, sum);
                    }
                }
            }
        }
    }

    private readonly struct MergeBackwardWork(
        RowPieces items,
        int parts,
        int width,
        float* outputs,
        float* logSumExps,
        float* outputGradient,
        float* logSumExpGradient,
        float* outputGradients,
        float* logSumExpGradients) : IParallelWork
    {
        public void Execute(int item, int thread)
        {
            for (long row = items.Begin(item); row < items.End(item); row++)
            {
                var weights = new PartWeights(logSumExps, parts, items.Rows, row);
                var gradient = new ReadOnlySpan<float>(outputGradient + (row * width), width);
                double mean = logSumExpGradient == null ? 0 : -logSumExpGradient[row];
                for (int p = 0; p < parts; p++)
                {
                    long state = (p * items.Rows) + row;
                    var partGradient = new Span<float>(outputGradients + (state * width), width);
                    if (float.IsNegativeInfinity(logSumExps[state]))
                    {
                        partGradient.Clear();
                        continue;
                    }
                    float weight = weights.Of(logSumExps[state]);
                    float product = TensorPrimitives.Dot(gradient, new ReadOnlySpan<float>(outputs + (state * width), width));
                    logSumExpGradients[state] = product;
                    mean += weight * product;
                    TensorPrimitives.Multiply(gradient, weight, partGradient);
                }
                for (int p = 0; p < parts; p++)
                {
                    long state = (p * items.Rows) + row;
                    float part = logSumExps[state];
                    logSumExpGradients[state] = float.IsNegativeInfinity(part)
                        ? 0
                        : (float)(weights.Of(part) * (logSumExpGradients[state] - mean));
                }
            }
        }
    }
}
