using LongSeqKernels.Interop;

namespace LongSeqKernels.Native;

/// <summary><see cref="SketchAttention"/> on a device.</summary>
/// <typeparam name="T">Storage type.</typeparam>
public sealed class NativeSketchAttentionPlan<T> : NativePlan
    where T : unmanaged
{
    private readonly SketchAttentionShape _shape;

    private NativeSketchAttentionPlan(NativeDevice device, PlanHandle handle, SketchAttentionShape shape)
        : base(device, handle) => _shape = shape;

    private long PrototypeLength => (long)_shape.Prototypes * _shape.KeyWidth;

    private long KeyLength => _shape.History.Total * _shape.KeyWidth;

    private long ValueLength => _shape.History.Total * _shape.ValueWidth;

    private long MassLength => (long)_shape.History.Count * _shape.Prototypes;

    /// <summary>Plans sketching.</summary>
    /// <param name="device">Where to run.</param>
    /// <param name="shape">Layout, widths, switches.</param>
    /// <exception cref="ArgumentException">An extent or a switch is out of range.</exception>
    /// <exception cref="NotSupportedException">This build or device has no kernel for it.</exception>
    public static unsafe NativeSketchAttentionPlan<T> Create(NativeDevice device, SketchAttentionShape shape)
    {
        shape.Validate();
        int dtype = NativeEnums.Dtype<T>();
        fixed (long* history = shape.History.Offsets)
        {
            var native = new LskSketchAttentionShape
            {
                StructSize = NativeRun.SizeOf<LskSketchAttentionShape>(),
                Dtype = dtype,
                Prototypes = shape.Prototypes,
                KeyWidth = shape.KeyWidth,
                ValueWidth = shape.ValueWidth,
                Scale = shape.EffectiveScale,
                Normalization = NativeEnums.Of(shape.Normalization),
                Segments = shape.History.Count,
                HistoryOffsets = history,
            };
            PlanHandle handle = ChildHandle.Made(new PlanHandle(device.Handle), Lsk.SketchAttentionPlan(device.Handle, native, out nint raw), raw);
            return new NativeSketchAttentionPlan<T>(device, handle, shape);
        }
    }

    /// <inheritdoc cref="SketchAttention.Forward"/>
    /// <param name="stream">Where the run is enqueued.</param>
    /// <param name="prototypes"><c>[k, dk]</c>.</param>
    /// <param name="keys"><c>[L, dk]</c>.</param>
    /// <param name="values"><c>[L, dv]</c>.</param>
    /// <param name="sketch"><c>[segments, k, dv]</c>.</param>
    /// <param name="tokenLogSumExp"><c>[L]</c>.</param>
    /// <param name="mass"><c>[segments, k]</c>.</param>
    /// <param name="workspace">Null where the plan needs none.</param>
    public unsafe void Forward(
        DeviceStream stream,
        DeviceSlice<T> prototypes,
        DeviceSlice<T> keys,
        DeviceSlice<T> values,
        DeviceSlice<T> sketch,
        DeviceSlice<float> tokenLogSumExp,
        DeviceSlice<float> mass,
        DeviceWorkspace? workspace = null)
    {
        using NativeRun run = NativeRun.Begin(this, stream, LskDirection.Forward, workspace);
        LskSketchAttentionTensors tensors = Inputs(run, prototypes, keys, values);
        tensors.Sketch = run.Output(sketch, _shape.SketchLength, "segments * k * dv");
        tensors.TokenLogSumExp = run.Output(tokenLogSumExp, _shape.History.Total, "L");
        tensors.Mass = run.Output(mass, MassLength, "segments * k");
        run.CheckDisjoint();
        Lsk.SketchAttentionForward(Handle, tensors, run.Workspace, stream.Handle).ThrowIfFailed();
    }

    /// <inheritdoc cref="SketchAttention.Backward"/>
    /// <param name="stream">Where the run is enqueued.</param>
    /// <param name="prototypes">As in the forward run.</param>
    /// <param name="keys">As in the forward run.</param>
    /// <param name="values">As in the forward run.</param>
    /// <param name="sketch">The forward run's result.</param>
    /// <param name="tokenLogSumExp">The forward run's result.</param>
    /// <param name="mass">The forward run's result.</param>
    /// <param name="sketchGradient"><c>[segments, k, dv]</c>.</param>
    /// <param name="prototypeGradient"><c>[k, dk]</c>.</param>
    /// <param name="keyGradient"><c>[L, dk]</c>.</param>
    /// <param name="valueGradient"><c>[L, dv]</c>.</param>
    /// <param name="workspace">Null where the plan needs none.</param>
    public unsafe void Backward(
        DeviceStream stream,
        DeviceSlice<T> prototypes,
        DeviceSlice<T> keys,
        DeviceSlice<T> values,
        DeviceSlice<T> sketch,
        DeviceSlice<float> tokenLogSumExp,
        DeviceSlice<float> mass,
        DeviceSlice<T> sketchGradient,
        DeviceSlice<T> prototypeGradient,
        DeviceSlice<T> keyGradient,
        DeviceSlice<T> valueGradient,
        DeviceWorkspace? workspace = null)
    {
        using NativeRun run = NativeRun.Begin(this, stream, LskDirection.Backward, workspace);
        LskSketchAttentionTensors tensors = Inputs(run, prototypes, keys, values);
        tensors.Sketch = run.Input(sketch, _shape.SketchLength, "segments * k * dv");
        tensors.TokenLogSumExp = run.Input(tokenLogSumExp, _shape.History.Total, "L");
        tensors.Mass = run.Input(mass, MassLength, "segments * k");
        var gradients = new LskSketchAttentionGradients
        {
            StructSize = NativeRun.SizeOf<LskSketchAttentionGradients>(),
            SketchGradient = run.Input(sketchGradient, _shape.SketchLength, "segments * k * dv"),
            PrototypeGradient = run.Output(prototypeGradient, PrototypeLength, "as prototypes"),
            KeyGradient = run.Output(keyGradient, KeyLength, "as keys"),
            ValueGradient = run.Output(valueGradient, ValueLength, "as values"),
        };
        run.CheckDisjoint();
        Lsk.SketchAttentionBackward(Handle, tensors, gradients, run.Workspace, stream.Handle).ThrowIfFailed();
    }

    private unsafe LskSketchAttentionTensors Inputs(NativeRun run, DeviceSlice<T> prototypes, DeviceSlice<T> keys, DeviceSlice<T> values) => new()
    {
        StructSize = NativeRun.SizeOf<LskSketchAttentionTensors>(),
        Prototypes = run.Input(prototypes, PrototypeLength, "k * dk"),
        Keys = run.Input(keys, KeyLength, "L * dk"),
        Values = run.Input(values, ValueLength, "L * dv"),
    };
}
