using ILGPU;
using ILGPU.Runtime;

namespace LongSeqKernels.Ilgpu;

/// <summary>
/// One operation on the device: copies its inputs there, launches its kernels, copies its results back, and frees what it took. One runs at a time.
/// </summary>
internal readonly ref struct DeviceCall
{
    /// <summary>The most bytes of scratch for the workers of one kernel, unless a group of them needs more.</summary>
    private const long MostScratchBytes = 64L << 20;

    private const long FewestWorkers = 32;

    private readonly IlgpuDevice _device;
    private readonly List<MemoryBuffer> _buffers = [];

    public DeviceCall(IlgpuDevice device)
    {
        _device = device;
        device.Begin();
    }

    private AcceleratorStream Stream => _device.Accelerator.DefaultStream;

    /// <summary>Memory for a tensor; its contents are undefined.</summary>
    public TensorView Tensor<T>(long length)
        where T : unmanaged
    {
        ElementType type = Element<T>.Type;
        bool singles = type == ElementType.Float32;
        return new TensorView(
            type,
            length,
            singles && length != 0 ? Allocate<float>(length) : _device.NoSingles,
            !singles && length != 0 ? Allocate<ushort>(length) : _device.NoWords);
    }

    /// <summary>A tensor with the contents of host memory.</summary>
    public TensorView Tensor<T>(ReadOnlySpan<T> values)
        where T : unmanaged
    {
        TensorView view = Tensor<T>(values.Length);
        view.Upload(Stream, values);
        return view;
    }

    /// <summary>A tensor for a result, with what is there where it is added to.</summary>
    public TensorView Tensor<T>(Span<T> result, OutputMode mode)
        where T : unmanaged => mode == OutputMode.Add ? Tensor((ReadOnlySpan<T>)result) : Tensor<T>(result.Length);

    /// <summary>Offsets or limits.</summary>
    public IndexView Indices(ReadOnlySpan<long> values)
    {
        ArrayView<long> memory = values.IsEmpty ? _device.NoIndices : Allocate<long>(values.Length);
        HostCopies.Upload(Stream, values, memory);
        return new IndexView(memory, values.Length);
    }

    /// <summary>Memory for bytes; their contents are undefined.</summary>
    public ByteView Bytes(long length) => new(Allocate<byte>(Math.Max(length, 1)));

    /// <summary>Bytes with the contents of host memory.</summary>
    public ByteView Bytes(ReadOnlySpan<byte> values)
    {
        ByteView view = Bytes(values.Length);
        view.Upload(Stream, values);
        return view;
    }

    /// <summary>Scratch of <paramref name="width"/> fp32 numbers for each worker of a kernel of <paramref name="items"/> items.</summary>
    public WorkerScratch Scratch(long items, int width)
    {
        long affordable = Math.Max(FewestWorkers, MostScratchBytes / sizeof(float) / width);
        long workers = Math.Max(1, Math.Min(Math.Min(items, affordable), _device.Accelerator.MaxNumThreads));
        return new WorkerScratch(Tensor<float>(workers * width), width, workers);
    }

    /// <summary>Runs a kernel of work that needs no scratch.</summary>
    public void Launch<TWork>(TWork work, long items)
        where TWork : struct, IWork => Launch(work, items, Math.Min(items, _device.Accelerator.MaxNumThreads));

    /// <summary>Runs a kernel with as many workers as its scratch has places for.</summary>
    public void Launch<TWork>(TWork work, long items, WorkerScratch scratch)
        where TWork : struct, IWork => Launch(work, items, Math.Min(items, scratch.Workers));

    /// <summary>Copies a result to the host, when the kernels before it have ended.</summary>
    public void Fetch<T>(TensorView result, Span<T> target)
        where T : unmanaged => result.Download(Stream, target);

    /// <inheritdoc cref="Fetch{T}(TensorView, Span{T})"/>
    public void Fetch(ByteView result, Span<byte> target) => result.Download(Stream, target);

    public void Dispose()
    {
        try
        {
            foreach (MemoryBuffer buffer in _buffers)
            {
                buffer.Dispose();
            }
        }
        finally
        {
            _device.End();
        }
    }

    private void Launch<TWork>(TWork work, long items, long workers)
        where TWork : struct, IWork
    {
        if (items > 0)
        {
            _device.Kernel<TWork>()(Stream, new Index1D(checked((int)workers)), work, items, workers);
        }
    }

    private ArrayView<T> Allocate<T>(long length)
        where T : unmanaged
    {
        MemoryBuffer1D<T, Stride1D.Dense> buffer = _device.Accelerator.Allocate1D<T>(length);
        _buffers.Add(buffer);
        return buffer.View.AsContiguous();
    }
}
