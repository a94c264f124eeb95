using LongSeqKernels.Interop;

namespace LongSeqKernels.Native;

/// <summary>The state of <see cref="LinearAttention"/> on a device: <see cref="LinearAttention.AddToState"/> and its backward.</summary>
/// <typeparam name="T">Storage type.</typeparam>
public sealed class NativeLinearAttentionStatePlan<T> : NativePlan
    where T : unmanaged
{
    private readonly long _keyLength;
    private readonly long _valueLength;
    private readonly long _stateLength;

    private NativeLinearAttentionStatePlan(NativeDevice device, PlanHandle handle, LinearAttentionShape shape, JaggedLayout history)
        : base(device, handle)
    {
        _keyLength = history.Total * shape.KeyRow;
        _valueLength = history.Total * shape.ValueRow;
        _stateLength = (long)history.Count * shape.State;
    }

    /// <summary>Plans adding histories to states.</summary>
    /// <param name="device">Where to run.</param>
    /// <param name="shape">Heads and widths.</param>
    /// <param name="options">Activations.</param>
    /// <param name="history">Rows per segment.</param>
    /// <exception cref="ArgumentException">An extent or an option is out of range.</exception>
    /// <exception cref="NotSupportedException">This build or device has no kernel for it.</exception>
    public static unsafe NativeLinearAttentionStatePlan<T> Create(
        NativeDevice device, LinearAttentionShape shape, LinearAttentionOptions options, JaggedLayout history)
    {
        fixed (long* offsets = history.Offsets)
        {
            LskLinearAttentionShape native = NativeLinearAttention.Shape<T>(shape, options, history, offsets);
            PlanHandle handle = ChildHandle.Made(new PlanHandle(device.Handle), Lsk.LinearAttentionStatePlan(device.Handle, native, out nint raw), raw);
            return new NativeLinearAttentionStatePlan<T>(device, handle, shape, history);
        }
    }

    /// <inheritdoc cref="LinearAttention.AddToState"/>
    /// <param name="stream">Where the run is enqueued.</param>
    /// <param name="keys"><c>[L, H, dk]</c>.</param>
    /// <param name="values"><c>[L, H, dv]</c>.</param>
    /// <param name="state"><c>[segments, H, dk, dv]</c>, updated in place.</param>
    /// <param name="workspace">Null where the plan needs none.</param>
    public unsafe void Forward(DeviceStream stream, DeviceSlice<T> keys, DeviceSlice<T> values, DeviceSlice<float> state, DeviceWorkspace? workspace = null)
    {
        using NativeRun run = NativeRun.Begin(this, stream, LskDirection.Forward, workspace);
        var tensors = new LskLinearAttentionStateTensors
        {
            StructSize = NativeRun.SizeOf<LskLinearAttentionStateTensors>(),
            Keys = run.Input(keys, _keyLength, "L * H * dk"),
            Values = run.Input(values, _valueLength, "L * H * dv"),
            State = run.Output(state, _stateLength, "segments * H * dk * dv"),
        };
        run.CheckDisjoint();
        Lsk.LinearAttentionStateForward(Handle, tensors, run.Workspace, stream.Handle).ThrowIfFailed();
    }

    /// <inheritdoc cref="LinearAttention.AddToStateBackward"/>
    /// <param name="stream">Where the run is enqueued.</param>
    /// <param name="keys">As in the forward run.</param>
    /// <param name="values">As in the forward run.</param>
    /// <param name="stateGradient"><c>[segments, H, dk, dv]</c>.</param>
    /// <param name="keyGradient"><c>[L, H, dk]</c>.</param>
    /// <param name="valueGradient"><c>[L, H, dv]</c>.</param>
    /// <param name="workspace">Null where the plan needs none.</param>
    public unsafe void Backward(
        DeviceStream stream,
        DeviceSlice<T> keys,
        DeviceSlice<T> values,
        DeviceSlice<float> stateGradient,
        DeviceSlice<T> keyGradient,
        DeviceSlice<T> valueGradient,
        DeviceWorkspace? workspace = null)
    {
        using NativeRun run = NativeRun.Begin(this, stream, LskDirection.Backward, workspace);
        var tensors = new LskLinearAttentionStateTensors
        {
            StructSize = NativeRun.SizeOf<LskLinearAttentionStateTensors>(),
            Keys = run.Input(keys, _keyLength, "L * H * dk"),
            Values = run.Input(values, _valueLength, "L * H * dv"),
            State = run.Input(stateGradient, _stateLength, "segments * H * dk * dv"),
            KeyGradient = run.Output(keyGradient, _keyLength, "L * H * dk"),
            ValueGradient = run.Output(valueGradient, _valueLength, "L * H * dv"),
        };
        run.CheckDisjoint();
        Lsk.LinearAttentionStateBackward(Handle, tensors, run.Workspace, stream.Handle).ThrowIfFailed();
    }
}

