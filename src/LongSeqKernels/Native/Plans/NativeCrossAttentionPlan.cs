using LongSeqKernels.Interop;

namespace LongSeqKernels.Native;

/// <summary><see cref="CrossAttention"/> (and <see cref="SummaryPooling"/>, which is the same with broadcast queries) on a device.</summary>
/// <typeparam name="T">Storage type of the inputs.</typeparam>
/// <typeparam name="TOutput">Storage type of the output: <typeparamref name="T"/>, or <see cref="float"/> for partial states to be merged.</typeparam>
public sealed partial class NativeCrossAttentionPlan<T, TOutput> : NativePlan
    where T : unmanaged
    where TOutput : unmanaged
{
    private readonly bool _softmax;

    private NativeCrossAttentionPlan(NativeDevice device, PlanHandle handle, CrossAttentionShape shape, CrossAttentionOptions options)
        : base(device, handle)
    {
        Shape = shape;
        _softmax = options.Score == AttentionScore.Softmax;
    }

    /// <summary>The shape, with its defaults filled in.</summary>
    public CrossAttentionShape Shape { get; }

    private long OutputLength => Shape.Targets.Total * Shape.TargetWidth;

    private long QueryLength => Shape.QueryTargets * Shape.TargetWidth;

    private long HistoryLength => Shape.History.Total * Shape.HistoryWidth;

    /// <summary>Plans attention.</summary>
    /// <param name="device">Where to run.</param>
    /// <param name="shape">The batch.</param>
    /// <param name="options">Scale, cap, score.</param>
    /// <exception cref="ArgumentException">An extent or an option is out of range or contradicts another.</exception>
    /// <exception cref="NotSupportedException">This build or device has no kernel for it.</exception>
    public static unsafe NativeCrossAttentionPlan<T, TOutput> Create(NativeDevice device, CrossAttentionShape shape, CrossAttentionOptions options = default)
    {
        shape = shape.Checked();
        options.Validate(shape);
        int outputType = NativeEnums.Dtype<TOutput>();
        if (typeof(TOutput) != typeof(T) && typeof(TOutput) != typeof(float))
        {
            throw Error.Invalid(nameof(TOutput), typeof(TOutput).Name, $"{typeof(T).Name}, or Single for partial states");
        }
        fixed (long* targets = shape.Targets.Offsets, history = shape.History.Offsets, limits = shape.HistoryLimits.Span)
        {
            var native = new LskCrossAttentionShape
            {
                StructSize = NativeRun.SizeOf<LskCrossAttentionShape>(),
                Dtype = NativeEnums.Dtype<T>(),
                OutputDtype = outputType,
                Form = NativeEnums.Of(shape.Form),
                Heads = shape.Heads,
                HeadWidth = shape.HeadWidth,
                KeyValueHeads = shape.KeyValueHeads,
                QueriesPerTarget = shape.QueriesPerTarget,
                BroadcastQueries = shape.BroadcastQueries ? 1 : 0,
                Score = NativeEnums.Of(options.Score),
                Scale = options.EffectiveScale(shape),
                SoftCap = options.SoftCap,
                ScoreDivisor = options.ScoreDivisor,
                HistoryEncoding = NativeEnums.Of(shape.HistoryEncoding),
                Segments = shape.Targets.Count,
                TargetOffsets = targets,
                HistoryOffsets = history,
                HistoryLimits = limits,
            };
            PlanHandle handle = ChildHandle.Made(new PlanHandle(device.Handle), Lsk.CrossAttentionPlan(device.Handle, native, out nint raw), raw);
            return new NativeCrossAttentionPlan<T, TOutput>(device, handle, shape, options);
        }
    }

    /// <inheritdoc cref="CrossAttention.Forward"/>
    /// <param name="stream">Where the run is enqueued.</param>
    /// <param name="queries"><c>[T, nq, H, dh]</c> (<c>[M, nq, H, dh]</c> when broadcast).</param>
    /// <param name="keys"><c>[L, Hkv, dh]</c>, or X <c>[L, D]</c> for shared history.</param>
    /// <param name="values"><c>[L, Hkv, dh]</c>; none for shared history.</param>
    /// <param name="output"><c>[T, nq, H, dh]</c>.</param>
    /// <param name="logSumExp"><c>[T, nq, H]</c>, softmax only; or none.</param>
    /// <param name="keyBias"><c>[L]</c>, or none.</param>
    /// <param name="workspace">Null where the plan needs none.</param>
    public unsafe void Forward(
        DeviceStream stream,
        DeviceSlice<T> queries,
        DeviceSlice<T> keys,
        DeviceSlice<T> values,
        DeviceSlice<TOutput> output,
        DeviceSlice<float> logSumExp = default,
        DeviceSlice<float> keyBias = default,
        DeviceWorkspace? workspace = null)
    {
        using NativeRun run = NativeRun.Begin(this, stream, LskDirection.Forward, workspace);
        Forward(run, stream, Inputs(run, queries, keys, values, keyBias), output, logSumExp);
    }

    /// <inheritdoc cref="CrossAttention.Backward"/>
    /// <param name="stream">Where the run is enqueued.</param>
    /// <param name="queries">As in the forward run.</param>
    /// <param name="keys">As in the forward run.</param>
    /// <param name="values">As in the forward run; none for shared history.</param>
    /// <param name="output">The forward run's output; needed for softmax.</param>
    /// <param name="logSumExp">The forward run's LSE; needed for softmax, none otherwise.</param>
    /// <param name="outputGradient"><c>[T, nq, H, dh]</c>.</param>
    /// <param name="queryGradient">As the queries, or none.</param>
    /// <param name="keyGradient">As the keys, or none. For shared history the gradient of X, as key and as value.</param>
    /// <param name="valueGradient">As the values, or none; none for shared history.</param>
    /// <param name="keyBias">As in the forward run.</param>
    /// <param name="keyBiasGradient"><c>[L]</c>, or none.</param>
    /// <param name="logSumExpGradient"><c>[T, nq, H]</c>, or none for 0.</param>
    /// <param name="workspace">Null where the plan needs none.</param>
    public unsafe void Backward(
        DeviceStream stream,
        DeviceSlice<T> queries,
        DeviceSlice<T> keys,
        DeviceSlice<T> values,
        DeviceSlice<TOutput> output,
        DeviceSlice<float> logSumExp,
        DeviceSlice<T> outputGradient,
        DeviceSlice<T> queryGradient,
        DeviceSlice<T> keyGradient,
        DeviceSlice<T> valueGradient,
        DeviceSlice<float> keyBias = default,
        DeviceSlice<float> keyBiasGradient = default,
        DeviceSlice<float> logSumExpGradient = default,
        DeviceWorkspace? workspace = null)
    {
        using NativeRun run = NativeRun.Begin(this, stream, LskDirection.Backward, workspace);
        LskCrossAttentionTensors tensors = Inputs(run, queries, keys, values, keyBias);
        tensors.Output = _softmax
            ? run.Input(output, OutputLength, "T * nq * H * dh")
            : run.OptionalInput(output, OutputLength, "T * nq * H * dh");
        tensors.LogSumExp = run.Input(logSumExp, _softmax ? Shape.Rows : 0, "T * nq * H, softmax only");
        long valueLength = Shape.Form == HistoryForm.Shared ? 0 : HistoryLength;
        var gradients = new LskCrossAttentionGradients
        {
            StructSize = NativeRun.SizeOf<LskCrossAttentionGradients>(),
            OutputGradient = run.Input(outputGradient, OutputLength, "T * nq * H * dh"),
            LogSumExpGradient = run.OptionalInput(logSumExpGradient, _softmax ? Shape.Rows : 0, "T * nq * H, softmax only"),
            QueryGradient = run.OptionalOutput(queryGradient, QueryLength, "as queries"),
            KeyGradient = run.OptionalOutput(keyGradient, HistoryLength, "as keys"),
            ValueGradient = run.OptionalOutput(valueGradient, valueLength, "as values"),
            KeyBiasGradient = run.OptionalOutput(keyBiasGradient, Shape.History.Total, "one per history row"),
        };
        run.CheckDisjoint();
        Lsk.CrossAttentionBackward(Handle, tensors, gradients, run.Workspace, stream.Handle).ThrowIfFailed();
    }

    private unsafe void Forward(NativeRun run, DeviceStream stream, LskCrossAttentionTensors tensors, DeviceSlice<TOutput> output, DeviceSlice<float> logSumExp)
    {
        tensors.Output = run.Output(output, OutputLength, "T * nq * H * dh");
        tensors.LogSumExp = run.OptionalOutput(logSumExp, _softmax ? Shape.Rows : 0, "T * nq * H, softmax only");
        run.CheckDisjoint();
        Lsk.CrossAttentionForward(Handle, tensors, run.Workspace, stream.Handle).ThrowIfFailed();
    }

    private unsafe LskCrossAttentionTensors Inputs(NativeRun run, DeviceSlice<T> queries, DeviceSlice<T> keys, DeviceSlice<T> values, DeviceSlice<float> keyBias)
    {
        if (Shape.HistoryEncoding is { } encoding)
        {
            throw Error.Invalid(nameof(Shape.HistoryEncoding), encoding.ToString(), "null for a run whose keys and values are elements: ForwardEncoded takes codes");
        }
        LskCrossAttentionTensors tensors = Inputs(run, queries, keyBias);
        tensors.Keys = run.Input(keys, HistoryLength, "L * Hkv * dh");
        tensors.Values = run.Input(values, Shape.Form == HistoryForm.Shared ? 0 : HistoryLength, "L * Hkv * dh; none for shared history");
        return tensors;
    }

    private unsafe LskCrossAttentionTensors Inputs(NativeRun run, DeviceSlice<T> queries, DeviceSlice<float> keyBias) => new()
    {
        StructSize = NativeRun.SizeOf<LskCrossAttentionTensors>(),
        Queries = run.Input(queries, QueryLength, "T * nq * H * dh"),
        KeyBias = run.OptionalInput(keyBias, Shape.History.Total, "one per history row"),
    };
}
