using BenchmarkDotNet.Attributes;
using LongSeqKernels.Native;

namespace LongSeqKernels.Benchmarks;

/// <summary>
/// What one planned operation of the native backend costs the host beyond the launch: batches without rows launch nothing, so that what is left are the
/// arguments, the call and the native checks. Time and allocated bytes. Needs the library, the emulated one or a GPU's:
/// <c>LONGSEQKERNELS_NATIVE_PATH=build/emulator/native/liblongseqkernels_abi1.so</c>.
/// </summary>
public class HostOverheadBenchmarks
{
    private NativeDevice _device = null!;
    private DeviceStream _stream = null!;
    private NativeMergeStatesPlan _merge = null!;
    private NativeCrossAttentionPlan<float, float> _attention = null!;
    private NativeLinearPlan<float> _linear = null!;
    private DeviceTensor<float> _rows = null!;
    private DeviceTensor<float> _weight = null!;

    /// <summary>Opens the device and plans.</summary>
    [GlobalSetup]
    public void Setup()
    {
        _device = NativeDevice.OpenAny(0);
        _stream = _device.CreateStream();
        _merge = NativeMergeStatesPlan.Create(_device, 2, 0, 64);
        _attention = NativeCrossAttentionPlan<float, float>.Create(_device, new CrossAttentionShape
        {
            Targets = JaggedLayout.FromLengths(0),
            History = JaggedLayout.FromLengths(16),
            Heads = 4,
            HeadWidth = 64,
        });
        _linear = NativeLinearPlan<float>.Create(_device, new LinearShape(0, 64, 64));
        _rows = _device.Allocate<float>(2 * 16 * 4 * 64);
        _weight = _device.Allocate<float>(64 * 64);
    }

    /// <summary>Closes it.</summary>
    [GlobalCleanup]
    public void Cleanup()
    {
        _merge.Dispose();
        _attention.Dispose();
        _linear.Dispose();
        _rows.Dispose();
        _weight.Dispose();
        _stream.Dispose();
        _device.Dispose();
    }

    /// <summary>Four tensors.</summary>
    [Benchmark]
    public void MergeStates() => _merge.Forward(_stream, default, default, default, default);

    /// <summary>Seven tensors, two of them given.</summary>
    [Benchmark]
    public void CrossAttention() =>
        _attention.Forward(_stream, default, _rows.Slice(0, 16 * 4 * 64), _rows.Slice(16 * 4 * 64, 16 * 4 * 64), default, default);

    /// <summary>Four tensors, one of them given.</summary>
    [Benchmark]
    public void Linear() => _linear.Forward(_stream, default, _weight, default, default);
}
