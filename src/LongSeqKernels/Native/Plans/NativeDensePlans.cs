using LongSeqKernels.Interop;

namespace LongSeqKernels.Native;

/// <summary><see cref="Linear"/> on a device.</summary>
/// <typeparam name="T">Storage type.</typeparam>
public sealed class NativeLinearPlan<T> : NativePlan
    where T : unmanaged
{
    private readonly LinearShape _shape;

    private NativeLinearPlan(NativeDevice device, PlanHandle handle, LinearShape shape)
        : base(device, handle) => _shape = shape;

    private long InputLength => (long)_shape.Rows * _shape.InputWidth;

    private long WeightLength => (long)_shape.InputWidth * _shape.OutputWidth;

    private long OutputLength => (long)_shape.Rows * _shape.OutputWidth;

    /// <summary>Plans a linear layer.</summary>
    /// <param name="device">Where to run.</param>
    /// <param name="shape">Rows and widths.</param>
    /// <param name="mode">Whether the output, and every gradient, is overwritten or added to.</param>
    /// <exception cref="ArgumentException">An extent is out of range.</exception>
    /// <exception cref="NotSupportedException">This build or device has no kernel for it.</exception>
    public static NativeLinearPlan<T> Create(NativeDevice device, LinearShape shape, OutputMode mode = OutputMode.Overwrite)
    {
        shape.Validate();
        Check.Defined(mode);
        var native = new LskLinearShape
        {
            StructSize = NativeRun.SizeOf<LskLinearShape>(),
            Dtype = NativeEnums.Dtype<T>(),
            Rows = shape.Rows,
            InputWidth = shape.InputWidth,
            OutputWidth = shape.OutputWidth,
            OutputMode = NativeEnums.Of(mode),
        };
        PlanHandle handle = ChildHandle.Made(new PlanHandle(device.Handle), Lsk.LinearPlan(device.Handle, native, out nint raw), raw);
        return new NativeLinearPlan<T>(device, handle, shape);
    }

    /// <inheritdoc cref="Linear.Forward"/>
    /// <param name="stream">Where the run is enqueued.</param>
    /// <param name="input"><c>[rows, in]</c>.</param>
    /// <param name="weight"><c>[in, out]</c>.</param>
    /// <param name="bias"><c>[out]</c>, or none.</param>
    /// <param name="output"><c>[rows, out]</c>.</param>
    /// <param name="workspace">Null where the plan needs none.</param>
    public unsafe void Forward(
        DeviceStream stream, DeviceSlice<T> input, DeviceSlice<T> weight, DeviceSlice<T> bias, DeviceSlice<T> output, DeviceWorkspace? workspace = null)
    {
        using NativeRun run = NativeRun.Begin(this, stream, LskDirection.Forward, workspace);
        var tensors = new LskLinearTensors
        {
            StructSize = NativeRun.SizeOf<LskLinearTensors>(),
            Input = run.Input(input, InputLength, "rows * in"),
            Weight = run.Input(weight, WeightLength, "in * out"),
            Bias = run.OptionalInput(bias, _shape.OutputWidth, "out, or none"),
            Output = run.Output(output, OutputLength, "rows * out"),
        };
        run.CheckDisjoint();
        Lsk.LinearForward(Handle, tensors, run.Workspace, stream.Handle).ThrowIfFailed();
    }

    /// <inheritdoc cref="Linear.Backward"/>
    /// <param name="stream">Where the run is enqueued.</param>
    /// <param name="input">As in the forward run.</param>
    /// <param name="weight">As in the forward run.</param>
    /// <param name="outputGradient"><c>[rows, out]</c>.</param>
    /// <param name="inputGradient"><c>[rows, in]</c>, or none.</param>
    /// <param name="weightGradient"><c>[in, out]</c>, or none.</param>
    /// <param name="biasGradient"><c>[out]</c>, or none.</param>
    /// <param name="workspace">Null where the plan needs none.</param>
    public unsafe void Backward(
        DeviceStream stream,
        DeviceSlice<T> input,
        DeviceSlice<T> weight,
        DeviceSlice<T> outputGradient,
        DeviceSlice<T> inputGradient,
        DeviceSlice<T> weightGradient,
        DeviceSlice<T> biasGradient,
        DeviceWorkspace? workspace = null)
    {
        using NativeRun run = NativeRun.Begin(this, stream, LskDirection.Backward, workspace);
        var tensors = new LskLinearTensors
        {
            StructSize = NativeRun.SizeOf<LskLinearTensors>(),
            Input = run.Input(input, InputLength, "rows * in"),
            Weight = run.Input(weight, WeightLength, "in * out"),
            OutputGradient = run.Input(outputGradient, OutputLength, "rows * out"),
            InputGradient = run.OptionalOutput(inputGradient, InputLength, "rows * in, or none"),
            WeightGradient = run.OptionalOutput(weightGradient, WeightLength, "in * out, or none"),
            BiasGradient = run.OptionalOutput(biasGradient, _shape.OutputWidth, "out, or none"),
        };
        run.CheckDisjoint();
        Lsk.LinearBackward(Handle, tensors, run.Workspace, stream.Handle).ThrowIfFailed();
    }
}

