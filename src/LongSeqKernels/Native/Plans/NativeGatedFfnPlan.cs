using LongSeqKernels.Interop;

namespace LongSeqKernels.Native;

/// <summary>The parameters of a gated FFN on a device, or their gradients; biases, gain and norm bias may be none.</summary>
/// <typeparam name="T">Storage type.</typeparam>
public readonly struct NativeGatedFfnTensors<T>
    where T : unmanaged
{
    /// <summary>W_u <c>[D, rD]</c>.</summary>
    public DeviceSlice<T> Up { get; init; }

    /// <summary>W_v <c>[D, rD]</c>.</summary>
    public DeviceSlice<T> Gate { get; init; }

    /// <summary>W_o <c>[rD, D]</c>.</summary>
    public DeviceSlice<T> Down { get; init; }

    /// <summary><c>[rD]</c>.</summary>
    public DeviceSlice<T> UpBias { get; init; }

    /// <summary><c>[rD]</c>.</summary>
    public DeviceSlice<T> GateBias { get; init; }

    /// <summary><c>[D]</c>.</summary>
    public DeviceSlice<T> DownBias { get; init; }

    /// <summary>Gain of the norm <c>[D]</c>.</summary>
    public DeviceSlice<T> NormGain { get; init; }

    /// <summary>Bias of the norm <c>[D]</c>.</summary>
    public DeviceSlice<T> NormBias { get; init; }
}

