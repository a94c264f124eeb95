using LongSeqKernels.Interop;

namespace LongSeqKernels.Native;

/// <summary><see cref="SegmentReduce"/> on a device.</summary>
/// <typeparam name="T">Storage type.</typeparam>
public sealed class NativeSegmentReducePlan<T> : NativePlan
    where T : unmanaged
{
    private readonly long _inputLength;
    private readonly long _outputLength;

    private NativeSegmentReducePlan(NativeDevice device, PlanHandle handle, JaggedLayout segments, int width)
        : base(device, handle)
    {
        _inputLength = segments.Total * width;
        _outputLength = (long)segments.Count * width;
    }

    /// <summary>Plans a reduction.</summary>
    /// <param name="device">Where to run.</param>
    /// <param name="reduction">Sum, mean or maximum.</param>
    /// <param name="segments">Rows per segment.</param>
    /// <param name="width">Elements of a row.</param>
    /// <exception cref="ArgumentException">The width is out of range.</exception>
    /// <exception cref="NotSupportedException">This build or device has no kernel for it.</exception>
    public static unsafe NativeSegmentReducePlan<T> Create(NativeDevice device, SegmentReduction reduction, JaggedLayout segments, int width)
    {
        Check.Defined(reduction);
        Check.Width(width);
        int dtype = NativeEnums.Dtype<T>();
        fixed (long* offsets = segments.Offsets)
        {
            var native = new LskSegmentReduceShape
            {
                StructSize = NativeRun.SizeOf<LskSegmentReduceShape>(),
                Dtype = dtype,
                Reduction = NativeEnums.Of(reduction),
                Width = width,
                Segments = segments.Count,
                Offsets = offsets,
            };
            PlanHandle handle = ChildHandle.Made(new PlanHandle(device.Handle), Lsk.SegmentReducePlan(device.Handle, native, out nint raw), raw);
            return new NativeSegmentReducePlan<T>(device, handle, segments, width);
        }
    }

    /// <inheritdoc cref="SegmentReduce.Forward"/>
    /// <param name="stream">Where the run is enqueued.</param>
    /// <param name="input"><c>[total, width]</c>.</param>
    /// <param name="output"><c>[segments, width]</c>.</param>
    /// <param name="workspace">Null where the plan needs none.</param>
    public unsafe void Forward(DeviceStream stream, DeviceSlice<T> input, DeviceSlice<T> output, DeviceWorkspace? workspace = null)
    {
        using NativeRun run = NativeRun.Begin(this, stream, LskDirection.Forward, workspace);
        var tensors = new LskSegmentReduceTensors
        {
            StructSize = NativeRun.SizeOf<LskSegmentReduceTensors>(),
            Input = run.Input(input, _inputLength, "total * width"),
            Output = run.Output(output, _outputLength, "segments * width"),
        };
        run.CheckDisjoint();
        Lsk.SegmentReduceForward(Handle, tensors, run.Workspace, stream.Handle).ThrowIfFailed();
    }

    /// <inheritdoc cref="SegmentReduce.Backward"/>
    /// <param name="stream">Where the run is enqueued.</param>
    /// <param name="input">As in the forward run.</param>
    /// <param name="outputGradient"><c>[segments, width]</c>.</param>
    /// <param name="inputGradient"><c>[total, width]</c>.</param>
    /// <param name="workspace">Null where the plan needs none.</param>
    public unsafe void Backward(
        DeviceStream stream, DeviceSlice<T> input, DeviceSlice<T> outputGradient, DeviceSlice<T> inputGradient, DeviceWorkspace? workspace = null)
    {
        using NativeRun run = NativeRun.Begin(this, stream, LskDirection.Backward, workspace);
        var tensors = new LskSegmentReduceTensors
        {
            StructSize = NativeRun.SizeOf<LskSegmentReduceTensors>(),
            Input = run.Input(input, _inputLength, "total * width"),
            OutputGradient = run.Input(outputGradient, _outputLength, "segments * width"),
            InputGradient = run.Output(inputGradient, _inputLength, "total * width"),
        };
        run.CheckDisjoint();
        Lsk.SegmentReduceBackward(Handle, tensors, run.Workspace, stream.Handle).ThrowIfFailed();
    }
}

