using System.Runtime.CompilerServices;
using LongSeqKernels.Interop;

namespace LongSeqKernels.Native;

/// <summary>Elements in device memory. Shapes are those of the operations: rows after rows, without padding.</summary>
/// <typeparam name="T"><see cref="float"/>, <see cref="BFloat16"/>, <see cref="Half"/>, or <see cref="long"/> for times and <see cref="byte"/> for codes.</typeparam>
public sealed class DeviceTensor<T> : IDisposable
    where T : unmanaged
{
    internal DeviceTensor(DeviceMemory memory, long length)
    {
        Memory = memory;
        Length = length;
    }

    /// <summary>Number of elements.</summary>
    public long Length { get; }

    /// <summary>The address on the device, for other libraries; valid until the tensor is disposed or forgotten, and longer where it is held.</summary>
    public nint Pointer => Memory.Address;

    internal DeviceMemory Memory { get; }

    /// <summary>All elements.</summary>
    /// <param name="tensor">Null for none.</param>
    public static implicit operator DeviceSlice<T>(DeviceTensor<T>? tensor) => tensor is null ? default : tensor.Slice(0, tensor.Length);

    /// <summary>All elements.</summary>
    public DeviceSlice<T> ToDeviceSlice() => this;

    /// <summary>Keeps the memory allocated for a library that has its <see cref="Pointer"/>, even when the tensor is disposed or forgotten.</summary>
    /// <returns>What to dispose when that library is done.</returns>
    /// <exception cref="ObjectDisposedException">The tensor has been disposed.</exception>
    public IDisposable Hold() => Memory.Hold();

    /// <summary>Some of the elements.</summary>
    /// <param name="start">The first.</param>
    /// <param name="length">How many.</param>
    /// <exception cref="ArgumentOutOfRangeException">They are not all in this tensor.</exception>
    public DeviceSlice<T> Slice(long start, long length)
    {
        if (start < 0 || start > Length)
        {
            throw Error.Range(nameof(start), start, $"from 0 to {Length}");
        }
        if (length < 0 || length > Length - start)
        {
            throw Error.Range(nameof(length), length, $"from 0 to {Length - start}, the elements from start on");
        }
        return new DeviceSlice<T>(Memory, length == 0 ? 0 : Memory.Address + (nint)(start * Unsafe.SizeOf<T>()), length);
    }

    /// <summary>Copies from host memory, in the order of the stream, and waits for it.</summary>
    /// <param name="source">As many elements as the tensor has.</param>
    /// <param name="stream">The stream.</param>
    public unsafe void CopyFrom(ReadOnlySpan<T> source, DeviceStream stream)
    {
        Check.Length(source, Length, "as the tensor");
        fixed (T* host = source)
        {
            Copy(stream, (nint)host, LskCopyKind.HostToDevice);
            stream.Synchronize();
        }
    }

    /// <summary>Copies to host memory, in the order of the stream, and waits for it.</summary>
    /// <param name="destination">As many elements as the tensor has.</param>
    /// <param name="stream">The stream.</param>
    public unsafe void CopyTo(Span<T> destination, DeviceStream stream)
    {
        Check.Length(destination, Length, "as the tensor");
        fixed (T* host = destination)
        {
            Copy(stream, (nint)host, LskCopyKind.DeviceToHost);
            stream.Synchronize();
        }
    }

    /// <summary>Enqueues a copy from pinned host memory, which must not change until the stream has passed it.</summary>
    /// <param name="source">As many elements as the tensor has.</param>
    /// <param name="stream">The stream.</param>
    public void CopyFrom(PinnedBuffer<T> source, DeviceStream stream)
    {
        Check.Length(source.Span, Length, "as the tensor", nameof(source));
        Copy(stream, source.Memory.Address, LskCopyKind.HostToDevice, source.Memory);
    }

    /// <summary>Enqueues a copy to pinned host memory, which holds the elements once the stream has passed it.</summary>
    /// <param name="destination">As many elements as the tensor has.</param>
    /// <param name="stream">The stream.</param>
    public void CopyTo(PinnedBuffer<T> destination, DeviceStream stream)
    {
        Check.Length(destination.Span, Length, "as the tensor", nameof(destination));
        Copy(stream, destination.Memory.Address, LskCopyKind.DeviceToHost, destination.Memory);
    }

    /// <summary>Enqueues filling the tensor with zeros.</summary>
    /// <param name="stream">The stream.</param>
    public unsafe void Clear(DeviceStream stream)
    {
        using NativeRun run = NativeRun.Begin(stream);
        run.Use(Memory, "tensor");
        Memory.ThrowIfReadOnly("tensor");
        Lsk.Clear(stream.Handle, (void*)Pointer, Memory.Bytes).ThrowIfFailed();
    }

    /// <summary>Frees the memory after all work of the device that was enqueued before.</summary>
    public void Dispose() => Memory.Dispose();

    private unsafe void Copy(DeviceStream stream, nint host, LskCopyKind kind, DeviceMemory? pinned = null)
    {
        using NativeRun run = NativeRun.Begin(stream);
        run.Use(Memory, "tensor");
        if (pinned is not null)
        {
            run.Use(pinned, "host memory");
        }
        bool upload = kind == LskCopyKind.HostToDevice;
        if (upload)
        {
            Memory.ThrowIfReadOnly("tensor");
        }
        Lsk.Copy(stream.Handle, (void*)(upload ? Pointer : host), (void*)(upload ? host : Pointer), Memory.Bytes, (int)kind).ThrowIfFailed();
    }
}

/// <summary>Some elements of a tensor in device memory. The default is no tensor: what an operation does not need or is not asked for.</summary>
/// <typeparam name="T">As the tensor's.</typeparam>
public readonly struct DeviceSlice<T>
    where T : unmanaged
{
    internal DeviceSlice(DeviceMemory? memory, nint pointer, long length)
    {
        Memory = memory;
        Pointer = pointer;
        Length = length;
    }

    /// <summary>Number of elements.</summary>
    public long Length { get; }

    /// <summary>The address on the device; 0 for no elements.</summary>
    public nint Pointer { get; }

    /// <summary>Whether there are no elements.</summary>
    public bool IsEmpty => Length == 0;

    internal DeviceMemory? Memory { get; }

    /// <summary>Device memory of another library, which must stay valid until the work on it has been done.</summary>
    /// <param name="pointer">The address, aligned to the elements.</param>
    /// <param name="length">Elements, 0 or more.</param>
    public static DeviceSlice<T> FromPointer(nint pointer, long length) => length >= 0
        ? new DeviceSlice<T>(null, length == 0 ? 0 : pointer, length)
        : throw Error.Range(nameof(length), length, "0 or more");
}
