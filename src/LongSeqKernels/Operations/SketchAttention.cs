namespace LongSeqKernels;

/// <summary>Whether a sketch's rows are divided by the mass of tokens they received.</summary>
public enum SlotNormalization
{
    /// <summary>Rows are sums over tokens (SequenceO1's sketch attention).</summary>
    None,

    /// <summary>Rows are weighted means (slot attention): divided by sum_i A_ji + 1e-8.</summary>
    Mass,
}

/// <summary>The shape and switches of a sketch attention.</summary>
/// <param name="History">Token rows per segment.</param>
/// <param name="Prototypes">k, the rows of a sketch.</param>
/// <param name="KeyWidth">Width of prototypes and keys in the logits.</param>
/// <param name="ValueWidth">Width of values and of the sketch.</param>
public readonly record struct SketchAttentionShape(JaggedLayout History, int Prototypes, int KeyWidth, int ValueWidth)
{
    /// <summary>The constant that keeps the mass of an unused slot from dividing by zero.</summary>
    public const float MassEpsilon = 1e-8f;

    /// <summary>Factor of the logits; null means 1 / sqrt(<see cref="KeyWidth"/>).</summary>
    public float? Scale { get; init; }

    /// <summary>Sums (default) or weighted means.</summary>
    public SlotNormalization Normalization { get; init; }

    /// <summary>The factor that is used.</summary>
    public float EffectiveScale => Scale ?? 1f / MathF.Sqrt(KeyWidth);

    /// <summary>Elements of the sketches of the batch: segments * k * dv.</summary>
    public long SketchLength => (long)History.Count * Prototypes * ValueWidth;

    internal void Validate()
    {
        Check.Width(Prototypes);
        Check.Width(KeyWidth);
        Check.Width(ValueWidth);
        Check.RowElements((long)Prototypes * KeyWidth, $"{nameof(Prototypes)} * {nameof(KeyWidth)}");
        Check.RowElements((long)Prototypes * ValueWidth, $"{nameof(Prototypes)} * {nameof(ValueWidth)}");
        Check.Defined(Normalization);
        if (Scale is { } scale)
        {
            Check.Finite(scale, nameof(Scale));
        }
    }
}

/// <summary>
/// Sketch attention (SequenceO1, arXiv 2609.08443): every token spreads itself over k prototypes by a softmax over the *prototypes*,
/// <c>A_ji = exp(S_ji) / sum_j' exp(S_j'i)</c> with <c>S = scale * P K^T</c>, and the sketch is <c>A V</c>. Two passes; A is never stored.
/// </summary>
public static class SketchAttention
{
    /// <summary>Sketches a batch of histories; an empty history gives zero rows.</summary>
    /// <param name="context">Where to run.</param>
    /// <param name="shape">Layout, widths, switches.</param>
    /// <param name="prototypes"><c>[k, dk]</c>, projected, shared by all segments.</param>
    /// <param name="keys"><c>[L, dk]</c>, projected.</param>
    /// <param name="values"><c>[L, dv]</c>; the raw tokens in SequenceO1.</param>
    /// <param name="sketch"><c>[segments, k, dv]</c>.</param>
    /// <param name="tokenLogSumExp"><c>[L]</c> natural-log LSE of each token over the prototypes, for the backward.</param>
    /// <param name="mass"><c>[segments, k]</c> sum over tokens of A, for the backward.</param>
    /// <exception cref="ArgumentException">A tensor has the wrong length or overlaps another.</exception>
    public static void Forward<T>(
        LongSeqContext context,
        SketchAttentionShape shape,
        ReadOnlySpan<T> prototypes,
        ReadOnlySpan<T> keys,
        ReadOnlySpan<T> values,
        Span<T> sketch,
        Span<float> tokenLogSumExp,
        Span<float> mass)
        where T : unmanaged
    {
        CheckInputs(context, shape, prototypes, keys, values);
        Check.Length(sketch, shape.SketchLength, "segments * k * dv");
        Check.Length(tokenLogSumExp, shape.History.Total, "L");
        Check.Length(mass, (long)shape.History.Count * shape.Prototypes, "segments * k");
        Check.Disjoint(sketch, prototypes);
        Check.Disjoint(sketch, keys);
        Check.Disjoint(sketch, values);
        Check.Disjoint(sketch, tokenLogSumExp);
        Check.Disjoint(sketch, mass);
        Check.Disjoint(tokenLogSumExp, prototypes);
        Check.Disjoint(tokenLogSumExp, keys);
        Check.Disjoint(tokenLogSumExp, values);
        Check.Disjoint(tokenLogSumExp, mass);
        Check.Disjoint(mass, prototypes);
        Check.Disjoint(mass, keys);
        Check.Disjoint(mass, values);
        context.Kernels.SketchAttention(shape, prototypes, keys, values, sketch, tokenLogSumExp, mass);
    }

