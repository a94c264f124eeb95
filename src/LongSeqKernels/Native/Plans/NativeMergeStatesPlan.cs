using LongSeqKernels.Interop;

namespace LongSeqKernels.Native;

/// <summary><see cref="MergeStates"/> on a device.</summary>
public sealed class NativeMergeStatesPlan : NativePlan
{
    private readonly int _rows;
    private readonly long _states;
    private readonly int _width;

    private NativeMergeStatesPlan(NativeDevice device, PlanHandle handle, int parts, int rows, int width)
        : base(device, handle) => (_rows, _states, _width) = (rows, (long)parts * rows, width);

    /// <summary>Plans merging.</summary>
    /// <param name="device">Where to run.</param>
    /// <param name="parts">Partial states of each row; 0 or more.</param>
    /// <param name="rows">Rows (target, query, head) of every part.</param>
    /// <param name="width">Elements of one row's output.</param>
    /// <exception cref="ArgumentException">An extent is out of range.</exception>
    /// <exception cref="NotSupportedException">This build or device has no kernel for it.</exception>
    public static NativeMergeStatesPlan Create(NativeDevice device, int parts, int rows, int width)
    {
        Check.Rows(parts);
        Check.Rows(rows);
        Check.Width(width);
        var shape = new LskMergeStatesShape { StructSize = NativeRun.SizeOf<LskMergeStatesShape>(), Parts = parts, Rows = rows, Width = width };
        PlanHandle handle = ChildHandle.Made(new PlanHandle(device.Handle), Lsk.MergeStatesPlan(device.Handle, shape, out nint raw), raw);
        return new NativeMergeStatesPlan(device, handle, parts, rows, width);
    }

    /// <inheritdoc cref="MergeStates.Forward"/>
    /// <param name="stream">Where the run is enqueued.</param>
    /// <param name="outputs"><c>[parts, rows, width]</c>.</param>
    /// <param name="logSumExps"><c>[parts, rows]</c>.</param>
    /// <param name="output"><c>[rows, width]</c>.</param>
    /// <param name="logSumExp"><c>[rows]</c>.</param>
    /// <param name="workspace">Null where the plan needs none.</param>
    public unsafe void Forward(
        DeviceStream stream,
        DeviceSlice<float> outputs,
        DeviceSlice<float> logSumExps,
        DeviceSlice<float> output,
        DeviceSlice<float> logSumExp,
        DeviceWorkspace? workspace = null)
    {
        using NativeRun run = NativeRun.Begin(this, stream, LskDirection.Forward, workspace);
        var tensors = new LskMergeStatesTensors
        {
            StructSize = NativeRun.SizeOf<LskMergeStatesTensors>(),
            Outputs = run.Input(outputs, _states * _width, "parts * rows * width"),
            LogSumExps = run.Input(logSumExps, _states, "parts * rows"),
            Output = run.Output(output, (long)_rows * _width, "rows * width"),
            LogSumExp = run.Output(logSumExp, _rows, "rows"),
        };
        run.CheckDisjoint();
        Lsk.MergeStatesForward(Handle, tensors, run.Workspace, stream.Handle).ThrowIfFailed();
    }

    /// <inheritdoc cref="MergeStates.Backward"/>
    /// <param name="stream">Where the run is enqueued.</param>
    /// <param name="outputs"><c>[parts, rows, width]</c>.</param>
    /// <param name="logSumExps"><c>[parts, rows]</c>.</param>
    /// <param name="outputGradient"><c>[rows, width]</c>.</param>
    /// <param name="logSumExpGradient"><c>[rows]</c>, or none for 0.</param>
    /// <param name="outputGradients"><c>[parts, rows, width]</c>.</param>
    /// <param name="logSumExpGradients"><c>[parts, rows]</c>.</param>
    /// <param name="workspace">Null where the plan needs none.</param>
    public unsafe void Backward(
        DeviceStream stream,
        DeviceSlice<float> outputs,
        DeviceSlice<float> logSumExps,
        DeviceSlice<float> outputGradient,
        DeviceSlice<float> logSumExpGradient,
        DeviceSlice<float> outputGradients,
        DeviceSlice<float> logSumExpGradients,
        DeviceWorkspace? workspace = null)
    {
        using NativeRun run = NativeRun.Begin(this, stream, LskDirection.Backward, workspace);
        var tensors = new LskMergeStatesTensors
        {
            StructSize = NativeRun.SizeOf<LskMergeStatesTensors>(),
            Outputs = run.Input(outputs, _states * _width, "parts * rows * width"),
            LogSumExps = run.Input(logSumExps, _states, "parts * rows"),
        };
        var gradients = new LskMergeStatesGradients
        {
            StructSize = NativeRun.SizeOf<LskMergeStatesGradients>(),
            OutputGradient = run.Input(outputGradient, (long)_rows * _width, "rows * width"),
            LogSumExpGradient = run.OptionalInput(logSumExpGradient, _rows, "rows, or none"),
            OutputGradients = run.Output(outputGradients, _states * _width, "parts * rows * width"),
            LogSumExpGradients = run.Output(logSumExpGradients, _states, "parts * rows"),
        };
        run.CheckDisjoint();
        Lsk.MergeStatesBackward(Handle, tensors, gradients, run.Workspace, stream.Handle).ThrowIfFailed();
    }
}
