namespace LongSeqKernels.Portable;

// Operations whose kernels are still to land.
internal sealed partial class PortableKernels
{
  private static readonly ReferenceKernels Reference = new();



  public void MergeStates(int parts, int rows, int width, ReadOnlySpan<float> outputs, ReadOnlySpan<float> logSumExps, Span<float> output, Span<float> logSumExp) => Reference.MergeStates(parts, rows, width, outputs, logSumExps, output, logSumExp);

  public void MergeStatesBackward( int parts, int rows, int width, ReadOnlySpan<float> outputs, ReadOnlySpan<float> logSumExps, ReadOnlySpan<float> outputGradient, ReadOnlySpan<float> logSumExpGradient, Span<float> outputGradients, Span<float> logSumExpGradients) => Reference.MergeStatesBackward(parts, rows, width, outputs, logSumExps, outputGradient, logSumExpGradient, outputGradients, logSumExpGradients);

  public void LinearAttentionState<T>( LinearAttentionShape shape, LinearAttentionOptions options, JaggedLayout history, ReadOnlySpan<T> keys, ReadOnlySpan<T> values, Span<float> state) where T : unmanaged => Reference.LinearAttentionState<T>(shape, options, history, keys, values, state);

  public void LinearAttentionStateBackward<T>( LinearAttentionShape shape, LinearAttentionOptions options, JaggedLayout history, ReadOnlySpan<T> keys, ReadOnlySpan<T> values, ReadOnlySpan<float> stateGradient, Span<T> keyGradient, Span<T> valueGradient) where T : unmanaged => Reference.LinearAttentionStateBackward<T>(shape, options, history, keys, values, stateGradient, keyGradient, valueGradient);

  public void LinearAttentionApply<T>( LinearAttentionShape shape, LinearAttentionOptions options, JaggedLayout rows, ReadOnlySpan<T> queries, ReadOnlySpan<float> state, ReadOnlySpan<T> selfKeys, ReadOnlySpan<T> selfValues, Span<T> output) where T : unmanaged => Reference.LinearAttentionApply<T>(shape, options, rows, queries, state, selfKeys, selfValues, output);

  public void LinearAttentionApplyBackward<T>( LinearAttentionShape shape, LinearAttentionOptions options, JaggedLayout rows, ReadOnlySpan<T> queries, ReadOnlySpan<float> state, ReadOnlySpan<T> selfKeys, ReadOnlySpan<T> selfValues, ReadOnlySpan<T> outputGradient, Span<T> queryGradient, Span<float> stateGradient, Span<T> selfKeyGradient, Span<T> selfValueGradient) where T : unmanaged => Reference.LinearAttentionApplyBackward<T>(shape, options, rows, queries, state, selfKeys, selfValues, outputGradient, queryGradient, stateGradient, selfKeyGradient, selfValueGradient);

  public void SketchAttention<T>( SketchAttentionShape shape, ReadOnlySpan<T> prototypes, ReadOnlySpan<T> keys, ReadOnlySpan<T> values, Span<T> sketch, Span<float> tokenLogSumExp, Span<float> mass) where T : unmanaged => Reference.SketchAttention<T>(shape, prototypes, keys, values, sketch, tokenLogSumExp, mass);

  public void SketchAttentionBackward<T>( SketchAttentionShape shape, ReadOnlySpan<T> prototypes, ReadOnlySpan<T> keys, ReadOnlySpan<T> values, ReadOnlySpan<T> sketch, ReadOnlySpan<float> tokenLogSumExp, ReadOnlySpan<float> mass, ReadOnlySpan<T> sketchGradient, Span<T> prototypeGradient, Span<T> keyGradient, Span<T> valueGradient) where T : unmanaged => Reference.SketchAttentionBackward<T>(shape, prototypes, keys, values, sketch, tokenLogSumExp, mass, sketchGradient, prototypeGradient, keyGradient, valueGradient);

