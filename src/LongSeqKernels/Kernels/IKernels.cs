namespace LongSeqKernels;

/// <summary>
/// A backend: one method per operation. Arguments have been checked by the operation's public class, which documents shapes and contracts;
/// a backend only computes. Implementations are thread-safe on distinct outputs and deterministic.
/// </summary>
public interface IKernels : IDisposable
{
    /// <summary>The backend's name, as reported to users.</summary>
    string Name { get; }

    /// <summary>What it runs on: instruction set and threads, or the device.</summary>
    string Description { get; }

    /// <summary>Decides how to run a cross attention; called once per <see cref="CrossAttentionPlan"/>, which keeps the result for every run.</summary>
    /// <param name="shape">The batch, checked, with its defaults filled in.</param>
    /// <param name="options">Scale, cap, score; checked.</param>
    ExecutionPlan PlanCrossAttention(CrossAttentionShape shape, CrossAttentionOptions options);

    /// <inheritdoc cref="LongSeqKernels.CrossAttention.Forward"/>
    /// <typeparam name="T">Storage type of the inputs.</typeparam>
    /// <typeparam name="TOutput">Storage type of the output: T, or fp32 for partial states.</typeparam>
    void CrossAttention<T, TOutput>(CrossAttentionPlan plan, CrossAttentionInputs<T> inputs, Span<TOutput> output, Span<float> logSumExp)
        where T : unmanaged
        where TOutput : unmanaged;

    /// <inheritdoc cref="LongSeqKernels.CrossAttention.ForwardEncoded"/>
    /// <typeparam name="T">Storage type of the queries.</typeparam>
    /// <typeparam name="TOutput">Storage type of the output: T, or fp32 for partial states.</typeparam>
    void CrossAttentionEncoded<T, TOutput>(CrossAttentionPlan plan, CrossAttentionEncodedInputs<T> inputs, Span<TOutput> output, Span<float> logSumExp)
        where T : unmanaged
        where TOutput : unmanaged;

    /// <inheritdoc cref="LongSeqKernels.CrossAttention.Backward"/>
    void CrossAttentionBackward<T>(CrossAttentionPlan plan, CrossAttentionInputs<T> inputs, CrossAttentionGradients<T> gradients)
        where T : unmanaged;

    /// <inheritdoc cref="LongSeqKernels.MergeStates.Forward"/>
    void MergeStates(int parts, int rows, int width, ReadOnlySpan<float> outputs, ReadOnlySpan<float> logSumExps, Span<float> output, Span<float> logSumExp);

    /// <inheritdoc cref="LongSeqKernels.MergeStates.Backward"/>
    void MergeStatesBackward(
        int parts,
        int rows,
        int width,
        ReadOnlySpan<float> outputs,
        ReadOnlySpan<float> logSumExps,
        ReadOnlySpan<float> outputGradient,
        ReadOnlySpan<float> logSumExpGradient,
        Span<float> outputGradients,
        Span<float> logSumExpGradients);

    /// <inheritdoc cref="LinearAttention.AddToState"/>
    void LinearAttentionState<T>(
        LinearAttentionShape shape, LinearAttentionOptions options, JaggedLayout history, ReadOnlySpan<T> keys, ReadOnlySpan<T> values, Span<float> state)
        where T : unmanaged;

    /// <inheritdoc cref="LinearAttention.AddToStateBackward"/>
    void LinearAttentionStateBackward<T>(
        LinearAttentionShape shape,
        LinearAttentionOptions options,
        JaggedLayout history,
        ReadOnlySpan<T> keys,
        ReadOnlySpan<T> values,
        ReadOnlySpan<float> stateGradient,
        Span<T> keyGradient,
        Span<T> valueGradient)
        where T : unmanaged;

    /// <inheritdoc cref="LinearAttention.Apply"/>
    void LinearAttentionApply<T>(
        LinearAttentionShape shape,
        LinearAttentionOptions options,
        JaggedLayout rows,
        ReadOnlySpan<T> queries,
        ReadOnlySpan<float> state,
        ReadOnlySpan<T> selfKeys,
        ReadOnlySpan<T> selfValues,
        Span<T> output)
        where T : unmanaged;

    /// <inheritdoc cref="LinearAttention.ApplyBackward"/>
    void LinearAttentionApplyBackward<T>(
        LinearAttentionShape shape,
        LinearAttentionOptions options,
        JaggedLayout rows,
        ReadOnlySpan<T> queries,
        ReadOnlySpan<float> state,
        ReadOnlySpan<T> selfKeys,
        ReadOnlySpan<T> selfValues,
        ReadOnlySpan<T> outputGradient,
        Span<T> queryGradient,
        Span<float> stateGradient,
        Span<T> selfKeyGradient,
        Span<T> selfValueGradient)
        where T : unmanaged;