/// <summary><see cref="TimeEmbedding"/> on a device.</summary>
/// <typeparam name="T">Storage type.</typeparam>
public sealed class NativeTimeEmbeddingPlan<T> : NativePlan
    where T : unmanaged
{
    private readonly JaggedLayout _segments;
    private readonly long _rowsLength;
    private readonly long _tableLength;

    private NativeTimeEmbeddingPlan(NativeDevice device, PlanHandle handle, TimeBuckets buckets, JaggedLayout segments, int width)
        : base(device, handle)
    {
        _segments = segments;
        _rowsLength = segments.Total * width;
        _tableLength = (long)buckets.Buckets * width;
    }

    /// <summary>Plans adding time embeddings.</summary>
    /// <param name="device">Where to run.</param>
    /// <param name="buckets">How gaps become rows of the table.</param>
    /// <param name="segments">History rows per segment.</param>
    /// <param name="width">Elements of a row.</param>
    /// <exception cref="ArgumentException">An extent is out of range.</exception>
    /// <exception cref="NotSupportedException">This build or device has no kernel for it.</exception>
    public static unsafe NativeTimeEmbeddingPlan<T> Create(NativeDevice device, TimeBuckets buckets, JaggedLayout segments, int width)
    {
        buckets.Validate();
        Check.Width(width);
        int dtype = NativeEnums.Dtype<T>();
        fixed (long* offsets = segments.Offsets)
        {
            var native = new LskTimeEmbeddingShape
            {
                StructSize = NativeRun.SizeOf<LskTimeEmbeddingShape>(),
                Dtype = dtype,
                Width = width,
                Buckets = buckets.Buckets,
                Unit = buckets.Unit,
                PerOctave = buckets.PerOctave,
                Segments = segments.Count,
                Offsets = offsets,
            };
            PlanHandle handle = ChildHandle.Made(new PlanHandle(device.Handle), Lsk.TimeEmbeddingPlan(device.Handle, native, out nint raw), raw);
            return new NativeTimeEmbeddingPlan<T>(device, handle, buckets, segments, width);
        }
    }

    /// <inheritdoc cref="TimeEmbedding.Forward"/>
    /// <param name="stream">Where the run is enqueued.</param>
    /// <param name="requestTimes"><c>[segments]</c>.</param>
    /// <param name="eventTimes"><c>[total]</c>.</param>
    /// <param name="table"><c>[buckets, width]</c>.</param>
    /// <param name="rows"><c>[total, width]</c>, added to.</param>
    /// <param name="workspace">Null where the plan needs none.</param>
    public unsafe void Forward(
        DeviceStream stream, DeviceSlice<long> requestTimes, DeviceSlice<long> eventTimes, DeviceSlice<T> table, DeviceSlice<T> rows, DeviceWorkspace? workspace = null)
    {
        using NativeRun run = NativeRun.Begin(this, stream, LskDirection.Forward, workspace);
        LskTimeEmbeddingTensors tensors = Inputs(run, requestTimes, eventTimes);
        tensors.Table = run.Input(table, _tableLength, "buckets * width");
        tensors.Rows = run.Output(rows, _rowsLength, "total * width");
        run.CheckDisjoint();
        Lsk.TimeEmbeddingForward(Handle, tensors, run.Workspace, stream.Handle).ThrowIfFailed();
    }

    /// <inheritdoc cref="TimeEmbedding.Backward"/>
    /// <param name="stream">Where the run is enqueued.</param>
    /// <param name="requestTimes">As in the forward run.</param>
    /// <param name="eventTimes">As in the forward run.</param>
    /// <param name="rowGradient"><c>[total, width]</c>.</param>
    /// <param name="tableGradient"><c>[buckets, width]</c>.</param>
    /// <param name="workspace">Null where the plan needs none.</param>
    public unsafe void Backward(
        DeviceStream stream,
        DeviceSlice<long> requestTimes,
        DeviceSlice<long> eventTimes,
        DeviceSlice<T> rowGradient,
        DeviceSlice<T> tableGradient,
        DeviceWorkspace? workspace = null)
    {
        using NativeRun run = NativeRun.Begin(this, stream, LskDirection.Backward, workspace);
        LskTimeEmbeddingTensors tensors = Inputs(run, requestTimes, eventTimes);
        tensors.RowGradient = run.Input(rowGradient, _rowsLength, "total * width");
        tensors.TableGradient = run.Output(tableGradient, _tableLength, "buckets * width");
        run.CheckDisjoint();
        Lsk.TimeEmbeddingBackward(Handle, tensors, run.Workspace, stream.Handle).ThrowIfFailed();
    }

    private unsafe LskTimeEmbeddingTensors Inputs(NativeRun run, DeviceSlice<long> requestTimes, DeviceSlice<long> eventTimes) => new()
    {
        StructSize = NativeRun.SizeOf<LskTimeEmbeddingTensors>(),
        RequestTimes = run.Input(requestTimes, _segments.Count, "segments"),
        EventTimes = run.Input(eventTimes, _segments.Total, "total"),
    };
}
