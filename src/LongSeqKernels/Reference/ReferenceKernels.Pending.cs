namespace LongSeqKernels;

// Operations whose kernels are still to land.
internal sealed partial class ReferenceKernels : IKernels
{
  public ExecutionPlan PlanCrossAttention(CrossAttentionShape shape, CrossAttentionOptions options) => throw new NotImplementedException();

  public void CrossAttention<T, TOutput>(CrossAttentionPlan plan, CrossAttentionInputs<T> inputs, Span<TOutput> output, Span<float> logSumExp) where T : unmanaged where TOutput : unmanaged => throw new NotImplementedException();

  public void CrossAttentionBackward<T>(CrossAttentionPlan plan, CrossAttentionInputs<T> inputs, CrossAttentionGradients<T> gradients) where T : unmanaged => throw new NotImplementedException();

  public void MergeStates(int parts, int rows, int width, ReadOnlySpan<float> outputs, ReadOnlySpan<float> logSumExps, Span<float> output, Span<float> logSumExp) => throw new NotImplementedException();

  public void MergeStatesBackward( int parts, int rows, int width, ReadOnlySpan<float> outputs, ReadOnlySpan<float> logSumExps, ReadOnlySpan<float> outputGradient, ReadOnlySpan<float> logSumExpGradient, Span<float> outputGradients, Span<float> logSumExpGradients) => throw new NotImplementedException();

  public void LinearAttentionState<T>( LinearAttentionShape shape, LinearAttentionOptions options, JaggedLayout history, ReadOnlySpan<T> keys, ReadOnlySpan<T> values, Span<float> state) where T : unmanaged => throw new NotImplementedException();

  public void LinearAttentionStateBackward<T>( LinearAttentionShape shape, LinearAttentionOptions options, JaggedLayout history, ReadOnlySpan<T> keys, ReadOnlySpan<T> values, ReadOnlySpan<float> stateGradient, Span<T> keyGradient, Span<T> valueGradient) where T : unmanaged => throw new NotImplementedException();

  public void LinearAttentionApply<T>( LinearAttentionShape shape, LinearAttentionOptions options, JaggedLayout rows, ReadOnlySpan<T> queries, ReadOnlySpan<float> state, ReadOnlySpan<T> selfKeys, ReadOnlySpan<T> selfValues, Span<T> output) where T : unmanaged => throw new NotImplementedException();

  public void LinearAttentionApplyBackward<T>( LinearAttentionShape shape, LinearAttentionOptions options, JaggedLayout rows, ReadOnlySpan<T> queries, ReadOnlySpan<float> state, ReadOnlySpan<T> selfKeys, ReadOnlySpan<T> selfValues, ReadOnlySpan<T> outputGradient, Span<T> queryGradient, Span<float> stateGradient, Span<T> selfKeyGradient, Span<T> selfValueGradient) where T : unmanaged => throw new NotImplementedException();

  public void SketchAttention<T>( SketchAttentionShape shape, ReadOnlySpan<T> prototypes, ReadOnlySpan<T> keys, ReadOnlySpan<T> values, Span<T> sketch, Span<float> tokenLogSumExp, Span<float> mass) where T : unmanaged => throw new NotImplementedException();

  public void SketchAttentionBackward<T>( SketchAttentionShape shape, ReadOnlySpan<T> prototypes, ReadOnlySpan<T> keys, ReadOnlySpan<T> values, ReadOnlySpan<T> sketch, ReadOnlySpan<float> tokenLogSumExp, ReadOnlySpan<float> mass, ReadOnlySpan<T> sketchGradient, Span<T> prototypeGradient, Span<T> keyGradient, Span<T> valueGradient) where T : unmanaged => throw new NotImplementedException();

  public void GatedFfn<T>(GatedFfnShape shape, ReadOnlySpan<T> input, GatedFfnWeights<T> weights, Span<T> output) where T : unmanaged => throw new NotImplementedException();

  public void GatedFfnBackward<T>( GatedFfnShape shape, ReadOnlySpan<T> input, GatedFfnWeights<T> weights, ReadOnlySpan<T> outputGradient, Span<T> inputGradient, GatedFfnGradients<T> gradients, OutputMode mode) where T : unmanaged => throw new NotImplementedException();

  public void Linear<T>(LinearShape shape, ReadOnlySpan<T> input, ReadOnlySpan<T> weight, ReadOnlySpan<T> bias, Span<T> output, OutputMode mode) where T : unmanaged => throw new NotImplementedException();

  public void LinearBackward<T>( LinearShape shape, ReadOnlySpan<T> input, ReadOnlySpan<T> weight, ReadOnlySpan<T> outputGradient, Span<T> inputGradient, Span<T> weightGradient, Span<T> biasGradient, OutputMode mode) where T : unmanaged => throw new NotImplementedException();

  public void LayerNorm<T>(int rows, int width, float epsilon, ReadOnlySpan<T> input, ReadOnlySpan<T> gain, ReadOnlySpan<T> bias, Span<T> output) where T : unmanaged => throw new NotImplementedException();

  public void LayerNormBackward<T>( int rows, int width, float epsilon, ReadOnlySpan<T> input, ReadOnlySpan<T> gain, ReadOnlySpan<T> outputGradient, Span<T> inputGradient, Span<T> gainGradient, Span<T> biasGradient) where T : unmanaged => throw new NotImplementedException();

  public void SegmentReduce<T>(SegmentReduction reduction, JaggedLayout segments, int width, ReadOnlySpan<T> input, Span<T> output) where T : unmanaged => throw new NotImplementedException();

  public void SegmentReduceBackward<T>( SegmentReduction reduction, JaggedLayout segments, int width, ReadOnlySpan<T> input, ReadOnlySpan<T> outputGradient, Span<T> inputGradient) where T : unmanaged => throw new NotImplementedException();

  public void TimeEmbedding<T>( TimeBuckets buckets, JaggedLayout segments, int width, ReadOnlySpan<long> requestTimes, ReadOnlySpan<long> eventTimes, ReadOnlySpan<T> table, Span<T> rows) where T : unmanaged => throw new NotImplementedException();

  public void TimeEmbeddingBackward<T>( TimeBuckets buckets, JaggedLayout segments, int width, ReadOnlySpan<long> requestTimes, ReadOnlySpan<long> eventTimes, ReadOnlySpan<T> rowGradient, Span<T> tableGradient) where T : unmanaged => throw new NotImplementedException();

  public void SummaryEncode(SummaryEncoding encoding, int width, ReadOnlySpan<float> input, Span<byte> codes, Span<float> scales) => throw new NotImplementedException();

  public void SummaryDecode(SummaryEncoding encoding, int width, ReadOnlySpan<byte> codes, ReadOnlySpan<float> scales, Span<float> output) => throw new NotImplementedException();

}
