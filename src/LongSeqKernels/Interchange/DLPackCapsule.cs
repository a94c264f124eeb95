using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using LongSeqKernels.Native;

namespace LongSeqKernels.Interchange;

/// <summary>
/// A tensor on its way between two libraries, without a copy: a <c>DLManagedTensor</c> that nobody has consumed yet (DLPack 1.x,
/// <c>dlpack.h</c>). Whoever consumes it owns it, once, and calls its producer's deleter when done; a capsule that is disposed unconsumed calls it itself.
/// Data are row-major without gaps; element types are <see cref="float"/>, <see cref="BFloat16"/>, <see cref="Half"/>, <see cref="long"/> and
/// <see cref="byte"/>. Nothing is ordered between streams: what writes the data must have been waited for, or recorded and waited for by an event.
/// </summary>
public sealed unsafe class DLPackCapsule : IDisposable
{
    private readonly Lock _lock = new();
    private readonly DLPackHandle _handle;
    private readonly DLTensor _tensor;
    private readonly long[] _shape;
    private bool _consumed;

    private DLPackCapsule(DLPackHandle handle)
    {
        _handle = handle;
        _tensor = handle.Tensor;
        if (_tensor.DimensionCount < 0 || (_tensor.DimensionCount > 0 && _tensor.Shape is null))
        {
            throw Error.DLPack("shape", _tensor.DimensionCount < 0 ? $"one of {_tensor.DimensionCount} dimensions" : "NULL", "an extent for each of 0 or more dimensions");
        }
        _shape = new ReadOnlySpan<long>(_tensor.Shape, _tensor.DimensionCount).ToArray();
        IsReadOnly = handle.IsReadOnly;
    }

    /// <summary>Which struct it is.</summary>
    public DLPackLayout Layout => _handle.Layout;

    /// <summary>Where the data lie; a number without a name for devices that this library does not read.</summary>
    public DLPackDevice Device => (DLPackDevice)_tensor.Device.DeviceType;

    /// <summary>Which device of that kind; 0 for host memory.</summary>
    public int DeviceId => _tensor.Device.DeviceId;

    /// <summary>The element type as frameworks name it: float32, bfloat16, int64.</summary>
    public string ElementType => DLPackType.Name(_tensor.Type);

    /// <summary>The extents; none for a single element.</summary>
    public ReadOnlySpan<long> Shape => _shape;

    /// <summary>Whether its producer forbids writing.</summary>
    public bool IsReadOnly { get; }

    /// <summary>Whether it has been handed on.</summary>
    public bool IsConsumed
    {
        get
        {
            lock (_lock)
            {
                return _consumed;
            }
        }
    }

    /// <summary>Shares host memory, which stays where it is until the consumer calls the deleter.</summary>
    /// <param name="values">The elements.</param>
    /// <param name="shape">Extents, whose product is the number of elements.</param>
    /// <param name="layout">What the consumer understands.</param>
    /// <exception cref="ArgumentException">The shape is not one of these elements.</exception>
    /// <exception cref="NotSupportedException"><typeparamref name="T"/> is none of the element types.</exception>
    public static DLPackCapsule Export<T>(Memory<T> values, ReadOnlySpan<long> shape, DLPackLayout layout = DLPackLayout.Versioned)
        where T : unmanaged => ExportHost<T>(values, shape, layout, flags: 0);

    /// <summary>Shares host memory that the consumer may only read.</summary>
    /// <param name="values">The elements.</param>
    /// <param name="shape">Extents, whose product is the number of elements.</param>
    /// <returns>A versioned capsule: the legacy struct cannot say that it is read-only.</returns>
    /// <inheritdoc cref="Export{T}(Memory{T}, ReadOnlySpan{long}, DLPackLayout)"/>
    public static DLPackCapsule ExportReadOnly<T>(ReadOnlyMemory<T> values, ReadOnlySpan<long> shape)
        where T : unmanaged => ExportHost(values, shape, DLPackLayout.Versioned, DLManagedTensorVersioned.ReadOnlyFlag);

    /// <summary>Shares pinned host memory, which stays allocated until the consumer calls the deleter, even when the buffer is disposed before.</summary>
    /// <inheritdoc cref="Export{T}(Memory{T}, ReadOnlySpan{long}, DLPackLayout)"/>
    public static DLPackCapsule Export<T>(PinnedBuffer<T> values, ReadOnlySpan<long> shape, DLPackLayout layout = DLPackLayout.Versioned)
        where T : unmanaged => ExportAllocated<T>(values.Memory, values.Length, new DLDevice { DeviceType = (int)DLPackDevice.CudaHost }, shape, layout);

