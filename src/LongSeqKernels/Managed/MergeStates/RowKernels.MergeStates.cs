using System.Runtime.CompilerServices;

namespace LongSeqKernels;

// Merge of partial attention states.
internal sealed unsafe partial class RowKernels<TSimd, TVector>
{
    public override void MergeStates(
        int parts, int rows, int width, ReadOnlySpan<float> outputs, ReadOnlySpan<float> logSumExps, Span<float> output, Span<float> logSumExp)
    {
        var items = RowPieces.OfElements(rows, (long)Math.Max(parts, 1) * width);
        long stride = (long)parts * PartWeights<TSimd, TVector>.Rows;
        using AlignedBuffer buffer = scratch.Rent(sizeof(float) * pool.ThreadsFor(items.Count) * stride);
        fixed (float* outputsStart = outputs, logSumExpsStart = logSumExps, outputStart = output, logSumExpStart = logSumExp)
        {
            var work = new MergeWork(items, parts, width, outputsStart, logSumExpsStart, outputStart, logSumExpStart, buffer.Floats, stride);
            pool.Run(ref work, items.Count);
        }
    }

    public override void MergeStatesBackward(
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
        long stride = 2L * parts * PartWeights<TSimd, TVector>.Rows;
        using AlignedBuffer buffer = scratch.Rent(sizeof(float) * pool.ThreadsFor(items.Count) * stride);
        fixed (float* outputsStart = outputs, logSumExpsStart = logSumExps, outputGradientStart = outputGradient, logSumExpGradientStart = logSumExpGradient)
        fixed (float* outputGradientsStart = outputGradients, logSumExpGradientsStart = logSumExpGradients)
        {
            var work = new MergeBackwardWork(
                items,
                parts,
                width,
                outputsStart,
                logSumExpsStart,
                outputGradientStart,
                logSumExpGradientStart,
                outputGradientsStart,
                logSumExpGradientsStart,
                buffer.Floats,
                stride);
            pool.Run(ref work, items.Count);
        }
    }

    private readonly struct MergeWork(
        RowPieces items, int parts, int width, float* outputs, float* logSumExps, float* output, float* logSumExp, float* scratch, long scratchStride)
        : IParallelWork
    {
        public void Execute(int item, int thread)
        {
            float* weights = scratch + (thread * scratchStride);
            for (long row = items.Begin(item); row < items.End(item); row += PartWeights<TSimd, TVector>.Rows)
            {
                int count = (int)Math.Min(PartWeights<TSimd, TVector>.Rows, items.End(item) - row);
                PartWeights<TSimd, TVector>.Compute(logSumExps + row, items.Rows, parts, count, weights, logSumExp + row);
                for (int i = 0; i < count; i++)
                {
                    Merge(weights + i, outputs + ((row + i) * width), output + ((row + i) * width));
                }
            }
        }

        /// <summary>Adds up one row of all parts, four vectors at a time. An empty part adds nothing, whatever its output holds.</summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private void Merge(float* weights, float* source, float* target)
        {
            long partStride = items.Rows * width;
            int x = 0;
            for (; x + (4 * TSimd.Count) <= width; x += 4 * TSimd.Count)
            {
                TVector s0 = TSimd.Zero, s1 = TSimd.Zero, s2 = TSimd.Zero, s3 = TSimd.Zero;
                float* part = source + x;
                for (int p = 0; p < parts; p++, part += partStride)
                {
                    float weight = weights[p * PartWeights<TSimd, TVector>.Rows];
                    if (weight != 0)
                    {
                        TVector factor = TSimd.Create(weight);
                        s0 = TSimd.MultiplyAdd(factor, TSimd.Load(part), s0);
                        s1 = TSimd.MultiplyAdd(factor, TSimd.Load(part + TSimd.Count), s1);
                        s2 = TSimd.MultiplyAdd(factor, TSimd.Load(part + (2 * TSimd.Count)), s2);
                        s3 = TSimd.MultiplyAdd(factor, TSimd.Load(part + (3 * TSimd.Count)), s3);
                    }
                }
                TSimd.Store(s0, target + x);
                TSimd.Store(s1, target + x + TSimd.Count);
                TSimd.Store(s2, target + x + (2 * TSimd.Count));
                TSimd.Store(s3, target + x + (3 * TSimd.Count));
            }
            for (; x + TSimd.Count <= width; x += TSimd.Count)
            {
                TVector sum = TSimd.Zero;
                float* part = source + x;
                for (int p = 0; p < parts; p++, part += partStride)
                {
                    float weight = weights[p * PartWeights<TSimd, TVector>.Rows];
                    sum = weight != 0 ? TSimd.MultiplyAdd(TSimd.Create(weight), TSimd.Load(part), sum) : sum;
                }
                TSimd.Store(sum, target + x);
            }
            for (; x < width; x++)
            {
                float sum = 0;
                for (int p = 0; p < parts; p++)
                {
                    float weight = weights[p * PartWeights<TSimd, TVector>.Rows];
                    sum = weight != 0 ? MathF.FusedMultiplyAdd(weight, source[(p * partStride) + x], sum) : sum;
                }
                target[x] = sum;
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
        float* logSumExpGradients,
        float* scratch,
        long scratchStride) : IParallelWork
    {
        public void Execute(int item, int thread)
        {
            const int Lanes = PartWeights<TSimd, TVector>.Rows;
            float* weights = scratch + (thread * scratchStride);
            float* products = weights + ((long)parts * Lanes);
            float* ignored = stackalloc float[Lanes];
            for (long row = items.Begin(item); row < items.End(item); row += Lanes)
            {
                int count = (int)Math.Min(Lanes, items.End(item) - row);
                PartWeights<TSimd, TVector>.Compute(logSumExps + row, items.Rows, parts, count, weights, ignored);
                for (int p = 0; p < parts; p++)
                {
                    for (int i = 0; i < count; i++)
                    {
                        long state = ((p * items.Rows) + row + i) * width;
                        int at = (p * Lanes) + i;
                        products[at] = Spread(weights[at], outputs + state, outputGradient + ((row + i) * width), outputGradients + state);
                    }
                }
                for (int i = 0; i < count; i++)
                {
                    float mean = logSumExpGradient == null ? 0 : -logSumExpGradient[row + i];
                    for (int p = 0; p < parts; p++)
                    {
                        mean = MathF.FusedMultiplyAdd(weights[(p * Lanes) + i], products[(p * Lanes) + i], mean);
                    }
                    for (int p = 0; p < parts; p++)
                    {
                        logSumExpGradients[(p * items.Rows) + row + i] = weights[(p * Lanes) + i] * (products[(p * Lanes) + i] - mean);
                    }
                }
            }
        }

        /// <summary>The gradient of one part's row, and the product of that row with the gradient: 0 for an empty part, whatever its row holds.</summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private float Spread(float weight, float* source, float* gradient, float* target)
        {
            if (weight == 0)
            {
                new Span<float>(target, width).Clear();
                return 0;
            }
            TVector factor = TSimd.Create(weight);
            TVector products = TSimd.Zero;
            int x = 0;
            for (; x + TSimd.Count <= width; x += TSimd.Count)
            {
                TVector value = TSimd.Load(gradient + x);
                products = TSimd.MultiplyAdd(value, TSimd.Load(source + x), products);
                TSimd.Store(TSimd.Multiply(value, factor), target + x);
            }
            float product = TSimd.Sum(products);
            for (; x < width; x++)
            {
                product += gradient[x] * source[x];
                target[x] = gradient[x] * weight;
            }
            return product;
        }
    }
}