    /// <summary>Gradients of <see cref="Forward"/>; all are overwritten.</summary>
    /// <param name="context">Where to run.</param>
    /// <param name="shape">As in the forward run.</param>
    /// <param name="prototypes">As in the forward run.</param>
    /// <param name="keys">As in the forward run.</param>
    /// <param name="values">As in the forward run.</param>
    /// <param name="sketch">The forward run's result.</param>
    /// <param name="tokenLogSumExp">The forward run's result.</param>
    /// <param name="mass">The forward run's result.</param>
    /// <param name="sketchGradient"><c>[segments, k, dv]</c>.</param>
    /// <param name="prototypeGradient"><c>[k, dk]</c>, summed over segments in their order.</param>
    /// <param name="keyGradient"><c>[L, dk]</c>.</param>
    /// <param name="valueGradient"><c>[L, dv]</c>.</param>
    /// <exception cref="ArgumentException">A tensor has the wrong length or overlaps another.</exception>
    public static void Backward<T>(
        LongSeqContext context,
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
        CheckInputs(context, shape, prototypes, keys, values);
        Check.Length(sketch, shape.SketchLength, "segments * k * dv");
        Check.Length(tokenLogSumExp, shape.History.Total, "L");
        Check.Length(mass, (long)shape.History.Count * shape.Prototypes, "segments * k");
        Check.Length(sketchGradient, shape.SketchLength, "segments * k * dv");
        Check.Length(prototypeGradient, prototypes.Length, "as prototypes");
        Check.Length(keyGradient, keys.Length, "as keys");
        Check.Length(valueGradient, values.Length, "as values");
        Check.Disjoint(prototypeGradient, prototypes);
        Check.Disjoint(prototypeGradient, keys);
        Check.Disjoint(prototypeGradient, values);
        Check.Disjoint(prototypeGradient, sketch);
        Check.Disjoint(prototypeGradient, tokenLogSumExp);
        Check.Disjoint(prototypeGradient, mass);
        Check.Disjoint(prototypeGradient, sketchGradient);
        Check.Disjoint(prototypeGradient, keyGradient);
        Check.Disjoint(prototypeGradient, valueGradient);
        Check.Disjoint(keyGradient, prototypes);
        Check.Disjoint(keyGradient, keys);
        Check.Disjoint(keyGradient, values);
        Check.Disjoint(keyGradient, sketch);
        Check.Disjoint(keyGradient, tokenLogSumExp);
        Check.Disjoint(keyGradient, mass);
        Check.Disjoint(keyGradient, sketchGradient);
        Check.Disjoint(keyGradient, valueGradient);
        Check.Disjoint(valueGradient, prototypes);
        Check.Disjoint(valueGradient, keys);
        Check.Disjoint(valueGradient, values);
        Check.Disjoint(valueGradient, sketch);
        Check.Disjoint(valueGradient, tokenLogSumExp);
        Check.Disjoint(valueGradient, mass);
        Check.Disjoint(valueGradient, sketchGradient);
        context.Kernels.SketchAttentionBackward(
            shape, prototypes, keys, values, sketch, tokenLogSumExp, mass, sketchGradient, prototypeGradient, keyGradient, valueGradient);
    }

    private static void CheckInputs<T>(
        LongSeqContext context, SketchAttentionShape shape, ReadOnlySpan<T> prototypes, ReadOnlySpan<T> keys, ReadOnlySpan<T> values)
        where T : unmanaged
    {
        _ = Element<T>.Type;
        context.ThrowIfDisposed();
        shape.Validate();
        Check.Length(prototypes, (long)shape.Prototypes * shape.KeyWidth, "k * dk");
        Check.Length(keys, shape.History.Total * shape.KeyWidth, "L * dk");
        Check.Length(values, shape.History.Total * shape.ValueWidth, "L * dv");
    }
}
