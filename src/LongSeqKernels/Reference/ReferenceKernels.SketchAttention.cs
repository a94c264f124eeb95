namespace LongSeqKernels;

// Sketch attention: A_ji = softmax over the prototypes j of scale * p_j . k_i; sketch_j = sum_i A_ji v_i, divided by its mass if asked for.
internal sealed partial class ReferenceKernels
{
    public void SketchAttention<T>(
        SketchAttentionShape shape,
        ReadOnlySpan<T> prototypes,
        ReadOnlySpan<T> keys,
        ReadOnlySpan<T> values,
        Span<T> sketch,
        Span<float> tokenLogSumExp,
        Span<float> mass)
        where T : unmanaged
    {
        for (int segment = 0; segment < shape.History.Count; segment++)
        {
            Sketch segmentSketch = SketchSegment(shape, segment, prototypes, keys, values, tokenLogSumExp);
            Store(segmentSketch.Rows, Row(sketch, segment, shape.Prototypes * shape.ValueWidth));
            Store(segmentSketch.Mass, Row(mass, segment, shape.Prototypes));
        }
    }

    /// <summary>Recomputes the forward instead of reading its results, so that its gradients carry no rounding but their own.</summary>
    public void SketchAttentionBackward<T>(
        SketchAttentionShape shape,
        ReadOnlySpan<T> prototypes,
        ReadOnlySpan<T> keys,
        ReadOnlySpan<T> values,
        ReadOnlySpan<T> sketch,
        ReadOnlySpan<float> tokenLogSumExp,
        ReadOnlySpan<float> mass,
        ReadOnlySpan<T> sketchGradient,
        Span<T> prototypeGradient,
        Span<T> keyGradient,
        Span<T> valueGradient)
        where T : unmanaged
    {
        double scale = shape.EffectiveScale;
        var prototypeSum = new double[prototypes.Length];
        for (int segment = 0; segment < shape.History.Count; segment++)
        {
            (double[] sumGradient, double[] massGradient) = SumGradients(shape, segment, prototypes, keys, values, sketchGradient);
            for (long token = shape.History.Start(segment); token < shape.History.Start(segment + 1); token++)
            {
                ReadOnlySpan<T> key = Row(keys, token, shape.KeyWidth);
                ReadOnlySpan<T> value = Row(values, token, shape.ValueWidth);
                double[] weights = Spread(shape, prototypes, key, out _);
                var weightGradients = new double[shape.Prototypes];
                var valueSum = new double[shape.ValueWidth];
                double meanWeightGradient = 0;
                for (int j = 0; j < shape.Prototypes; j++)
                {
                    ReadOnlySpan<double> rowGradient = Row(sumGradient, j, shape.ValueWidth);
                    AddScaled(valueSum, weights[j], rowGradient);
                    weightGradients[j] = Dot(rowGradient, value) + massGradient[j];
                    meanWeightGradient += weights[j] * weightGradients[j];
                }
                Store(valueSum, Row(valueGradient, token, shape.ValueWidth));

                var keySum = new double[shape.KeyWidth];
                for (int j = 0; j < shape.Prototypes; j++)
                {
                    double productGradient = weights[j] * (weightGradients[j] - meanWeightGradient) * scale;
                    AddScaled(keySum, productGradient, Row(prototypes, j, shape.KeyWidth));
                    AddScaled(Row(prototypeSum, j, shape.KeyWidth), productGradient, key);
                }
                Store(keySum, Row(keyGradient, token, shape.KeyWidth));
            }
        }
        Store(prototypeSum, prototypeGradient);
    }

    /// <summary>A sketch <c>[k, dv]</c> and the mass <c>[k]</c> of its slots.</summary>
    private readonly record struct Sketch(double[] Rows, double[] Mass);

    private static Sketch SketchSegment<T>(
        SketchAttentionShape shape, int segment, ReadOnlySpan<T> prototypes, ReadOnlySpan<T> keys, ReadOnlySpan<T> values, Span<float> tokenLogSumExp)
        where T : unmanaged
    {
        var rows = new double[shape.Prototypes * shape.ValueWidth];
        var mass = new double[shape.Prototypes];
        for (long token = shape.History.Start(segment); token < shape.History.Start(segment + 1); token++)
        {
            double[] weights = Spread(shape, prototypes, Row(keys, token, shape.KeyWidth), out double logSumExp);
            for (int j = 0; j < shape.Prototypes; j++)
            {
                AddScaled(Row(rows, j, shape.ValueWidth), weights[j], Row(values, token, shape.ValueWidth));
                mass[j] += weights[j];
            }
            if (!tokenLogSumExp.IsEmpty)
            {
                tokenLogSumExp[checked((int)token)] = (float)logSumExp;
            }
        }
        for (int j = 0; shape.Normalization == SlotNormalization.Mass && j < shape.Prototypes; j++)
        {
            foreach (ref double element in Row(rows, j, shape.ValueWidth))
            {
                element /= mass[j] + SketchAttentionShape.MassEpsilon;
            }
        }
        return new Sketch(rows, mass);
    }

    /// <summary>How one token spreads itself over the prototypes: A_ji for all j.</summary>
    private static double[] Spread<T>(SketchAttentionShape shape, ReadOnlySpan<T> prototypes, ReadOnlySpan<T> key, out double logSumExp)
        where T : unmanaged
    {
        var weights = new double[shape.Prototypes];
        for (int j = 0; j < weights.Length; j++)
        {
            weights[j] = shape.EffectiveScale * Dot(Row(prototypes, j, shape.KeyWidth), key);
        }
        logSumExp = LogSumExp(weights);
        for (int j = 0; j < weights.Length; j++)
        {
            weights[j] = Math.Exp(weights[j] - logSumExp);
        }
        return weights;
    }

    /// <summary>
    /// Gradients with respect to the sums over tokens and to the masses. Of <c>sketch = sum / (mass + epsilon)</c> they are
    /// <c>G / (mass + epsilon)</c> and <c>-(G . sketch) / (mass + epsilon)</c>; without normalisation G and 0.
    /// </summary>
    private static (double[] Sums, double[] Mass) SumGradients<T>(
        SketchAttentionShape shape, int segment, ReadOnlySpan<T> prototypes, ReadOnlySpan<T> keys, ReadOnlySpan<T> values, ReadOnlySpan<T> sketchGradient)
        where T : unmanaged
    {
        double[] sums = LoadRow(Row(sketchGradient, segment, shape.Prototypes * shape.ValueWidth));
        var massGradient = new double[shape.Prototypes];
        if (shape.Normalization == SlotNormalization.Mass)
        {
            Sketch sketch = SketchSegment(shape, segment, prototypes, keys, values, default);
            for (int j = 0; j < shape.Prototypes; j++)
            {
                double divisor = sketch.Mass[j] + SketchAttentionShape.MassEpsilon;
                Span<double> row = Row(sums, j, shape.ValueWidth);
                massGradient[j] = -Dot<double, double>(row, Row(sketch.Rows, j, shape.ValueWidth)) / divisor;
                foreach (ref double element in row)
                {
                    element /= divisor;
                }
            }
        }
        return (sums, massGradient);
    }
}