    /// <inheritdoc cref="LongSeqKernels.SketchAttention.Forward"/>
    void SketchAttention<T>(
        SketchAttentionShape shape,
        ReadOnlySpan<T> prototypes,
        ReadOnlySpan<T> keys,
        ReadOnlySpan<T> values,
        Span<T> sketch,
        Span<float> tokenLogSumExp,
        Span<float> mass)
        where T : unmanaged;

    /// <inheritdoc cref="LongSeqKernels.SketchAttention.Backward"/>
    void SketchAttentionBackward<T>(
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
        where T : unmanaged;

    /// <inheritdoc cref="LongSeqKernels.GatedFfn.Forward"/>
    void GatedFfn<T>(GatedFfnShape shape, ReadOnlySpan<T> input, GatedFfnWeights<T> weights, Span<T> output)
        where T : unmanaged;

    /// <inheritdoc cref="LongSeqKernels.GatedFfn.Backward"/>
    void GatedFfnBackward<T>(
        GatedFfnShape shape,
        ReadOnlySpan<T> input,
        GatedFfnWeights<T> weights,
        ReadOnlySpan<T> outputGradient,
        Span<T> inputGradient,
        GatedFfnGradients<T> gradients,
        OutputMode mode)
        where T : unmanaged;

    /// <inheritdoc cref="LongSeqKernels.Linear.Forward"/>
    void Linear<T>(LinearShape shape, ReadOnlySpan<T> input, ReadOnlySpan<T> weight, ReadOnlySpan<T> bias, Span<T> output, OutputMode mode)
        where T : unmanaged;

    /// <inheritdoc cref="LongSeqKernels.Linear.Backward"/>
    void LinearBackward<T>(
        LinearShape shape,
        ReadOnlySpan<T> input,
        ReadOnlySpan<T> weight,
        ReadOnlySpan<T> outputGradient,
        Span<T> inputGradient,
        Span<T> weightGradient,
        Span<T> biasGradient,
        OutputMode mode)
        where T : unmanaged;

    /// <inheritdoc cref="LongSeqKernels.LayerNorm.Forward"/>
    void LayerNorm<T>(int rows, int width, float epsilon, ReadOnlySpan<T> input, ReadOnlySpan<T> gain, ReadOnlySpan<T> bias, Span<T> output)
        where T : unmanaged;

    /// <inheritdoc cref="LongSeqKernels.LayerNorm.Backward"/>
    void LayerNormBackward<T>(
        int rows,
        int width,
        float epsilon,
        ReadOnlySpan<T> input,
        ReadOnlySpan<T> gain,
        ReadOnlySpan<T> outputGradient,
        Span<T> inputGradient,
        Span<T> gainGradient,
        Span<T> biasGradient)
        where T : unmanaged;

    /// <inheritdoc cref="LongSeqKernels.SegmentReduce.Forward"/>
    void SegmentReduce<T>(SegmentReduction reduction, JaggedLayout segments, int width, ReadOnlySpan<T> input, Span<T> output)
        where T : unmanaged;

    /// <inheritdoc cref="LongSeqKernels.SegmentReduce.Backward"/>
    void SegmentReduceBackward<T>(
        SegmentReduction reduction, JaggedLayout segments, int width, ReadOnlySpan<T> input, ReadOnlySpan<T> outputGradient, Span<T> inputGradient)
        where T : unmanaged;

    /// <inheritdoc cref="LongSeqKernels.TimeEmbedding.Forward"/>
    void TimeEmbedding<T>(
        TimeBuckets buckets, JaggedLayout segments, int width, ReadOnlySpan<long> requestTimes, ReadOnlySpan<long> eventTimes, ReadOnlySpan<T> table, Span<T> rows)
        where T : unmanaged;

    /// <inheritdoc cref="LongSeqKernels.TimeEmbedding.Backward"/>
    void TimeEmbeddingBackward<T>(
        TimeBuckets buckets,
        JaggedLayout segments,
        int width,
        ReadOnlySpan<long> requestTimes,
        ReadOnlySpan<long> eventTimes,
        ReadOnlySpan<T> rowGradient,
        Span<T> tableGradient)
        where T : unmanaged;

    /// <inheritdoc cref="SummaryCodec.Encode"/>
    void SummaryEncode(SummaryEncoding encoding, int width, ReadOnlySpan<float> input, Span<byte> codes, Span<float> scales);

    /// <inheritdoc cref="SummaryCodec.Decode"/>
    void SummaryDecode(SummaryEncoding encoding, int width, ReadOnlySpan<byte> codes, ReadOnlySpan<float> scales, Span<float> output);
}