/// <summary><see cref="LayerNorm"/> on a device.</summary>
/// <typeparam name="T">Storage type.</typeparam>
public sealed class NativeLayerNormPlan<T> : NativePlan
    where T : unmanaged
{
    private readonly int _width;
    private readonly long _length;

    private NativeLayerNormPlan(NativeDevice device, PlanHandle handle, int rows, int width)
        : base(device, handle) => (_width, _length) = (width, (long)rows * width);

    /// <summary>Plans a layer norm.</summary>
    /// <param name="device">Where to run.</param>
    /// <param name="rows">Rows, 0 or more.</param>
    /// <param name="width">Elements of a row.</param>
    /// <param name="epsilon">Greater than 0.</param>
    /// <exception cref="ArgumentException">An extent or epsilon is out of range.</exception>
    /// <exception cref="NotSupportedException">This build or device has no kernel for it.</exception>
    public static NativeLayerNormPlan<T> Create(NativeDevice device, int rows, int width, float epsilon = LayerNorm.DefaultEpsilon)
    {
        Check.Rows(rows);
        Check.Width(width);
        Check.FinitePositive(epsilon);
        var native = new LskLayerNormShape
        {
            StructSize = NativeRun.SizeOf<LskLayerNormShape>(),
            Dtype = NativeEnums.Dtype<T>(),
            Rows = rows,
            Width = width,
            Epsilon = epsilon,
        };
        PlanHandle handle = ChildHandle.Made(new PlanHandle(device.Handle), Lsk.LayerNormPlan(device.Handle, native, out nint raw), raw);
        return new NativeLayerNormPlan<T>(device, handle, rows, width);
    }

    /// <inheritdoc cref="LayerNorm.Forward"/>
    /// <param name="stream">Where the run is enqueued.</param>
    /// <param name="input"><c>[rows, width]</c>.</param>
    /// <param name="gain"><c>[width]</c>, or none for 1.</param>
    /// <param name="bias"><c>[width]</c>, or none for 0.</param>
    /// <param name="output"><c>[rows, width]</c>.</param>
    /// <param name="workspace">Null where the plan needs none.</param>
    public unsafe void Forward(
        DeviceStream stream, DeviceSlice<T> input, DeviceSlice<T> gain, DeviceSlice<T> bias, DeviceSlice<T> output, DeviceWorkspace? workspace = null)
    {
        using NativeRun run = NativeRun.Begin(this, stream, LskDirection.Forward, workspace);
        var tensors = new LskLayerNormTensors
        {
            StructSize = NativeRun.SizeOf<LskLayerNormTensors>(),
            Input = run.Input(input, _length, "rows * width"),
            Gain = run.OptionalInput(gain, _width, "width, or none"),
            Bias = run.OptionalInput(bias, _width, "width, or none"),
            Output = run.Output(output, _length, "rows * width"),
        };
        run.CheckDisjoint();
        Lsk.LayerNormForward(Handle, tensors, run.Workspace, stream.Handle).ThrowIfFailed();
    }

    /// <inheritdoc cref="LayerNorm.Backward"/>
    /// <param name="stream">Where the run is enqueued.</param>
    /// <param name="input">As in the forward run.</param>
    /// <param name="gain">As in the forward run.</param>
    /// <param name="outputGradient"><c>[rows, width]</c>.</param>
    /// <param name="inputGradient"><c>[rows, width]</c>, or none.</param>
    /// <param name="gainGradient"><c>[width]</c>, or none.</param>
    /// <param name="biasGradient"><c>[width]</c>, or none.</param>
    /// <param name="workspace">Null where the plan needs none.</param>
    public unsafe void Backward(
        DeviceStream stream,
        DeviceSlice<T> input,
        DeviceSlice<T> gain,
        DeviceSlice<T> outputGradient,
        DeviceSlice<T> inputGradient,
        DeviceSlice<T> gainGradient,
        DeviceSlice<T> biasGradient,
        DeviceWorkspace? workspace = null)
    {
        using NativeRun run = NativeRun.Begin(this, stream, LskDirection.Backward, workspace);
        var tensors = new LskLayerNormTensors
        {
            StructSize = NativeRun.SizeOf<LskLayerNormTensors>(),
            Input = run.Input(input, _length, "rows * width"),
            Gain = run.OptionalInput(gain, _width, "width, or none"),
            OutputGradient = run.Input(outputGradient, _length, "rows * width"),
            InputGradient = run.OptionalOutput(inputGradient, _length, "rows * width, or none"),
            GainGradient = run.OptionalOutput(gainGradient, _width, "width, or none"),
            BiasGradient = run.OptionalOutput(biasGradient, _width, "width, or none"),
        };
        run.CheckDisjoint();
        Lsk.LayerNormBackward(Handle, tensors, run.Workspace, stream.Handle).ThrowIfFailed();
    }
}
