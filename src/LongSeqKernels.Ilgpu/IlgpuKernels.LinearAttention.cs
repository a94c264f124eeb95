namespace LongSeqKernels.Ilgpu;

/// <content>Linear attention.</content>
internal sealed partial class IlgpuKernels
{
    public void LinearAttentionState<T>(
        LinearAttentionShape shape, LinearAttentionOptions options, JaggedLayout history, ReadOnlySpan<T> keys, ReadOnlySpan<T> values, Span<float> state)
        where T : unmanaged
    {
        using var call = new DeviceCall(_device);
        TensorView result = call.Tensor(state, OutputMode.Add);
        long items = state.Length / shape.ValueWidth;
        WorkerScratch scratch = call.Scratch(items, 2 * shape.ValueWidth);
        var work = new LinearStateWork
        {
            Shape = shape,
            Activation = options.RowActivation,
            Offsets = call.Indices(history.Offsets),
            Keys = call.Tensor(keys),
            Values = call.Tensor(values),
            State = result,
            Scratch = scratch,
        };
        call.Launch(work, items, scratch);
        call.Fetch(result, state);
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
        using var call = new DeviceCall(_device);
        long items = history.Total * shape.Heads;
        WorkerScratch scratch = call.Scratch(items, 2 * shape.ValueWidth);
        var work = new LinearStateBackwardWork
        {
            Shape = shape,
            Activation = options.RowActivation,
            Offsets = call.Indices(history.Offsets),
            Keys = call.Tensor(keys),
            Values = call.Tensor(values),
            StateGradient = call.Tensor(stateGradient),
            KeyGradient = call.Tensor<T>(keyGradient.Length),
            ValueGradient = call.Tensor<T>(valueGradient.Length),
            Scratch = scratch,
        };
        call.Launch(work, items, scratch);
        call.Fetch(work.KeyGradient, keyGradient);
        call.Fetch(work.ValueGradient, valueGradient);
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
        using var call = new DeviceCall(_device);
        long items = rows.Total * shape.Heads;
        WorkerScratch scratch = call.Scratch(items, 2 * shape.ValueWidth);
        var work = new LinearApplyWork
        {
            Shape = shape,
            Activation = options.RowActivation,
            Offsets = call.Indices(rows.Offsets),
            Queries = call.Tensor(queries),
            Read = ReadState(call, options, call.Tensor(state)),
            SelfKeys = call.Tensor(selfKeys),
            SelfValues = call.Tensor(selfValues),
            Output = call.Tensor<T>(output.Length),
            Scratch = scratch,
        };
        call.Launch(work, items, scratch);
        call.Fetch(work.Output, output);
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
        using var call = new DeviceCall(_device);
        TensorView stateRows = call.Tensor(state);
        var rowWork = new LinearApplyBackwardWork
        {
            Shape = shape,
            Activation = options.RowActivation,
            Offsets = call.Indices(rows.Offsets),
            Queries = call.Tensor(queries),
            Read = ReadState(call, options, stateRows),
            SelfKeys = call.Tensor(selfKeys),
            SelfValues = call.Tensor(selfValues),
            OutputGradient = call.Tensor(outputGradient),
            QueryGradient = call.Tensor<T>(queryGradient.Length),
            SelfKeyGradient = call.Tensor<T>(selfKeyGradient.Length),
            SelfValueGradient = call.Tensor<T>(selfValueGradient.Length),
        };
        call.Launch(rowWork, rows.Total * shape.Heads);

        long items = state.Length / shape.ValueWidth;
        WorkerScratch scratch = call.Scratch(items, 2 * shape.ValueWidth);
        var stateWork = new LinearStateGradientWork
        {
            Shape = shape,
            Options = options,
            Offsets = rowWork.Offsets,
            Queries = rowWork.Queries,
            OutputGradient = rowWork.OutputGradient,
            State = stateRows,
            StateGradient = call.Tensor(stateGradient, OutputMode.Add),
            Scratch = scratch,
        };
        call.Launch(stateWork, items, scratch);
        call.Fetch(rowWork.QueryGradient, queryGradient);
        call.Fetch(rowWork.SelfKeyGradient, selfKeyGradient);
        call.Fetch(rowWork.SelfValueGradient, selfValueGradient);
        call.Fetch(stateWork.StateGradient, stateGradient);
    }

    private static TensorView ReadState(DeviceCall call, LinearAttentionOptions options, TensorView state)
    {
        TensorView read = call.Tensor<float>(state.Length);
        call.Launch(new LinearReadStateWork { Options = options, State = state, Read = read }, state.Length);
        return read;
    }
}
