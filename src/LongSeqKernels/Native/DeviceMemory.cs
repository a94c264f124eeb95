using System.Runtime.CompilerServices;
using LongSeqKernels.Interop;

namespace LongSeqKernels.Native;

/// <summary>Memory that the native library allocated, or that another library lends.</summary>
internal sealed class DeviceMemory : IDisposable
{
    private volatile bool _disposed;

    private DeviceMemory(NativeDevice device, ChildHandle handle, nint address, long bytes, bool isReadOnly = false)
    {
        Device = device;
        Handle = handle;
        Address = address;
        Bytes = bytes;
        IsReadOnly = isReadOnly;
    }

    public NativeDevice Device { get; }

    public ChildHandle Handle { get; }

    /// <summary>0 for 0 bytes.</summary>
    public nint Address { get; }

    public long Bytes { get; }

    /// <summary>Whether its owner is done with it. It may still be allocated, for a graph or for another library.</summary>
    public bool IsDisposed => _disposed;

    /// <summary>Whether the library that lends it forbids writing.</summary>
    public bool IsReadOnly { get; }

    public static DeviceMemory Allocate<T>(NativeDevice device, LskMemory kind, long length)
        where T : unmanaged
    {
        long bytes = BytesOf<T>(length);
        BufferHandle handle = ChildHandle.Made(new BufferHandle(device.Handle), Lsk.BufferCreate(device.Handle, (int)kind, bytes, out nint raw), raw);
        Lsk.BufferPointer(handle, out nint address).ThrowIfFailed();
        return new DeviceMemory(device, handle, address, bytes);
    }

    /// <summary>Memory of another library.</summary>
    /// <param name="device">Where it is.</param>
    /// <param name="pointer">Its address.</param>
    /// <param name="length">Elements.</param>
    /// <param name="release">Gives it back.</param>
    /// <param name="isReadOnly">Whether it may not be written.</param>
    public static DeviceMemory Wrap<T>(NativeDevice device, nint pointer, long length, Action? release, bool isReadOnly)
        where T : unmanaged
    {
        long bytes = BytesOf<T>(length);
        Check.Address<T>(pointer, length);
        return new DeviceMemory(device, new ForeignMemoryHandle(device.Handle, release), length == 0 ? 0 : pointer, bytes, isReadOnly);
    }

    /// <summary>Keeps the memory allocated until the result is disposed, even when this is disposed before.</summary>
    public IDisposable Hold()
    {
        ThrowIfDisposed("tensor");
        return new HeldHandle(Handle);
    }

    public void ThrowIfDisposed(string argument)
    {
        if (_disposed)
        {
            throw Error.Disposed(argument);
        }
    }

    public void ThrowIfReadOnly(string argument)
    {
        if (IsReadOnly)
        {
            throw Error.Invalid(argument, "read-only memory of another library", "memory that may be written");
        }
    }

    public void Dispose()
    {
        _disposed = true;
        Handle.Dispose();
    }

    private static long BytesOf<T>(long length)
        where T : unmanaged => length >= 0 && length <= long.MaxValue / Unsafe.SizeOf<T>()
            ? length * Unsafe.SizeOf<T>()
            : throw Error.Range(nameof(length), length, "0 or more, and a number of bytes that fits in 64 bits");
}

/// <summary>Working memory for runs of plans. One run at a time may use it, so runs on different streams need their own.</summary>
public sealed class DeviceWorkspace : IDisposable
{
    internal DeviceWorkspace(DeviceMemory memory) => Memory = memory;

    /// <summary>Its size.</summary>
    public long Bytes => Memory.Bytes;

    internal DeviceMemory Memory { get; }

    internal BufferHandle Handle => (BufferHandle)Memory.Handle;

    /// <summary>Frees it after all work of the device that was enqueued before.</summary>
    public void Dispose() => Memory.Dispose();
}
