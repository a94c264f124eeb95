namespace LongSeqKernels;

/// <content>Sketch attention at the vector width of this backend.</content>
internal sealed partial class ManagedKernels
{
    public void SketchAttention<T>(
        SketchAttentionShape shape,
        ReadOnlySpan<T> prototypes,
        ReadOnlySpan<T> keys,
        ReadOnlySpan<T> values,
        Span<T> sketch,
        Span<float> tokenLogSumExp,
        Span<float> mass)
        where T : unmanaged =>
        _sketchAttention.Forward(shape, prototypes, keys, values, sketch, tokenLogSumExp, mass);

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
        where T : unmanaged =>
        _sketchAttention.Backward(
            shape, prototypes, keys, values, sketch, tokenLogSumExp, mass, sketchGradient, prototypeGradient, keyGradient, valueGradient);
}
