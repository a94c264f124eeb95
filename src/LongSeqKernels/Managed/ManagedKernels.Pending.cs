namespace LongSeqKernels;

// Operations whose kernels are still to land.
internal sealed partial class ManagedKernels : IKernels
{
  public void CrossAttentionBackward<T>(CrossAttentionPlan plan, CrossAttentionInputs<T> inputs, CrossAttentionGradients<T> gradients) where T : unmanaged => _reference.CrossAttentionBackward<T>(plan, inputs, gradients);

  public void LinearAttentionState<T>( LinearAttentionShape shape, LinearAttentionOptions options, JaggedLayout history, ReadOnlySpan<T> keys, ReadOnlySpan<T> values, Span<float> state) where T : unmanaged => _reference.LinearAttentionState<T>(shape, options, history, keys, values, state);

  public void LinearAttentionStateBackward<T>( LinearAttentionShape shape, LinearAttentionOptions options, JaggedLayout history, ReadOnlySpan<T> keys, ReadOnlySpan<T> values, ReadOnlySpan<float> stateGradient, Span<T> keyGradient, Span<T> valueGradient) where T : unmanaged => _reference.LinearAttentionStateBackward<T>(shape, options, history, keys, values, stateGradient, keyGradient, valueGradient);

  public void LinearAttentionApply<T>( LinearAttentionShape shape, LinearAttentionOptions options, JaggedLayout rows, ReadOnlySpan<T> queries, ReadOnlySpan<float> state, ReadOnlySpan<T> selfKeys, ReadOnlySpan<T> selfValues, Span<T> output) where T : unmanaged => _reference.LinearAttentionApply<T>(shape, options, rows, queries, state, selfKeys, selfValues, output);

  public void LinearAttentionApplyBackward<T>( LinearAttentionShape shape, LinearAttentionOptions options, JaggedLayout rows, ReadOnlySpan<T> queries, ReadOnlySpan<float> state, ReadOnlySpan<T> selfKeys, ReadOnlySpan<T> selfValues, ReadOnlySpan<T> outputGradient, Span<T> queryGradient, Span<float> stateGradient, Span<T> selfKeyGradient, Span<T> selfValueGradient) where T : unmanaged => _reference.LinearAttentionApplyBackward<T>(shape, options, rows, queries, state, selfKeys, selfValues, outputGradient, queryGradient, stateGradient, selfKeyGradient, selfValueGradient);

  public void SketchAttention<T>( SketchAttentionShape shape, ReadOnlySpan<T> prototypes, ReadOnlySpan<T> keys, ReadOnlySpan<T> values, Span<T> sketch, Span<float> tokenLogSumExp, Span<float> mass) where T : unmanaged => _reference.SketchAttention<T>(shape, prototypes, keys, values, sketch, tokenLogSumExp, mass);

  public void SketchAttentionBackward<T>( SketchAttentionShape shape, ReadOnlySpan<T> prototypes, ReadOnlySpan<T> keys, ReadOnlySpan<T> values, ReadOnlySpan<T> sketch, ReadOnlySpan<float> tokenLogSumExp, ReadOnlySpan<float> mass, ReadOnlySpan<T> sketchGradient, Span<T> prototypeGradient, Span<T> keyGradient, Span<T> valueGradient) where T : unmanaged => _reference.SketchAttentionBackward<T>(shape, prototypes, keys, values, sketch, tokenLogSumExp, mass, sketchGradient, prototypeGradient, keyGradient, valueGradient);

}
