using LongSeqKernels.Native;
using NUnit.Framework;

namespace LongSeqKernels.Tests;

/// <summary>
/// The native backend with emulated kernels, as the parity suite may use it: a run that the emulator would be busy with for too long ends its test,
/// by name, and is left to the native tests of the same kernels and to GPUs.
/// </summary>
internal sealed class EmulatedKernels(NativeKernels inner, double mostMultiplyAdds) : IKernels
{
    public string Name => inner.Name;

    public string Description => inner.Description;

    public ExecutionPlan PlanCrossAttention(CrossAttentionShape shape, CrossAttentionOptions options)
    {
        double products = 0;
        for (int segment = 0; segment < shape.Targets.Count; segment++)
        {
            products += (double)shape.Targets.Length(segment) * shape.History.Length(segment);
        }
        Limit("cross attention", 2 * products * shape.TargetWidth);
        return inner.PlanCrossAttention(shape, options);
    }

    public void CrossAttention<T, TOutput>(CrossAttentionPlan plan, CrossAttentionInputs<T> inputs, Span<TOutput> output, Span<float> logSumExp)
        where T : unmanaged
        where TOutput : unmanaged => inner.CrossAttention(plan, inputs, output, logSumExp);

    public void CrossAttentionEncoded<T, TOutput>(CrossAttentionPlan plan, CrossAttentionEncodedInputs<T> inputs, Span<TOutput> output, Span<float> logSumExp)
        where T : unmanaged
        where TOutput : unmanaged => inner.CrossAttentionEncoded(plan, inputs, output, logSumExp);

    public void CrossAttentionBackward<T>(CrossAttentionPlan plan, CrossAttentionInputs<T> inputs, CrossAttentionGradients<T> gradients)
        where T : unmanaged => inner.CrossAttentionBackward(plan, inputs, gradients);

    public void MergeStates(int parts, int rows, int width, ReadOnlySpan<float> outputs, ReadOnlySpan<float> logSumExps, Span<float> output, Span<float> logSumExp)
    {
        Limit("merge states", outputs.Length);
        inner.MergeStates(parts, rows, width, outputs, logSumExps, output, logSumExp);
    }

    public void MergeStatesBackward(
        int parts,
        int rows,
        int width,
        ReadOnlySpan<float> outputs,
        ReadOnlySpan<float> logSumExps,
        ReadOnlySpan<float> outputGradient,
        ReadOnlySpan<float> logSumExpGradient,
        Span<float> outputGradients,
        Span<float> logSumExpGradients)
    {
        Limit("merge states", outputs.Length);
        inner.MergeStatesBackward(parts, rows, width, outputs, logSumExps, outputGradient, logSumExpGradient, outputGradients, logSumExpGradients);
    }

    public void LinearAttentionState<T>(
        LinearAttentionShape shape, LinearAttentionOptions options, JaggedLayout history, ReadOnlySpan<T> keys, ReadOnlySpan<T> values, Span<float> state)
        where T : unmanaged
    {
        Limit("linear attention", (double)history.Total * shape.State);
        inner.LinearAttentionState(shape, options, history, keys, values, state);
    }

    public void LinearAttentionStateBackward<T>(
        LinearAttentionShape shape,
        LinearAttentionOptions options,
        JaggedLayout history,
        ReadOnlySpan<T> keys,
        ReadOnlySpan<T> values,
        ReadOnlySpan<float> stateGradient,
        Span<T> keyGradient,
        Span<T> valueGradient)
        where T : unmanaged
    {
        Limit("linear attention", (double)history.Total * shape.State);
        inner.LinearAttentionStateBackward(shape, options, history, keys, values, stateGradient, keyGradient, valueGradient);
    }

    public void LinearAttentionApply<T>(
        LinearAttentionShape shape,
        LinearAttentionOptions options,
        JaggedLayout rows,
        ReadOnlySpan<T> queries,
        ReadOnlySpan<float> state,
        ReadOnlySpan<T> selfKeys,
        ReadOnlySpan<T> selfValues,
        Span<T> output)
        where T : unmanaged
    {
        Limit("linear attention", (double)rows.Total * shape.State);
        inner.LinearAttentionApply(shape, options, rows, queries, state, selfKeys, selfValues, output);
    }

