using System.Runtime.CompilerServices;
using LongSeqKernels.Interop;

namespace LongSeqKernels.Native;

/// <summary>Memory that the native library allocated.</summary>
internal sealed class DeviceMemory : IDisposable
{
    private DeviceMemory(NativeDevice device, BufferHandle handle, nint address, long bytes)
    {
        Device = device;
        Handle = handle;
        Address = address;
        Bytes = bytes;
    }

    public NativeDevice Device { get; }

    public BufferHandle Handle { get; }

    /// <summary>0 for 0 bytes.</summary>
    public nint Address { get; }

    public long Bytes { get; }

    public static DeviceMemory Allocate<T>(NativeDevice device, LskMemory kind, long length)
        where T : unmanaged
    {
        if (length < 0 || length > long.MaxValue / Unsafe.SizeOf<T>())
        {
            throw Error.Range(nameof(length), length, "0 or more, and a number of bytes that fits in 64 bits");
        }
        long bytes = length * Unsafe.SizeOf<T>();
        BufferHandle handle = ChildHandle.Made(new BufferHandle(device.Handle), Lsk.BufferCreate(device.Handle, (int)kind, bytes, out nint raw), raw);
        Lsk.BufferPointer(handle, out nint address).ThrowIfFailed();
        return new DeviceMemory(device, handle, address, bytes);
    }

    public void Dispose() => Handle.Dispose();
}

/// <summary>Working memory for runs of plans. One run at a time may use it, so runs on different streams need their own.</summary>
public sealed class DeviceWorkspace : IDisposable
{
    internal DeviceWorkspace(DeviceMemory memory) => Memory = memory;

    /// <summary>Its size.</summary>
    public long Bytes => Memory.Bytes;

    internal DeviceMemory Memory { get; }

    /// <summary>Frees it after all work of the device that was enqueued before.</summary>
    public void Dispose() => Memory.Dispose();
}
