using System.Runtime.InteropServices;
using BenchmarkDotNet.Attributes;
using BenchmarkDotNet.Configs;
using LongSeqKernels.Interop;
using LongSeqKernels.Native;

namespace LongSeqKernels.Benchmarks;

/// <summary>
/// What one planned operation of the native backend costs the host, beside the bare call of the C function with raw pointers. Batches without rows launch nothing, so that what is
/// left are the arguments, the call and the native checks; the difference to "Raw" is what the managed API adds. Needs the library, the emulated one or a GPU's:
/// <c>LONGSEQKERNELS_NATIVE_PATH=build/emulator/native/liblongseqkernels_abi1.so</c>.
/// </summary>
[GroupBenchmarksBy(BenchmarkLogicalGroupRule.ByCategory)]
[CategoriesColumn]
public unsafe class HostOverheadBenchmarks
{
    private const int Rows = 16;
    private const int Width = 4 * 64;

    private NativeDevice _device = null!;
    private DeviceStream _stream = null!;
    private NativeMergeStatesPlan _merge = null!;
    private NativeCrossAttentionPlan<float, float> _attention = null!;
    private NativeLinearPlan<float> _linear = null!;
    private DeviceTensor<float> _rows = null!;
    private DeviceTensor<float> _weight = null!;
    private delegate* unmanaged[Cdecl]<nint, void*, nint, nint, int> _rawMerge;
    private delegate* unmanaged[Cdecl]<nint, void*, nint, nint, int> _rawAttention;
    private delegate* unmanaged[Cdecl]<nint, void*, nint, nint, int> _rawLinear;

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
            History = JaggedLayout.FromLengths(Rows),
            Heads = 4,
            HeadWidth = 64,
        });
        _linear = NativeLinearPlan<float>.Create(_device, new LinearShape(0, 64, 64));
        _rows = _device.Allocate<float>(2 * Rows * Width);
        _weight = _device.Allocate<float>(64 * 64);
        nint library = NativeLibrary.Load(LongSeqNative.LoadReport.Path);
        _rawMerge = (delegate* unmanaged[Cdecl]<nint, void*, nint, nint, int>)NativeLibrary.GetExport(library, "lsk_merge_states_forward");
        _rawAttention = (delegate* unmanaged[Cdecl]<nint, void*, nint, nint, int>)NativeLibrary.GetExport(library, "lsk_cross_attention_forward");
        _rawLinear = (delegate* unmanaged[Cdecl]<nint, void*, nint, nint, int>)NativeLibrary.GetExport(library, "lsk_linear_forward");
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
    [BenchmarkCategory("merge states")]
    public void MergeStates() => _merge.Forward(_stream, default, default, default, default);

    [Benchmark(Baseline = true)]
    [BenchmarkCategory("merge states")]
    public int RawMergeStates()
    {
        var tensors = new LskMergeStatesTensors { StructSize = (uint)sizeof(LskMergeStatesTensors) };
        return Checked(_rawMerge(_merge.Handle.DangerousGetHandle(), &tensors, 0, _stream.Handle.DangerousGetHandle()));
    }

    /// <summary>Seven tensors, two of them given.</summary>
    [Benchmark]
    [BenchmarkCategory("cross attention")]
    public void CrossAttention() =>
        _attention.Forward(_stream, default, _rows.Slice(0, Rows * Width), _rows.Slice(Rows * Width, Rows * Width), default, default);

    [Benchmark(Baseline = true)]
    [BenchmarkCategory("cross attention")]
    public int RawCrossAttention()
    {
        var tensors = new LskCrossAttentionTensors
        {
            StructSize = (uint)sizeof(LskCrossAttentionTensors),
            Keys = (void*)_rows.Pointer,
            Values = (void*)(_rows.Pointer + (Rows * Width * sizeof(float))),
        };
        return Checked(_rawAttention(_attention.Handle.DangerousGetHandle(), &tensors, 0, _stream.Handle.DangerousGetHandle()));
    }

    /// <summary>Four tensors, one of them given.</summary>
    [Benchmark]
    [BenchmarkCategory("linear")]
    public void Linear() => _linear.Forward(_stream, default, _weight, default, default);

    [Benchmark(Baseline = true)]
    [BenchmarkCategory("linear")]
    public int RawLinear()
    {
        var tensors = new LskLinearTensors { StructSize = (uint)sizeof(LskLinearTensors), Weight = (void*)_weight.Pointer };
        return Checked(_rawLinear(_linear.Handle.DangerousGetHandle(), &tensors, 0, _stream.Handle.DangerousGetHandle()));
    }

    private static int Checked(int status) => status == (int)LskStatus.Ok ? status : throw new InvalidOperationException($"The native function answered {status}.");
}
