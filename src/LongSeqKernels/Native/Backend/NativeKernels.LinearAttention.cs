namespace LongSeqKernels.Native;

/// <content>Linear attention and sketch attention.</content>
internal sealed partial class NativeKernels
{
    public void LinearAttentionState<T>(
        LinearAttentionShape shape, LinearAttentionOptions options, JaggedLayout history, ReadOnlySpan<T> keys, ReadOnlySpan<T> values, Span<float> state)
        where T : unmanaged
    {
        NativeLinearAttentionStatePlan<T> plan = StatePlan<T>(shape, options, history);
        using RentedLane lane = _lanes.Rent();
        DeviceSlice<float> states = lane.Upload(state);
        plan.Forward(lane.Stream, lane.Upload(keys), lane.Upload(values), states, lane.Forward(plan));
        lane.Download(states, state);
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
        NativeLinearAttentionStatePlan<T> plan = StatePlan<T>(shape, options, history);
        using RentedLane lane = _lanes.Rent();
        DeviceSlice<T> keyGradients = lane.Result(keyGradient);
        DeviceSlice<T> valueGradients = lane.Result(valueGradient);
        plan.Backward(
            lane.Stream, lane.Upload(keys), lane.Upload(values), lane.Upload(stateGradient), keyGradients, valueGradients, lane.Backward(plan));
        lane.Download(keyGradients, keyGradient);
        lane.Download(valueGradients, valueGradient);
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
        NativeLinearAttentionApplyPlan<T> plan = ApplyPlan<T>(shape, options, rows);
        using RentedLane lane = _lanes.Rent();
        DeviceSlice<T> outputs = lane.Result(output);
        plan.Forward(
            lane.Stream, lane.Upload(queries), lane.Upload(state), lane.Upload(selfKeys), lane.Upload(selfValues), outputs, lane.Forward(plan));
        lane.Download(outputs, output);
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
        NativeLinearAttentionApplyPlan<T> plan = ApplyPlan<T>(shape, options, rows);
        using RentedLane lane = _lanes.Rent();
        DeviceSlice<T> queryGradients = lane.Result(queryGradient);
        DeviceSlice<float> stateGradients = lane.Upload(stateGradient);
        DeviceSlice<T> selfKeyGradients = lane.Result(selfKeyGradient);
        DeviceSlice<T> selfValueGradients = lane.Result(selfValueGradient);
        plan.Backward(
            lane.Stream,
            lane.Upload(queries),
            lane.Upload(state),
            lane.Upload(selfKeys),
            lane.Upload(selfValues),
            lane.Upload(outputGradient),
            queryGradients,
            stateGradients,
            selfKeyGradients,
            selfValueGradients,
            lane.Backward(plan));
        lane.Download(queryGradients, queryGradient);
        lane.Download(stateGradients, stateGradient);
        lane.Download(selfKeyGradients, selfKeyGradient);
        lane.Download(selfValueGradients, selfValueGradient);
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
        NativeSketchAttentionPlan<T> plan = SketchPlan<T>(shape);
        using RentedLane lane = _lanes.Rent();
        DeviceSlice<T> sketches = lane.Result(sketch);
        DeviceSlice<float> logSumExps = lane.Result(tokenLogSumExp);
        DeviceSlice<float> masses = lane.Result(mass);
        plan.Forward(
            lane.Stream, lane.Upload(prototypes), lane.Upload(keys), lane.Upload(values), sketches, logSumExps, masses, lane.Forward(plan));
        lane.Download(sketches, sketch);
        lane.Download(logSumExps, tokenLogSumExp);
        lane.Download(masses, mass);
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
        where T : unmanaged
    {
        NativeSketchAttentionPlan<T> plan = SketchPlan<T>(shape);
        using RentedLane lane = _lanes.Rent();
        DeviceSlice<T> prototypeGradients = lane.Result(prototypeGradient);
        DeviceSlice<T> keyGradients = lane.Result(keyGradient);
        DeviceSlice<T> valueGradients = lane.Result(valueGradient);
        plan.Backward(
            lane.Stream,
            lane.Upload(prototypes),
            lane.Upload(keys),
            lane.Upload(values),
            lane.Upload(sketch),
            lane.Upload(tokenLogSumExp),
            lane.Upload(mass),
            lane.Upload(sketchGradient),
            prototypeGradients,
            keyGradients,
            valueGradients,
            lane.Backward(plan));
        lane.Download(prototypeGradients, prototypeGradient);
        lane.Download(keyGradients, keyGradient);
        lane.Download(valueGradients, valueGradient);
    }

    private NativeLinearAttentionStatePlan<T> StatePlan<T>(LinearAttentionShape shape, LinearAttentionOptions options, JaggedLayout history)
        where T : unmanaged =>
        _plans.Get((shape, options, history), key => NativeLinearAttentionStatePlan<T>.Create(Device, key.shape, key.options, key.history));

    private NativeLinearAttentionApplyPlan<T> ApplyPlan<T>(LinearAttentionShape shape, LinearAttentionOptions options, JaggedLayout rows)
        where T : unmanaged =>
        _plans.Get((shape, options, rows), key => NativeLinearAttentionApplyPlan<T>.Create(Device, key.shape, key.options, key.rows));

    private NativeSketchAttentionPlan<T> SketchPlan<T>(SketchAttentionShape shape)
        where T : unmanaged => _plans.Get(shape, key => NativeSketchAttentionPlan<T>.Create(Device, key));
}