    public void LinearAttentionApplyBackward<T>(
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
        where T : unmanaged
    {
        Limit("linear attention", (double)rows.Total * shape.State);
        inner.LinearAttentionApplyBackward(
            shape, options, rows, queries, state, selfKeys, selfValues, outputGradient, queryGradient, stateGradient, selfKeyGradient, selfValueGradient);
    }

    public void SketchAttention<T>(
        SketchAttentionShape shape,
        ReadOnlySpan<T> prototypes,
        ReadOnlySpan<T> keys,
        ReadOnlySpan<T> values,
        Span<T> sketch,
        Span<float> tokenLogSumExp,
        Span<float> mass)
        where T : unmanaged
    {
        Limit("sketch attention", (double)shape.History.Total * shape.Prototypes * (shape.KeyWidth + shape.ValueWidth));
        inner.SketchAttention(shape, prototypes, keys, values, sketch, tokenLogSumExp, mass);
    }

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
        inner.SketchAttentionBackward(
            shape, prototypes, keys, values, sketch, tokenLogSumExp, mass, sketchGradient, prototypeGradient, keyGradient, valueGradient);

    public void GatedFfn<T>(GatedFfnShape shape, ReadOnlySpan<T> input, GatedFfnWeights<T> weights, Span<T> output)
        where T : unmanaged
    {
        Limit("gated FFN", 3.0 * shape.Rows * shape.Width * shape.HiddenWidth);
        inner.GatedFfn(shape, input, weights, output);
    }

    public void GatedFfnBackward<T>(
        GatedFfnShape shape,
        ReadOnlySpan<T> input,
        GatedFfnWeights<T> weights,
        ReadOnlySpan<T> outputGradient,
        Span<T> inputGradient,
        GatedFfnGradients<T> gradients,
        OutputMode mode)
        where T : unmanaged
    {
        Limit("gated FFN", 3.0 * shape.Rows * shape.Width * shape.HiddenWidth);
        inner.GatedFfnBackward(shape, input, weights, outputGradient, inputGradient, gradients, mode);
    }

    public void Linear<T>(LinearShape shape, ReadOnlySpan<T> input, ReadOnlySpan<T> weight, ReadOnlySpan<T> bias, Span<T> output, OutputMode mode)
        where T : unmanaged
    {
        Limit("linear layer", (double)shape.Rows * shape.InputWidth * shape.OutputWidth);
        inner.Linear(shape, input, weight, bias, output, mode);
    }

    public void LinearBackward<T>(
        LinearShape shape,
        ReadOnlySpan<T> input,
        ReadOnlySpan<T> weight,
        ReadOnlySpan<T> outputGradient,
        Span<T> inputGradient,
        Span<T> weightGradient,
        Span<T> biasGradient,
        OutputMode mode)
        where T : unmanaged
    {
        Limit("linear layer", (double)shape.Rows * shape.InputWidth * shape.OutputWidth);
        inner.LinearBackward(shape, input, weight, outputGradient, inputGradient, weightGradient, biasGradient, mode);
    }

    public void LayerNorm<T>(int rows, int width, float epsilon, ReadOnlySpan<T> input, ReadOnlySpan<T> gain, ReadOnlySpan<T> bias, Span<T> output)
        where T : unmanaged
    {
        Limit("layer norm", input.Length);
        inner.LayerNorm(rows, width, epsilon, input, gain, bias, output);
    }

    public void LayerNormBackward<T>(
        int rows,
        int width,
        float epsilon,
        ReadOnlySpan<T> input,
        ReadOnlySpan<T> gain,
        ReadOnlySpan<T> outputGradient,
        Span<T> inputGradient,
        Span<T> gainGradient,
        Span<T> biasGradient)
        where T : unmanaged
    {
        Limit("layer norm", input.Length);
        inner.LayerNormBackward(rows, width, epsilon, input, gain, outputGradient, inputGradient, gainGradient, biasGradient);
    }

    public void SegmentReduce<T>(SegmentReduction reduction, JaggedLayout segments, int width, ReadOnlySpan<T> input, Span<T> output)
        where T : unmanaged
    {
        Limit("segment reduction", input.Length);
        inner.SegmentReduce(reduction, segments, width, input, output);
    }

    public void SegmentReduceBackward<T>(
        SegmentReduction reduction, JaggedLayout segments, int width, ReadOnlySpan<T> input, ReadOnlySpan<T> outputGradient, Span<T> inputGradient)
        where T : unmanaged
    {
        Limit("segment reduction", input.Length);
        inner.SegmentReduceBackward(reduction, segments, width, input, outputGradient, inputGradient);
    }

    public void TimeEmbedding<T>(
        TimeBuckets buckets, JaggedLayout segments, int width, ReadOnlySpan<long> requestTimes, ReadOnlySpan<long> eventTimes, ReadOnlySpan<T> table, Span<T> rows)
        where T : unmanaged
    {
        Limit("time embedding", rows.Length);
        inner.TimeEmbedding(buckets, segments, width, requestTimes, eventTimes, table, rows);
    }

    public void TimeEmbeddingBackward<T>(
        TimeBuckets buckets,
        JaggedLayout segments,
        int width,
        ReadOnlySpan<long> requestTimes,
        ReadOnlySpan<long> eventTimes,
        ReadOnlySpan<T> rowGradient,
        Span<T> tableGradient)
        where T : unmanaged
    {
        Limit("time embedding", rowGradient.Length);
        inner.TimeEmbeddingBackward(buckets, segments, width, requestTimes, eventTimes, rowGradient, tableGradient);
    }

    public void SummaryEncode(SummaryEncoding encoding, int width, ReadOnlySpan<float> input, Span<byte> codes, Span<float> scales)
    {
        Limit("summary codec", input.Length);
        inner.SummaryEncode(encoding, width, input, codes, scales);
    }

    public void SummaryDecode(SummaryEncoding encoding, int width, ReadOnlySpan<byte> codes, ReadOnlySpan<float> scales, Span<float> output)
    {
        Limit("summary codec", output.Length);
        inner.SummaryDecode(encoding, width, codes, scales, output);
    }

    public void Dispose() => inner.Dispose();

    private void Limit(string operation, double multiplyAdds)
    {
        if (multiplyAdds > mostMultiplyAdds)
        {
            Assert.Ignore(
                $"NOT RUN on {inner.Name}: {operation} of {multiplyAdds / 1e6:F1} million multiply-adds, {mostMultiplyAdds / 1e6:F1} million at most. " +
                "The native tests and GPUs cover larger ones.");
        }
    }
}
