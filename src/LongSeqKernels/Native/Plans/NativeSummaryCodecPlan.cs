using LongSeqKernels.Interop;

namespace LongSeqKernels.Native;

/// <summary><see cref="SummaryCodec"/> on a device. Values that are encoded must be finite and in the encoding's range; a device does not look.</summary>
public sealed class NativeSummaryCodecPlan : NativePlan
{
    private readonly int _rows;
    private readonly long _valueLength;
    private readonly long _codeLength;

    private NativeSummaryCodecPlan(NativeDevice device, PlanHandle handle, SummaryEncoding encoding, int rows, int width)
        : base(device, handle)
    {
        _rows = rows;
        _valueLength = (long)rows * width;
        _codeLength = (long)rows * SummaryCodec.RowBytes(encoding, width);
    }

    /// <summary>Plans encoding and decoding.</summary>
    /// <param name="device">Where to run.</param>
    /// <param name="encoding">The storage form.</param>
    /// <param name="rows">Rows, 0 or more.</param>
    /// <param name="width">Elements of a row.</param>
    /// <exception cref="ArgumentException">An extent is out of range.</exception>
    /// <exception cref="NotSupportedException">This build or device has no kernel for it.</exception>
    public static NativeSummaryCodecPlan Create(NativeDevice device, SummaryEncoding encoding, int rows, int width)
    {
        Check.Defined(encoding);
        Check.Rows(rows);
        Check.Width(width);
        var native = new LskSummaryCodecShape
        {
            StructSize = NativeRun.SizeOf<LskSummaryCodecShape>(),
            Encoding = NativeEnums.Of(encoding),
            Rows = rows,
            Width = width,
        };
        PlanHandle handle = ChildHandle.Made(new PlanHandle(device.Handle), Lsk.SummaryCodecPlan(device.Handle, native, out nint raw), raw);
        return new NativeSummaryCodecPlan(device, handle, encoding, rows, width);
    }

    /// <inheritdoc cref="SummaryCodec.Encode"/>
    /// <param name="stream">Where the run is enqueued.</param>
    /// <param name="input"><c>[rows, width]</c>.</param>
    /// <param name="codes"><c>[rows, RowBytes]</c>.</param>
    /// <param name="scales"><c>[rows]</c>.</param>
    /// <param name="workspace">Null where the plan needs none.</param>
    public unsafe void Encode(DeviceStream stream, DeviceSlice<float> input, DeviceSlice<byte> codes, DeviceSlice<float> scales, DeviceWorkspace? workspace = null)
    {
        using NativeRun run = NativeRun.Begin(this, stream, LskDirection.Forward, workspace);
        var tensors = new LskSummaryCodecTensors
        {
            StructSize = NativeRun.SizeOf<LskSummaryCodecTensors>(),
            Values = run.Input(input, _valueLength, "rows * width"),
            Codes = run.Output(codes, _codeLength, "rows * bytes per row"),
            Scales = run.Output(scales, _rows, "rows"),
        };
        run.CheckDisjoint();
        Lsk.SummaryCodecEncode(Handle, tensors, run.Workspace, stream.Handle).ThrowIfFailed();
    }

    /// <inheritdoc cref="SummaryCodec.Decode"/>
    /// <param name="stream">Where the run is enqueued.</param>
    /// <param name="codes"><c>[rows, RowBytes]</c>.</param>
    /// <param name="scales"><c>[rows]</c>.</param>
    /// <param name="output"><c>[rows, width]</c>.</param>
    /// <param name="workspace">Null where the plan needs none.</param>
    public unsafe void Decode(DeviceStream stream, DeviceSlice<byte> codes, DeviceSlice<float> scales, DeviceSlice<float> output, DeviceWorkspace? workspace = null)
    {
        using NativeRun run = NativeRun.Begin(this, stream, LskDirection.Forward, workspace);
        var tensors = new LskSummaryCodecTensors
        {
            StructSize = NativeRun.SizeOf<LskSummaryCodecTensors>(),
            Values = run.Output(output, _valueLength, "rows * width"),
            Codes = run.Input(codes, _codeLength, "rows * bytes per row"),
            Scales = run.Input(scales, _rows, "rows"),
        };
        run.CheckDisjoint();
        Lsk.SummaryCodecDecode(Handle, tensors, run.Workspace, stream.Handle).ThrowIfFailed();
    }
}