/// <summary><see cref="GatedFfn"/> on a device.</summary>
/// <typeparam name="T">Storage type.</typeparam>
public sealed class NativeGatedFfnPlan<T> : NativePlan
    where T : unmanaged
{
    private readonly GatedFfnShape _shape;

    private NativeGatedFfnPlan(NativeDevice device, PlanHandle handle, GatedFfnShape shape)
        : base(device, handle) => _shape = shape;

    private long RowsLength => (long)_shape.Rows * _shape.Width;

    private long WeightLength => (long)_shape.Width * _shape.HiddenWidth;

    private long NormLength => _shape.Norm == FfnNorm.LayerNorm ? _shape.Width : 0;

    /// <summary>Plans a gated FFN.</summary>
    /// <param name="device">Where to run.</param>
    /// <param name="shape">Rows, widths, norm.</param>
    /// <param name="gradientMode">Whether the gradients of a backward run are overwritten or added to.</param>
    /// <exception cref="ArgumentException">An extent or epsilon is out of range.</exception>
    /// <exception cref="NotSupportedException">This build or device has no kernel for it.</exception>
    public static NativeGatedFfnPlan<T> Create(NativeDevice device, GatedFfnShape shape, OutputMode gradientMode = OutputMode.Overwrite)
    {
        shape.Validate();
        Check.Defined(gradientMode);
        var native = new LskGatedFfnShape
        {
            StructSize = NativeRun.SizeOf<LskGatedFfnShape>(),
            Dtype = NativeEnums.Dtype<T>(),
            Rows = shape.Rows,
            Width = shape.Width,
            HiddenWidth = shape.HiddenWidth,
            Norm = NativeEnums.Of(shape.Norm),
            NormEpsilon = shape.Epsilon,
            GradientMode = NativeEnums.Of(gradientMode),
        };
        PlanHandle handle = ChildHandle.Made(new PlanHandle(device.Handle), Lsk.GatedFfnPlan(device.Handle, native, out nint raw), raw);
        return new NativeGatedFfnPlan<T>(device, handle, shape);
    }

    /// <inheritdoc cref="GatedFfn.Forward"/>
    /// <param name="stream">Where the run is enqueued.</param>
    /// <param name="input"><c>[rows, D]</c>.</param>
    /// <param name="weights">The parameters.</param>
    /// <param name="output"><c>[rows, D]</c>.</param>
    /// <param name="workspace">Null where the plan needs none.</param>
    public unsafe void Forward(
        DeviceStream stream, DeviceSlice<T> input, in NativeGatedFfnTensors<T> weights, DeviceSlice<T> output, DeviceWorkspace? workspace = null)
    {
        using NativeRun run = NativeRun.Begin(this, stream, LskDirection.Forward, workspace);
        LskGatedFfnTensors tensors = Inputs(run, input, weights);
        tensors.Output = run.Output(output, RowsLength, "rows * D");
        run.CheckDisjoint();
        Lsk.GatedFfnForward(Handle, tensors, run.Workspace, stream.Handle).ThrowIfFailed();
    }

    /// <inheritdoc cref="GatedFfn.Backward"/>
    /// <param name="stream">Where the run is enqueued.</param>
    /// <param name="input">As in the forward run.</param>
    /// <param name="weights">As in the forward run.</param>
    /// <param name="outputGradient"><c>[rows, D]</c>.</param>
    /// <param name="inputGradient"><c>[rows, D]</c>, or none.</param>
    /// <param name="gradients">Of the parameters; each may be none.</param>
    /// <param name="workspace">Null where the plan needs none.</param>
    public unsafe void Backward(
        DeviceStream stream,
        DeviceSlice<T> input,
        in NativeGatedFfnTensors<T> weights,
        DeviceSlice<T> outputGradient,
        DeviceSlice<T> inputGradient,
        in NativeGatedFfnTensors<T> gradients,
        DeviceWorkspace? workspace = null)
    {
        using NativeRun run = NativeRun.Begin(this, stream, LskDirection.Backward, workspace);
        LskGatedFfnTensors tensors = Inputs(run, input, weights);
        var native = new LskGatedFfnGradients
        {
            StructSize = NativeRun.SizeOf<LskGatedFfnGradients>(),
            OutputGradient = run.Input(outputGradient, RowsLength, "rows * D"),
            Input = run.OptionalOutput(inputGradient, RowsLength, "rows * D, or none"),
            Up = run.OptionalOutput(gradients.Up, WeightLength, "D * rD, or none"),
            Gate = run.OptionalOutput(gradients.Gate, WeightLength, "D * rD, or none"),
            Down = run.OptionalOutput(gradients.Down, WeightLength, "rD * D, or none"),
            UpBias = run.OptionalOutput(gradients.UpBias, _shape.HiddenWidth, "rD, or none"),
            GateBias = run.OptionalOutput(gradients.GateBias, _shape.HiddenWidth, "rD, or none"),
            DownBias = run.OptionalOutput(gradients.DownBias, _shape.Width, "D, or none"),
            NormGain = run.OptionalOutput(gradients.NormGain, NormLength, "D, with a layer norm only"),
            NormBias = run.OptionalOutput(gradients.NormBias, NormLength, "D, with a layer norm only"),
        };
        run.CheckDisjoint();
        Lsk.GatedFfnBackward(Handle, tensors, native, run.Workspace, stream.Handle).ThrowIfFailed();
    }

    private unsafe LskGatedFfnTensors Inputs(NativeRun run, DeviceSlice<T> input, in NativeGatedFfnTensors<T> weights) => new()
    {
        StructSize = NativeRun.SizeOf<LskGatedFfnTensors>(),
        Input = run.Input(input, RowsLength, "rows * D"),
        Up = run.Input(weights.Up, WeightLength, "D * rD"),
        Gate = run.Input(weights.Gate, WeightLength, "D * rD"),
        Down = run.Input(weights.Down, WeightLength, "rD * D"),
        UpBias = run.OptionalInput(weights.UpBias, _shape.HiddenWidth, "rD, or none"),
        GateBias = run.OptionalInput(weights.GateBias, _shape.HiddenWidth, "rD, or none"),
        DownBias = run.OptionalInput(weights.DownBias, _shape.Width, "D, or none"),
        NormGain = run.OptionalInput(weights.NormGain, NormLength, "D, with a layer norm only"),
        NormBias = run.OptionalInput(weights.NormBias, NormLength, "D, with a layer norm only"),
    };
}