    /// <summary>Shares device memory, which stays allocated until the consumer calls the deleter, even when the tensor is disposed before.</summary>
    /// <inheritdoc cref="Export{T}(Memory{T}, ReadOnlySpan{long}, DLPackLayout)"/>
    public static DLPackCapsule Export<T>(DeviceTensor<T> values, ReadOnlySpan<long> shape, DLPackLayout layout = DLPackLayout.Versioned)
        where T : unmanaged => ExportAllocated<T>(
            values.Memory, values.Length, new DLDevice { DeviceType = (int)DLPackDevice.Cuda, DeviceId = values.Memory.Device.Index }, shape, layout);

    /// <summary>Takes over a tensor of another library. A tensor that is refused has been given back: its deleter has been called.</summary>
    /// <param name="managedTensor">A <c>DLManagedTensorVersioned*</c> or <c>DLManagedTensor*</c> that nobody else will consume.</param>
    /// <param name="layout">Which of the two.</param>
    /// <exception cref="ArgumentException">The pointer is NULL, or the tensor has no extents.</exception>
    /// <exception cref="NotSupportedException">It is of another major version of DLPack.</exception>
    [SuppressMessage("Reliability", "CA2000:Dispose objects before losing scope", Justification = "The capsule owns the handle; a refusal disposes it.")]
    public static DLPackCapsule FromPointer(nint managedTensor, DLPackLayout layout)
    {
        if (managedTensor == 0)
        {
            throw Error.Invalid(nameof(managedTensor), "NULL", "a DLManagedTensorVersioned or DLManagedTensor");
        }
        Check.Defined(layout);
        var handle = new DLPackHandle(managedTensor, layout);
        try
        {
            if (handle.Version is { Major: not DLPackVersion.Supported } version)
            {
                throw Error.DLPackVersion(version.Major, version.Minor);
            }
            return new DLPackCapsule(handle);
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }

    /// <summary>Hands the tensor to a consumer outside this library, who calls its deleter exactly once.</summary>
    /// <returns>The address of the struct that <see cref="Layout"/> says.</returns>
    /// <exception cref="InvalidOperationException">It has been consumed.</exception>
    public nint Consume()
    {
        lock (_lock)
        {
            ThrowIfGone();
            return Detach();
        }
    }

    /// <summary>Consumes a tensor in host memory, pinned or not. A refused tensor stays in the capsule.</summary>
    /// <exception cref="ArgumentException">It lies elsewhere, is of another type, or has gaps or another order.</exception>
    /// <exception cref="InvalidOperationException">It has been consumed.</exception>
    public HostTensor<T> ImportHost<T>()
        where T : unmanaged
    {
        lock (_lock)
        {
            ThrowIfGone();
            if (Device is not (DLPackDevice.Cpu or DLPackDevice.CudaHost))
            {
                throw Error.DLPack("device", Where(Device, DeviceId), "host memory (ImportDevice imports from a GPU)");
            }
            (nint data, long length) = Elements<T>();
            return new HostTensor<T>(data, HostTensor<T>.CheckedLength(length), IsReadOnly, Returned());
        }
    }

    /// <summary>Consumes a tensor of a CUDA device. A refused tensor stays in the capsule.</summary>
    /// <param name="device">The device that has the memory.</param>
    /// <returns>The memory; disposing it gives it back when all work of the device that was enqueued before has been done.</returns>
    /// <exception cref="ArgumentException">It lies elsewhere, is of another type, or has gaps or another order.</exception>
    /// <exception cref="InvalidOperationException">It has been consumed.</exception>
    /// <exception cref="ObjectDisposedException">The capsule or the device has been disposed.</exception>
    public DeviceTensor<T> ImportDevice<T>(NativeDevice device)
        where T : unmanaged
    {
        lock (_lock)
        {
            ThrowIfGone();
            if (Device != DLPackDevice.Cuda || DeviceId != device.Index)
            {
                throw Error.DLPack("device", Where(Device, DeviceId), $"{Where(DLPackDevice.Cuda, device.Index)}, which was passed");
            }
            (nint data, long length) = Elements<T>();
            device.ThrowIfDisposed();
            return device.Wrap<T>(data, length, Returned(), IsReadOnly);
        }
    }

    /// <summary>Calls the deleter, if nobody has consumed the tensor.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            _handle.Dispose();
        }
    }

    private static DLPackCapsule ExportHost<T>(ReadOnlyMemory<T> values, ReadOnlySpan<long> shape, DLPackLayout layout, ulong flags)
        where T : unmanaged
    {
        DLDataType type = CheckedExport<T>(values.Length, shape, layout);
        MemoryHandle pin = values.Pin();
        return Exported(pin, (nint)pin.Pointer, values.Length, new DLDevice { DeviceType = (int)DLPackDevice.Cpu }, type, shape, layout, flags);
    }

    [SuppressMessage("Reliability", "CA2000:Dispose objects before losing scope", Justification = "The deleter of the exported tensor does.")]
    private static DLPackCapsule ExportAllocated<T>(DeviceMemory memory, long length, DLDevice device, ReadOnlySpan<long> shape, DLPackLayout layout)
        where T : unmanaged
    {
        DLDataType type = CheckedExport<T>(length, shape, layout);
        if (memory.IsReadOnly && layout == DLPackLayout.Legacy)
        {
            throw Error.Invalid(nameof(layout), $"{layout}", $"{DLPackLayout.Versioned} for read-only memory: the legacy struct cannot say so");
        }
        return Exported(memory.Hold(), memory.Address, length, device, type, shape, layout, memory.IsReadOnly ? DLManagedTensorVersioned.ReadOnlyFlag : 0);
    }

    private static DLDataType CheckedExport<T>(long length, ReadOnlySpan<long> shape, DLPackLayout layout)
        where T : unmanaged
    {
        DLDataType type = DLPackType.Of<T>();
        Check.Defined(layout);
        if (Product(shape) is not { } elements || elements != length)
        {
            throw Error.Invalid(nameof(shape), List(shape), $"extents whose product is {length}, the number of elements");
        }
        return type;
    }

    private static DLPackCapsule Exported(
        IDisposable owner, nint data, long length, DLDevice device, DLDataType type, ReadOnlySpan<long> shape, DLPackLayout layout, ulong flags)
    {
        var tensor = new DLTensor { Data = length == 0 ? null : (void*)data, Device = device, Type = type };
        return FromPointer(DLPackExport.Create(owner, tensor, shape, layout, flags), layout);
    }

    /// <summary>Address and number of the elements, checked.</summary>
    private (nint Data, long Length) Elements<T>()
        where T : unmanaged
    {
        DLDataType expected = DLPackType.Of<T>();
        if (!DLPackType.Same(_tensor.Type, expected))
        {
            throw Error.DLPack("dtype", ElementType, $"{DLPackType.Name(expected)}, to be read as {typeof(T).Name}");
        }
        if (Product(_shape) is not { } length || length > long.MaxValue / sizeof(T))
        {
            throw Error.DLPack("shape", List(_shape), "extents of 0 or more, of a number of bytes that fits in 64 bits");
        }
        if (length == 0)
        {
            return (0, 0);
        }
        CheckStrides();
        nint data = (nint)_tensor.Data + (nint)_tensor.ByteOffset;
        if (_tensor.Data is null)
        {
            throw Error.DLPack("data", "NULL", $"the address of {length} elements");
        }
        if (data % sizeof(T) != 0)
        {
            throw Error.DLPack("data", $"at 0x{data:x}", $"aligned to {sizeof(T)} bytes, its elements");
        }
        return (data, length);
    }

    private void CheckStrides()
    {
        if (_tensor.Strides is null)
        {
            return;
        }
        long expected = 1;
        for (int i = _shape.Length - 1; i >= 0; i--)
        {
            // The stride of a single row is never used.
            if (_shape[i] != 1 && _tensor.Strides[i] != expected)
            {
                string strides = List(new ReadOnlySpan<long>(_tensor.Strides, _shape.Length));
                throw Error.DLPack("strides", $"{strides} for the shape {List(_shape)}", "row-major without gaps: make it contiguous before exporting it");
            }
            expected *= _shape[i];
        }
    }

    /// <summary>The tensor changes hands: whoever has the result gives it back.</summary>
    private Action Returned()
    {
        DLPackLayout layout = Layout;
        nint pointer = Detach();
        return () => DLPackHandle.Delete(pointer, layout);
    }

    private nint Detach()
    {
        _consumed = true;
        return _handle.Detach();
    }

    private void ThrowIfGone()
    {
        if (_consumed)
        {
            throw Error.DLPackConsumed();
        }
        ObjectDisposedException.ThrowIf(_handle.IsClosed, this);
    }

    /// <summary>Null where an extent is negative or the product is above 2^63.</summary>
    private static long? Product(ReadOnlySpan<long> shape)
    {
        // An extent of 0 makes nothing of all others, however large.
        long? product = shape.Contains(0) ? 0 : 1;
        foreach (long extent in shape)
        {
            product = extent < 0 || (product > 0 && extent > long.MaxValue / product) ? null : product * extent;
        }
        return product;
    }

    private static string List(ReadOnlySpan<long> values) => $"[{string.Join(", ", values.ToArray())}]";

    private static string Where(DLPackDevice device, int id) => device switch
    {
        DLPackDevice.Cpu => "host memory",
        DLPackDevice.CudaHost => "pinned host memory",
        DLPackDevice.Cuda => $"CUDA device {id}",
        _ => $"a device of DLPack's type {(int)device}",
    };
}
