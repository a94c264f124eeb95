namespace LongSeqKernels;

// Operations whose kernels are still to land.
internal sealed partial class ManagedKernels : IKernels
{

  public void SketchAttention<T>( SketchAttentionShape shape, ReadOnlySpan<T> prototypes, ReadOnlySpan<T> keys, ReadOnlySpan<T> values, Span<T> sketch, Span<float> tokenLogSumExp, Span<float> mass) where T : unmanaged => _reference.SketchAttention<T>(shape, prototypes, keys, values, sketch, tokenLogSumExp, mass);

  public void SketchAttentionBackward<T>( SketchAttentionShape shape, ReadOnlySpan<T> prototypes, ReadOnlySpan<T> keys, ReadOnlySpan<T> values, ReadOnlySpan<T> sketch, ReadOnlySpan<float> tokenLogSumExp, ReadOnlySpan<float> mass, ReadOnlySpan<T> sketchGradient, Span<T> prototypeGradient, Span<T> keyGradient, Span<T> valueGradient) where T : unmanaged => _reference.SketchAttentionBackward<T>(shape, prototypes, keys, values, sketch, tokenLogSumExp, mass, sketchGradient, prototypeGradient, keyGradient, valueGradient);

}
