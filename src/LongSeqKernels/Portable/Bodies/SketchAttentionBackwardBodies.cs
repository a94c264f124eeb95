namespace LongSeqKernels.Portable;

/// <summary>
/// Sketch attention backward without atomics: <see cref="SumGradient"/> for one row of a sketch, <see cref="TokenGradient"/> for one token, then
/// <see cref="PrototypeGradient"/> for one prototype over all segments.
/// </summary>
public static class SketchAttentionBackwardBodies
{
    /// <summary>
    /// The gradients of one sum over tokens and of its mass: of <c>sketch = sum / (mass + epsilon)</c> they are <c>G / (mass + epsilon)</c> and
    /// <c>-(G . sketch) / (mass + epsilon)</c>; without normalisation G and 0.
    /// </summary>
    /// <param name="parameters">The scalars.</param>
    /// <param name="sketch"><c>[segments, k, dv]</c>.</param>
    /// <param name="mass"><c>[segments, k]</c>.</param>
    /// <param name="sketchGradient"><c>[segments, k, dv]</c>.</param>
    /// <param name="sumGradients"><c>[segments, k, dv]</c>, result.</param>
    /// <param name="massGradients"><c>[segments, k]</c>, result.</param>
    /// <param name="item">segment * k + prototype.</param>
    public static void SumGradient<TInput, TFloats, TScratch>(
        SketchAttentionParameters parameters, TInput sketch, TFloats mass, TInput sketchGradient, TScratch sumGradients, TScratch massGradients, long item)
        where TInput : struct, IReadView, allows ref struct
        where TFloats : struct, IReadView, allows ref struct
        where TScratch : struct, IReadWriteView, allows ref struct
    {
        int width = parameters.ValueWidth;
        bool means = parameters.Normalization == SlotNormalization.Mass;
        float divisor = means ? mass.Get(item) + SketchAttentionShape.MassEpsilon : 1f;
        massGradients.Set(item, means ? -BodyMath.Dot(sketchGradient, item * width, sketch, item * width, width) / divisor : 0f);
        for (int i = 0; i < width; i++)
        {
            sumGradients.Set((item * width) + i, sketchGradient.Get((item * width) + i) / divisor);
        }
    }

    /// <summary>
    /// The gradients of one token's key and value. Leaves for the prototypes' gradients what all of them need of the token: the sum of its recomputed
    /// weights, whose difference from 1 is the rounding of its LSE, and the mean gradient of its weights.
    /// </summary>
    /// <param name="parameters">The scalars.</param>
    /// <param name="offsets"><c>[segments + 1]</c>.</param>
    /// <param name="prototypes"><c>[k, dk]</c>.</param>
    /// <param name="keys"><c>[L, dk]</c>.</param>
    /// <param name="values"><c>[L, dv]</c>.</param>
    /// <param name="tokenLogSumExp"><c>[L]</c>.</param>
    /// <param name="sumGradients"><c>[segments, k, dv]</c> from <see cref="SumGradient"/>.</param>
    /// <param name="massGradients"><c>[segments, k]</c> from <see cref="SumGradient"/>.</param>
    /// <param name="tokenTerms"><c>[L, 2]</c>, result.</param>
    /// <param name="keyGradient"><c>[L, dk]</c>, result.</param>
    /// <param name="valueGradient"><c>[L, dv]</c>, result.</param>
    /// <param name="scratch"><c>[2, dk + dv]</c> at <paramref name="scratchStart"/>, this item's own.</param>
    /// <param name="scratchStart">Where this item's scratch starts.</param>
    /// <param name="token">The token.</param>
    public static void TokenGradient<TIndices, TInput, TFloats, TOutput, TScratch>(
        SketchAttentionParameters parameters,
        TIndices offsets,
        TInput prototypes,
        TInput keys,
        TInput values,
        TFloats tokenLogSumExp,
        TScratch sumGradients,
        TScratch massGradients,
        TScratch tokenTerms,
        TOutput keyGradient,
        TOutput valueGradient,
        TScratch scratch,
        long scratchStart,
        long token)
        where TIndices : struct, IIndexView, allows ref struct
        where TInput : struct, IReadView, allows ref struct
        where TFloats : struct, IReadView, allows ref struct
        where TOutput : struct, IReadWriteView, allows ref struct
        where TScratch : struct, IReadWriteView, allows ref struct
    {
        long firstRow = (long)BodyMath.SegmentOf(offsets, token) * parameters.Prototypes;
        float logSumExp = tokenLogSumExp.Get(token);
        float weightSum = 0f;
        float gradientSum = 0f;
        for (int j = 0; j < parameters.Prototypes; j++)
        {
            float weight = MathF.Exp(parameters.Logit(prototypes, keys, j, token) - logSumExp);
            weightSum += weight;
            gradientSum += weight * WeightGradient(parameters, values, sumGradients, massGradients, firstRow + j, token);
        }
        float mean = gradientSum / weightSum;
        tokenTerms.Set(2 * token, weightSum);
        tokenTerms.Set((2 * token) + 1, mean);

        long valueSums = scratchStart + (2 * parameters.KeyWidth);
        BlockSums.Begin(scratch, scratchStart, parameters.KeyWidth);
        BlockSums.Begin(scratch, valueSums, parameters.ValueWidth);
        for (int j = 0; j < parameters.Prototypes; j++)
        {
            float weight = MathF.Exp(parameters.Logit(prototypes, keys, j, token) - logSumExp) / weightSum;
            float gradient = WeightGradient(parameters, values, sumGradients, massGradients, firstRow + j, token);
            float product = weight * (gradient - mean) * parameters.Scale;
            BlockSums.Add(scratch, scratchStart, parameters.KeyWidth, j, product, prototypes, (long)j * parameters.KeyWidth);
            BlockSums.Add(scratch, valueSums, parameters.ValueWidth, j, weight, sumGradients, (firstRow + j) * parameters.ValueWidth);
        }
        BlockSums.End(scratch, scratchStart, parameters.KeyWidth);
        BlockSums.End(scratch, valueSums, parameters.ValueWidth);
        for (int i = 0; i < parameters.KeyWidth; i++)
        {
            keyGradient.Set((token * parameters.KeyWidth) + i, scratch.Get(scratchStart + i));
        }
        for (int i = 0; i < parameters.ValueWidth; i++)
        {
            valueGradient.Set((token * parameters.ValueWidth) + i, scratch.Get(valueSums + i));
        }
    }