/// <summary>The reading of states of <see cref="LinearAttention"/> on a device: <see cref="LinearAttention.Apply"/> and its backward.</summary>
/// <typeparam name="T">Storage type.</typeparam>
public sealed class NativeLinearAttentionApplyPlan<T> : NativePlan
    where T : unmanaged
{
    private readonly long _keyLength;
    private readonly long _valueLength;
    private readonly long _stateLength;

    private NativeLinearAttentionApplyPlan(NativeDevice device, PlanHandle handle, LinearAttentionShape shape, JaggedLayout rows)
        : base(device, handle)
    {
        _keyLength = rows.Total * shape.KeyRow;
        _valueLength = rows.Total * shape.ValueRow;
        _stateLength = (long)rows.Count * shape.State;
    }

    /// <summary>Plans reading states.</summary>
    /// <param name="device">Where to run.</param>
    /// <param name="shape">Heads and widths.</param>
    /// <param name="options">Activations and scale.</param>
    /// <param name="rows">Query rows per segment.</param>
    /// <exception cref="ArgumentException">An extent or an option is out of range.</exception>
    /// <exception cref="NotSupportedException">This build or device has no kernel for it.</exception>
    public static unsafe NativeLinearAttentionApplyPlan<T> Create(
        NativeDevice device, LinearAttentionShape shape, LinearAttentionOptions options, JaggedLayout rows)
    {
        fixed (long* offsets = rows.Offsets)
        {
            LskLinearAttentionShape native = NativeLinearAttention.Shape<T>(shape, options, rows, offsets);
            PlanHandle handle = ChildHandle.Made(new PlanHandle(device.Handle), Lsk.LinearAttentionApplyPlan(device.Handle, native, out nint raw), raw);
            return new NativeLinearAttentionApplyPlan<T>(device, handle, shape, rows);
        }
    }

    /// <inheritdoc cref="LinearAttention.Apply"/>
    /// <param name="stream">Where the run is enqueued.</param>
    /// <param name="queries"><c>[T, H, dk]</c>.</param>
    /// <param name="state"><c>[segments, H, dk, dv]</c>.</param>
    /// <param name="selfKeys"><c>[T, H, dk]</c>, or none.</param>
    /// <param name="selfValues"><c>[T, H, dv]</c>, none exactly when <paramref name="selfKeys"/> is.</param>
    /// <param name="output"><c>[T, H, dv]</c>.</param>
    /// <param name="workspace">Null where the plan needs none.</param>
    public unsafe void Forward(
        DeviceStream stream,
        DeviceSlice<T> queries,
        DeviceSlice<float> state,
        DeviceSlice<T> selfKeys,
        DeviceSlice<T> selfValues,
        DeviceSlice<T> output,
        DeviceWorkspace? workspace = null)
    {
        using NativeRun run = NativeRun.Begin(this, stream, LskDirection.Forward, workspace);
        LskLinearAttentionApplyTensors tensors = Inputs(run, queries, state, selfKeys, selfValues);
        tensors.Output = run.Output(output, _valueLength, "T * H * dv");
        run.CheckDisjoint();
        Lsk.LinearAttentionApplyForward(Handle, tensors, run.Workspace, stream.Handle).ThrowIfFailed();
    }

    /// <inheritdoc cref="LinearAttention.ApplyBackward"/>
    /// <param name="stream">Where the run is enqueued.</param>
    /// <param name="queries">As in the forward run.</param>
    /// <param name="state">As in the forward run.</param>
    /// <param name="selfKeys">As in the forward run.</param>
    /// <param name="selfValues">As in the forward run.</param>
    /// <param name="outputGradient"><c>[T, H, dv]</c>.</param>
    /// <param name="queryGradient"><c>[T, H, dk]</c>, overwritten.</param>
    /// <param name="stateGradient"><c>[segments, H, dk, dv]</c>, added to.</param>
    /// <param name="selfKeyGradient">As <paramref name="selfKeys"/>, overwritten.</param>
    /// <param name="selfValueGradient">As <paramref name="selfValues"/>, overwritten.</param>
    /// <param name="workspace">Null where the plan needs none.</param>
    public unsafe void Backward(
        DeviceStream stream,
        DeviceSlice<T> queries,
        DeviceSlice<float> state,
        DeviceSlice<T> selfKeys,
        DeviceSlice<T> selfValues,
        DeviceSlice<T> outputGradient,
        DeviceSlice<T> queryGradient,
        DeviceSlice<float> stateGradient,
        DeviceSlice<T> selfKeyGradient,
        DeviceSlice<T> selfValueGradient,
        DeviceWorkspace? workspace = null)
    {
        using NativeRun run = NativeRun.Begin(this, stream, LskDirection.Backward, workspace);
        LskLinearAttentionApplyTensors tensors = Inputs(run, queries, state, selfKeys, selfValues);
        tensors.OutputGradient = run.Input(outputGradient, _valueLength, "T * H * dv");
        tensors.QueryGradient = run.Output(queryGradient, _keyLength, "as queries");
        tensors.StateGradient = run.Output(stateGradient, _stateLength, "as state");
        tensors.SelfKeyGradient = run.Output(selfKeyGradient, selfKeys.Length, "as selfKeys");
        tensors.SelfValueGradient = run.Output(selfValueGradient, selfValues.Length, "as selfValues");
        run.CheckDisjoint();
        Lsk.LinearAttentionApplyBackward(Handle, tensors, run.Workspace, stream.Handle).ThrowIfFailed();
    }

    private unsafe LskLinearAttentionApplyTensors Inputs(
        NativeRun run, DeviceSlice<T> queries, DeviceSlice<float> state, DeviceSlice<T> selfKeys, DeviceSlice<T> selfValues) => new()
        {
            StructSize = NativeRun.SizeOf<LskLinearAttentionApplyTensors>(),
            Queries = run.Input(queries, _keyLength, "T * H * dk"),
            State = run.Input(state, _stateLength, "segments * H * dk * dv"),
            SelfKeys = run.OptionalInput(selfKeys, _keyLength, "T * H * dk, or none"),
            SelfValues = run.Input(selfValues, selfKeys.IsEmpty ? 0 : _valueLength, "T * H * dv, with selfKeys"),
        };
}

/// <summary>The shape that both plans of linear attention have.</summary>
internal static class NativeLinearAttention
{
    /// <param name="shape">Checked here.</param>
    /// <param name="options">Checked here.</param>
    /// <param name="rows">Rows per segment.</param>
    /// <param name="offsets">Those of <paramref name="rows"/>, pinned by the caller.</param>
    public static unsafe LskLinearAttentionShape Shape<T>(LinearAttentionShape shape, LinearAttentionOptions options, JaggedLayout rows, long* offsets)
        where T : unmanaged
    {
        shape.Validate();
        options.Validate();
        return new LskLinearAttentionShape
        {
            StructSize = NativeRun.SizeOf<LskLinearAttentionShape>(),
            Dtype = NativeEnums.Dtype<T>(),
            Heads = shape.Heads,
            KeyWidth = shape.KeyWidth,
            ValueWidth = shape.ValueWidth,
            RowActivation = NativeEnums.Of(options.RowActivation),
            StateActivation = NativeEnums.Of(options.StateActivation),
            StateScale = options.StateScale,
            Segments = rows.Count,
            Offsets = offsets,
        };
    }
}
