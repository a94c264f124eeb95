using LongSeqKernels.Interop;

namespace LongSeqKernels.Native;

/// <summary>The numbers of one step of AdamW.</summary>
public readonly record struct NativeAdamWStep
{
    /// <summary>Learning rate of this step.</summary>
    public required float LearningRate { get; init; }

    /// <summary>Decay of the first moment.</summary>
    public required float Beta1 { get; init; }

    /// <summary>Decay of the second moment.</summary>
    public required float Beta2 { get; init; }

    /// <summary>Added to the root of the second moment.</summary>
    public required float Epsilon { get; init; }

    /// <summary>Decoupled weight decay.</summary>
    public required float WeightDecay { get; init; }

    /// <summary>The gradient is multiplied by it first (clipping).</summary>
    public required float GradientScale { get; init; }

    /// <summary>1 for the first step.</summary>
    public required int Step { get; init; }
}

/// <summary>AdamW (arXiv 1711.05101) on fp32 parameters of a device.</summary>
public sealed class NativeAdamWPlan : NativePlan
{
    private readonly long _parameters;

    private NativeAdamWPlan(NativeDevice device, PlanHandle handle, long parameters)
        : base(device, handle) => _parameters = parameters;

    /// <summary>Plans the steps of a set of parameters.</summary>
    /// <param name="device">Where to run.</param>
    /// <param name="parameters">How many, 0 or more.</param>
    /// <exception cref="ArgumentException">The number is negative.</exception>
    /// <exception cref="NotSupportedException">This build or device has no kernel for it.</exception>
    public static NativeAdamWPlan Create(NativeDevice device, long parameters)
    {
        if (parameters < 0)
        {
            throw Error.Range(nameof(parameters), parameters, "0 or more");
        }
        var native = new LskAdamwShape { StructSize = NativeRun.SizeOf<LskAdamwShape>(), Parameters = parameters };
        PlanHandle handle = ChildHandle.Made(new PlanHandle(device.Handle), Lsk.AdamwPlan(device.Handle, native, out nint raw), raw);
        return new NativeAdamWPlan(device, handle, parameters);
    }

    /// <summary>One step.</summary>
    /// <param name="stream">Where the run is enqueued.</param>
    /// <param name="step">Rates and step number.</param>
    /// <param name="gradient"><c>[parameters]</c>.</param>
    /// <param name="parameter"><c>[parameters]</c>, updated.</param>
    /// <param name="firstMoment"><c>[parameters]</c>, updated; zeros before the first step.</param>
    /// <param name="secondMoment"><c>[parameters]</c>, updated; zeros before the first step.</param>
    /// <param name="workspace">Null where the plan needs none.</param>
    public unsafe void Step(
        DeviceStream stream,
        in NativeAdamWStep step,
        DeviceSlice<float> gradient,
        DeviceSlice<float> parameter,
        DeviceSlice<float> firstMoment,
        DeviceSlice<float> secondMoment,
        DeviceWorkspace? workspace = null)
    {
        using NativeRun run = NativeRun.Begin(this, stream, LskDirection.Forward, workspace);
        var tensors = new LskAdamwTensors
        {
            StructSize = NativeRun.SizeOf<LskAdamwTensors>(),
            LearningRate = step.LearningRate,
            Beta1 = step.Beta1,
            Beta2 = step.Beta2,
            Epsilon = step.Epsilon,
            WeightDecay = step.WeightDecay,
            GradientScale = step.GradientScale,
            Step = step.Step,
            Gradient = run.Input(gradient, _parameters, "parameters"),
            Parameter = run.Output(parameter, _parameters, "parameters"),
            FirstMoment = run.Output(firstMoment, _parameters, "parameters"),
            SecondMoment = run.Output(secondMoment, _parameters, "parameters"),
        };
        run.CheckDisjoint();
        Lsk.AdamwStep(Handle, tensors, run.Workspace, stream.Handle).ThrowIfFailed();
    }
}