    /// <summary>The gradient of one prototype: the sum of <c>dS k</c> over all tokens of the batch, in their order.</summary>
    /// <param name="parameters">The scalars.</param>
    /// <param name="offsets"><c>[segments + 1]</c>.</param>
    /// <param name="prototypes"><c>[k, dk]</c>.</param>
    /// <param name="keys"><c>[L, dk]</c>.</param>
    /// <param name="values"><c>[L, dv]</c>.</param>
    /// <param name="tokenLogSumExp"><c>[L]</c>.</param>
    /// <param name="sumGradients"><c>[segments, k, dv]</c> from <see cref="SumGradient"/>.</param>
    /// <param name="massGradients"><c>[segments, k]</c> from <see cref="SumGradient"/>.</param>
    /// <param name="tokenTerms"><c>[L, 2]</c> from <see cref="TokenGradient"/>.</param>
    /// <param name="prototypeGradient"><c>[k, dk]</c>, result.</param>
    /// <param name="scratch"><c>[2, dk]</c> at <paramref name="scratchStart"/>, this item's own.</param>
    /// <param name="scratchStart">Where this item's scratch starts.</param>
    /// <param name="prototype">The prototype.</param>
    public static void PrototypeGradient<TIndices, TInput, TFloats, TOutput, TScratch>(
        SketchAttentionParameters parameters,
        TIndices offsets,
        TInput prototypes,
        TInput keys,
        TInput values,
        TFloats tokenLogSumExp,
        TScratch sumGradients,
        TScratch massGradients,
        TScratch tokenTerms,
        TOutput prototypeGradient,
        TScratch scratch,
        long scratchStart,
        long prototype)
        where TIndices : struct, IIndexView, allows ref struct
        where TInput : struct, IReadView, allows ref struct
        where TFloats : struct, IReadView, allows ref struct
        where TOutput : struct, IReadWriteView, allows ref struct
        where TScratch : struct, IReadWriteView, allows ref struct
    {
        int width = parameters.KeyWidth;
        BlockSums.Begin(scratch, scratchStart, width);
        for (long segment = 0; segment < offsets.Length - 1; segment++)
        {
            for (long token = offsets.Get(segment); token < offsets.Get(segment + 1); token++)
            {
                float weight = MathF.Exp(parameters.Logit(prototypes, keys, prototype, token) - tokenLogSumExp.Get(token)) / tokenTerms.Get(2 * token);
                float gradient = WeightGradient(parameters, values, sumGradients, massGradients, (segment * parameters.Prototypes) + prototype, token);
                float product = weight * (gradient - tokenTerms.Get((2 * token) + 1)) * parameters.Scale;
                BlockSums.Add(scratch, scratchStart, width, token, product, keys, token * width);
            }
        }
        BlockSums.End(scratch, scratchStart, width);
        for (int i = 0; i < width; i++)
        {
            prototypeGradient.Set((prototype * width) + i, scratch.Get(scratchStart + i));
        }
    }

    /// <summary>The gradient of one weight A: <c>G . v</c> and that of its mass.</summary>
    private static float WeightGradient<TInput, TScratch>(
        SketchAttentionParameters parameters, TInput values, TScratch sumGradients, TScratch massGradients, long sketchRow, long token)
        where TInput : struct, IReadView, allows ref struct
        where TScratch : struct, IReadWriteView, allows ref struct =>
        BodyMath.Dot(sumGradients, sketchRow * parameters.ValueWidth, values, token * parameters.ValueWidth, parameters.ValueWidth) + massGradients.Get(sketchRow);
}