  public void GatedFfn<T>(GatedFfnShape shape, ReadOnlySpan<T> input, GatedFfnWeights<T> weights, Span<T> output) where T : unmanaged => Reference.GatedFfn<T>(shape, input, weights, output);

  public void GatedFfnBackward<T>( GatedFfnShape shape, ReadOnlySpan<T> input, GatedFfnWeights<T> weights, ReadOnlySpan<T> outputGradient, Span<T> inputGradient, GatedFfnGradients<T> gradients, OutputMode mode) where T : unmanaged => Reference.GatedFfnBackward<T>(shape, input, weights, outputGradient, inputGradient, gradients, mode);

  public void Linear<T>(LinearShape shape, ReadOnlySpan<T> input, ReadOnlySpan<T> weight, ReadOnlySpan<T> bias, Span<T> output, OutputMode mode) where T : unmanaged => Reference.Linear<T>(shape, input, weight, bias, output, mode);

  public void LinearBackward<T>( LinearShape shape, ReadOnlySpan<T> input, ReadOnlySpan<T> weight, ReadOnlySpan<T> outputGradient, Span<T> inputGradient, Span<T> weightGradient, Span<T> biasGradient, OutputMode mode) where T : unmanaged => Reference.LinearBackward<T>(shape, input, weight, outputGradient, inputGradient, weightGradient, biasGradient, mode);

  public void LayerNorm<T>(int rows, int width, float epsilon, ReadOnlySpan<T> input, ReadOnlySpan<T> gain, ReadOnlySpan<T> bias, Span<T> output) where T : unmanaged => Reference.LayerNorm<T>(rows, width, epsilon, input, gain, bias, output);

  public void LayerNormBackward<T>( int rows, int width, float epsilon, ReadOnlySpan<T> input, ReadOnlySpan<T> gain, ReadOnlySpan<T> outputGradient, Span<T> inputGradient, Span<T> gainGradient, Span<T> biasGradient) where T : unmanaged => Reference.LayerNormBackward<T>(rows, width, epsilon, input, gain, outputGradient, inputGradient, gainGradient, biasGradient);

  public void SegmentReduce<T>(SegmentReduction reduction, JaggedLayout segments, int width, ReadOnlySpan<T> input, Span<T> output) where T : unmanaged => Reference.SegmentReduce<T>(reduction, segments, width, input, output);

  public void SegmentReduceBackward<T>( SegmentReduction reduction, JaggedLayout segments, int width, ReadOnlySpan<T> input, ReadOnlySpan<T> outputGradient, Span<T> inputGradient) where T : unmanaged => Reference.SegmentReduceBackward<T>(reduction, segments, width, input, outputGradient, inputGradient);

  public void TimeEmbedding<T>( TimeBuckets buckets, JaggedLayout segments, int width, ReadOnlySpan<long> requestTimes, ReadOnlySpan<long> eventTimes, ReadOnlySpan<T> table, Span<T> rows) where T : unmanaged => Reference.TimeEmbedding<T>(buckets, segments, width, requestTimes, eventTimes, table, rows);

  public void TimeEmbeddingBackward<T>( TimeBuckets buckets, JaggedLayout segments, int width, ReadOnlySpan<long> requestTimes, ReadOnlySpan<long> eventTimes, ReadOnlySpan<T> rowGradient, Span<T> tableGradient) where T : unmanaged => Reference.TimeEmbeddingBackward<T>(buckets, segments, width, requestTimes, eventTimes, rowGradient, tableGradient);

  public void SummaryEncode(SummaryEncoding encoding, int width, ReadOnlySpan<float> input, Span<byte> codes, Span<float> scales) => Reference.SummaryEncode(encoding, width, input, codes, scales);

  public void SummaryDecode(SummaryEncoding encoding, int width, ReadOnlySpan<byte> codes, ReadOnlySpan<float> scales, Span<float> output) => Reference.SummaryDecode(encoding, width, codes, scales, output);

}
