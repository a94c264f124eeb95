namespace LongSeqKernels.Native;

/// <content>Cross attention and the merge of its states.</content>
internal sealed partial class NativeKernels
{
    public ExecutionPlan PlanCrossAttention(CrossAttentionShape shape, CrossAttentionOptions options) => new NativeExecutionPlan(Device, shape, options);

    public void CrossAttention<T, TOutput>(CrossAttentionPlan plan, CrossAttentionInputs<T> inputs, Span<TOutput> output, Span<float> logSumExp)
        where T : unmanaged
        where TOutput : unmanaged
    {
        NativeCrossAttentionPlan<T, TOutput> native = ((NativeExecutionPlan)plan.Execution).Of<T, TOutput>();
        using RentedLane lane = _lanes.Rent();
        DeviceSlice<TOutput> outputs = lane.Result(output);
        DeviceSlice<float> logSumExps = lane.Result(logSumExp);
        native.Forward(
            lane.Stream,
            lane.Upload(inputs.Queries),
            lane.Upload(inputs.Keys),
            plan.Shape.Form == HistoryForm.Shared ? default : lane.Upload(inputs.Values),
            outputs,
            logSumExps,
            lane.Upload(inputs.KeyBias),
            lane.Forward(native));
        lane.Download(outputs, output);
        lane.Download(logSumExps, logSumExp);
    }

    public void CrossAttentionEncoded<T, TOutput>(CrossAttentionPlan plan, CrossAttentionEncodedInputs<T> inputs, Span<TOutput> output, Span<float> logSumExp)
        where T : unmanaged
        where TOutput : unmanaged
    {
        NativeCrossAttentionPlan<T, TOutput> native = ((NativeExecutionPlan)plan.Execution).Of<T, TOutput>();
        using RentedLane lane = _lanes.Rent();
        DeviceSlice<TOutput> outputs = lane.Result(output);
        DeviceSlice<float> logSumExps = lane.Result(logSumExp);
        native.ForwardEncoded(
            lane.Stream,
            lane.Upload(inputs.Queries),
            new(lane.Upload(inputs.Keys.Codes), lane.Upload(inputs.Keys.Scales)),
            plan.Shape.Form == HistoryForm.Shared ? default : new(lane.Upload(inputs.Values.Codes), lane.Upload(inputs.Values.Scales)),
            outputs,
            logSumExps,
            lane.Upload(inputs.KeyBias),
            lane.Forward(native));
        lane.Download(outputs, output);
        lane.Download(logSumExps, logSumExp);
    }

    public void CrossAttentionBackward<T>(CrossAttentionPlan plan, CrossAttentionInputs<T> inputs, CrossAttentionGradients<T> gradients)
        where T : unmanaged
    {
        NativeCrossAttentionPlan<T, T> native = ((NativeExecutionPlan)plan.Execution).Of<T, T>();
        using RentedLane lane = _lanes.Rent();
        DeviceSlice<T> queries = lane.Result(gradients.Queries);
        DeviceSlice<T> keys = lane.Result(gradients.Keys);
        DeviceSlice<T> values = lane.Result(gradients.Values);
        DeviceSlice<float> keyBias = lane.Result(gradients.KeyBias);
        native.Backward(
            lane.Stream,
            lane.Upload(inputs.Queries),
            lane.Upload(inputs.Keys),
            plan.Shape.Form == HistoryForm.Shared ? default : lane.Upload(inputs.Values),
            lane.Upload(gradients.Output),
            lane.Upload(gradients.LogSumExp),
            lane.Upload(gradients.OutputGradient),
            queries,
            keys,
            values,
            lane.Upload(inputs.KeyBias),
            keyBias,
            lane.Upload(gradients.LogSumExpGradient),
            lane.Backward(native));
        lane.Download(queries, gradients.Queries);
        lane.Download(keys, gradients.Keys);
        lane.Download(values, gradients.Values);
        lane.Download(keyBias, gradients.KeyBias);
    }

    public void MergeStates(
        int parts, int rows, int width, ReadOnlySpan<float> outputs, ReadOnlySpan<float> logSumExps, Span<float> output, Span<float> logSumExp)
    {
        NativeMergeStatesPlan plan = MergeStatesPlan(parts, rows, width);
        using RentedLane lane = _lanes.Rent();
        DeviceSlice<float> merged = lane.Result(output);
        DeviceSlice<float> mergedLogSumExp = lane.Result(logSumExp);
        plan.Forward(lane.Stream, lane.Upload(outputs), lane.Upload(logSumExps), merged, mergedLogSumExp, lane.Forward(plan));
        lane.Download(merged, output);
        lane.Download(mergedLogSumExp, logSumExp);
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
        NativeMergeStatesPlan plan = MergeStatesPlan(parts, rows, width);
        using RentedLane lane = _lanes.Rent();
        DeviceSlice<float> partOutputs = lane.Result(outputGradients);
        DeviceSlice<float> partLogSumExps = lane.Result(logSumExpGradients);
        plan.Backward(
            lane.Stream,
            lane.Upload(outputs),
            lane.Upload(logSumExps),
            lane.Upload(outputGradient),
            lane.Upload(logSumExpGradient),
            partOutputs,
            partLogSumExps,
            lane.Backward(plan));
        lane.Download(partOutputs, outputGradients);
        lane.Download(partLogSumExps, logSumExpGradients);
    }

    private NativeMergeStatesPlan MergeStatesPlan(int parts, int rows, int width) =>
        _plans.Get((parts, rows, width), key => NativeMergeStatesPlan.Create(Device, key.parts, key.rows, key.width));
}
