using static LongSeqKernels.Tests.Samples;

namespace LongSeqKernels.Tests;

/// <summary>The tensors of a sketch attention.</summary>
internal sealed record SketchAttentionData<T>(SketchAttentionShape Shape)
    where T : unmanaged
{
    public required T[] Prototypes { get; init; }

    public required T[] Keys { get; init; }

    public required T[] Values { get; init; }

    public required T[] SketchGradient { get; init; }

    public static SketchAttentionData<T> Of(SketchAttentionShape shape, double deviation = 1) => new(shape)
    {
        Prototypes = Normal<T>(1, (long)shape.Prototypes * shape.KeyWidth, deviation),
        Keys = Normal<T>(2, shape.History.Total * shape.KeyWidth),
        Values = Normal<T>(3, shape.History.Total * shape.ValueWidth),
        SketchGradient = Normal<T>(4, shape.SketchLength),
    };

    public SketchAttentionData<float> Widened() => new(Shape)
    {
        Prototypes = Widen(Prototypes),
        Keys = Widen(Keys),
        Values = Widen(Values),
        SketchGradient = Widen(SketchGradient),
    };
}

internal sealed record SketchAttentionResult<T>(T[] Sketch, float[] TokenLogSumExp, float[] Mass);

internal sealed record SketchAttentionGradients<T>(T[] Prototypes, T[] Keys, T[] Values);

/// <summary>Runs a sketch attention through the public operation, every tensor between guards and every output poisoned.</summary>
internal static class SketchAttentionRun
{
    public static SketchAttentionResult<T> Forward<T>(LongSeqContext context, SketchAttentionData<T> data)
        where T : unmanaged
    {
        GuardedBuffer<T> sketch = GuardedBuffer<T>.Output(data.Shape.SketchLength);
        GuardedBuffer<float> tokenLogSumExp = GuardedBuffer<float>.Output(data.Shape.History.Total);
        GuardedBuffer<float> mass = GuardedBuffer<float>.Output(data.Shape.History.Count * data.Shape.Prototypes);
        SketchAttention.Forward(
            context,
            data.Shape,
            GuardedBuffer<T>.Of(data.Prototypes).Span,
            GuardedBuffer<T>.Of(data.Keys).Span,
            GuardedBuffer<T>.Of(data.Values).Span,
            sketch.Span,
            tokenLogSumExp.Span,
            mass.Span);
        sketch.AssertGuardIntact("sketch");
        tokenLogSumExp.AssertGuardIntact("tokenLogSumExp");
        mass.AssertGuardIntact("mass");
        return new(sketch.ToArray(), tokenLogSumExp.ToArray(), mass.ToArray());
    }

    public static SketchAttentionGradients<T> Backward<T>(LongSeqContext context, SketchAttentionData<T> data, SketchAttentionResult<T> forward)
        where T : unmanaged
    {
        GuardedBuffer<T> prototypes = GuardedBuffer<T>.Output(data.Prototypes.Length);
        GuardedBuffer<T> keys = GuardedBuffer<T>.Output(data.Keys.Length);
        GuardedBuffer<T> values = GuardedBuffer<T>.Output(data.Values.Length);
        SketchAttention.Backward(
            context,
            data.Shape,
            GuardedBuffer<T>.Of(data.Prototypes).Span,
            GuardedBuffer<T>.Of(data.Keys).Span,
            GuardedBuffer<T>.Of(data.Values).Span,
            GuardedBuffer<T>.Of(forward.Sketch).Span,
            GuardedBuffer<float>.Of(forward.TokenLogSumExp).Span,
            GuardedBuffer<float>.Of(forward.Mass).Span,
            GuardedBuffer<T>.Of(data.SketchGradient).Span,
            prototypes.Span,
            keys.Span,
            values.Span);
        prototypes.AssertGuardIntact("prototypeGradient");
        keys.AssertGuardIntact("keyGradient");
        values.AssertGuardIntact("valueGradient");
        return new(prototypes.ToArray(), keys.ToArray(), values.ToArray());
    }
}
