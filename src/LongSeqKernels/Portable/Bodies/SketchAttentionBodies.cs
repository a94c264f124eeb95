namespace LongSeqKernels.Portable;

/// <summary>The scalars of a sketch attention, as kernel bodies take them.</summary>
public readonly struct SketchAttentionParameters(SketchAttentionShape shape)
{
    /// <summary>k.</summary>
    public int Prototypes { get; } = shape.Prototypes;

    /// <summary>dk.</summary>
    public int KeyWidth { get; } = shape.KeyWidth;

    /// <summary>dv.</summary>
    public int ValueWidth { get; } = shape.ValueWidth;

    /// <summary>Factor of the logits.</summary>
    public float Scale { get; } = shape.EffectiveScale;

    /// <summary>Sums or weighted means.</summary>
    public SlotNormalization Normalization { get; } = shape.Normalization;

    /// <summary>The logit of a prototype and a token.</summary>
    public float Logit<TInput>(TInput prototypes, TInput keys, long prototype, long token)
        where TInput : struct, IReadView, allows ref struct =>
        Scale * BodyMath.Dot(prototypes, prototype * KeyWidth, keys, token * KeyWidth, KeyWidth);
}

/// <summary>Sketch attention in two passes: <see cref="TokenNormaliser"/> for one token, then <see cref="Sketch"/> for one row of a segment's sketch.</summary>
public static class SketchAttentionBodies
{
    /// <summary>The LSE of one token over the prototypes.</summary>
    /// <param name="parameters">The scalars.</param>
    /// <param name="prototypes"><c>[k, dk]</c>.</param>
    /// <param name="keys"><c>[L, dk]</c>.</param>
    /// <param name="tokenLogSumExp"><c>[L]</c>, result.</param>
    /// <param name="token">The token.</param>
    public static void TokenNormaliser<TInput, TFloats>(
        SketchAttentionParameters parameters, TInput prototypes, TInput keys, TFloats tokenLogSumExp, long token)
        where TInput : struct, IReadView, allows ref struct
        where TFloats : struct, IReadWriteView, allows ref struct
    {
        float maximum = float.NegativeInfinity;
        float sum = 0f;
        for (int j = 0; j < parameters.Prototypes; j++)
        {
            float logit = parameters.Logit(prototypes, keys, j, token);
            float larger = MathF.Max(maximum, logit);
            sum = (sum * MathF.Exp(maximum - larger)) + MathF.Exp(logit - larger);
            maximum = larger;
        }
        tokenLogSumExp.Set(token, maximum + MathF.Log(sum));
    }

    /// <summary>One row of a segment's sketch and its mass.</summary>
    /// <param name="parameters">The scalars.</param>
    /// <param name="offsets"><c>[segments + 1]</c>.</param>
    /// <param name="prototypes"><c>[k, dk]</c>.</param>
    /// <param name="keys"><c>[L, dk]</c>.</param>
    /// <param name="values"><c>[L, dv]</c>.</param>
    /// <param name="tokenLogSumExp"><c>[L]</c> from <see cref="TokenNormaliser"/>.</param>
    /// <param name="sketch"><c>[segments, k, dv]</c>, result.</param>
    /// <param name="mass"><c>[segments, k]</c>, result.</param>
    /// <param name="scratch"><c>[2, dv]</c> at <paramref name="scratchStart"/>, this item's own.</param>
    /// <param name="scratchStart">Where this item's scratch starts.</param>
    /// <param name="item">segment * k + prototype.</param>
    public static void Sketch<TIndices, TInput, TFloats, TOutput>(
        SketchAttentionParameters parameters,
        TIndices offsets,
        TInput prototypes,
        TInput keys,
        TInput values,
        TFloats tokenLogSumExp,
        TOutput sketch,
        TFloats mass,
        TFloats scratch,
        long scratchStart,
        long item)
        where TIndices : struct, IIndexView, allows ref struct
        where TInput : struct, IReadView, allows ref struct
        where TFloats : struct, IReadWriteView, allows ref struct
        where TOutput : struct, IReadWriteView, allows ref struct
    {
        int width = parameters.ValueWidth;
        long segment = item / parameters.Prototypes;
        long prototype = item - (segment * parameters.Prototypes);
        long begin = offsets.Get(segment);
        long end = offsets.Get(segment + 1);
        BlockSums.Begin(scratch, scratchStart, width);
        float totalMass = 0f;
        for (long block = begin; block < end; block += BlockSums.Terms)
        {
            float blockMass = 0f;
            for (long token = block; token < Math.Min(block + BlockSums.Terms, end); token++)
            {
                float weight = MathF.Exp(parameters.Logit(prototypes, keys, prototype, token) - tokenLogSumExp.Get(token));
                blockMass += weight;
                BlockSums.Add(scratch, scratchStart, width, token - begin, weight, values, token * width);
            }
            totalMass += blockMass;
        }
        BlockSums.End(scratch, scratchStart, width);
        float divisor = parameters.Normalization == SlotNormalization.Mass ? totalMass + SketchAttentionShape.MassEpsilon : 1f;
        for (int i = 0; i < width; i++)
        {
            sketch.Set((item * width) + i, scratch.Get(scratchStart + i) / divisor);
        }
        mass.Set(item, totalMass);
    }
}
