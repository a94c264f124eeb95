using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using LongSeqKernels.Interop;

namespace LongSeqKernels.Native;

/// <summary>
/// A GPU, opened through the native library. Thread-safe. What was made from it (streams, tensors, plans) may be disposed after it, in any order:
/// the device closes with the last of them.
/// </summary>
public sealed class NativeDevice : IDisposable
{
    private readonly ContextHandle _handle;
    private volatile bool _disposed;

    private NativeDevice(ContextHandle handle, int index)
    {
        _handle = handle;
        Index = index;
        Info = ReadInfo(handle);
    }

    /// <summary>How many devices <see cref="Open(int)"/> could open; 0 where the library, the driver or a device is missing.</summary>
    public static int Count => LongSeqNative.LoadReport is { IsEmulated: false } report ? report.DeviceCount : 0;

    /// <summary>Its number, which is CUDA's: that of the device in other libraries of this process.</summary>
    public int Index { get; }

    /// <summary>What the device is.</summary>
    public NativeDeviceInfo Info { get; }

    internal ContextHandle Handle
    {
        get
        {
            // The handle itself stays open as long as it has children.
            ThrowIfDisposed();
            return _handle;
        }
    }

    /// <summary>Opens a GPU.</summary>
    /// <param name="index">From 0 to <see cref="Count"/> - 1.</param>
    /// <exception cref="PlatformNotSupportedException">The library, the driver or the device is missing or too old; the message says which and what was tried.</exception>
    public static NativeDevice Open(int index = 0)
    {
        NativeLoader.EnsureLoaded();
        bool refused = LongSeqNative.LoadReport.IsEmulated && Environment.GetEnvironmentVariable(LongSeqNative.EmulatorVariable) != "1";
        return refused ? throw new PlatformNotSupportedException(LongSeqNative.LoadReport.ToString()) : OpenAny(index);
    }

    /// <summary>The device that a native context runs on, to work beside it with tensors that stay on the device.</summary>
    /// <exception cref="ArgumentException">The context's backend is another.</exception>
    public static NativeDevice Of(LongSeqContext context) => context.Kernels is NativeKernels kernels
        ? kernels.Device
        : throw Error.Invalid(nameof(context), $"a context of the backend {context.Kernels.Name}", "one of the native backend");

    /// <summary>Waits for all work of the device.</summary>
    /// <exception cref="LongSeqNativeException">Work that was enqueued before has failed.</exception>
    public void Synchronize() => Lsk.ContextSynchronize(Handle).ThrowIfFailed();

    /// <summary>Makes an ordered queue of work.</summary>
    public DeviceStream CreateStream() => new(this, ChildHandle.Made(new StreamHandle(Handle), Lsk.StreamCreate(Handle, out nint raw), raw));

    /// <summary>Wraps a stream of the caller's, which stays the caller's and must outlive the result.</summary>
    /// <param name="cudaStream">A <c>cudaStream_t</c> (<c>CUstream</c>) of the same device.</param>
    public unsafe DeviceStream WrapStream(nint cudaStream) =>
        new(this, ChildHandle.Made(new StreamHandle(Handle), Lsk.StreamWrap(Handle, (void*)cudaStream, out nint raw), raw));

    /// <summary>Makes a marker of a point in a stream.</summary>
    public DeviceEvent CreateEvent() => new(ChildHandle.Made(new EventHandle(Handle), Lsk.EventCreate(Handle, out nint raw), raw));

    /// <summary>Allocates device memory, whose content is not initialised.</summary>
    /// <param name="length">Elements, 0 or more.</param>
    /// <exception cref="OutOfMemoryException">The device has no such memory.</exception>
    public DeviceTensor<T> Allocate<T>(long length)
        where T : unmanaged => new(DeviceMemory.Allocate<T>(this, LskMemory.Device, length), length);

    /// <summary>Allocates device memory and copies into it.</summary>
    /// <param name="values">What to copy.</param>
    /// <param name="stream">When to copy; the call waits for it.</param>
    public DeviceTensor<T> Upload<T>(ReadOnlySpan<T> values, DeviceStream stream)
        where T : unmanaged
    {
        DeviceTensor<T> tensor = Allocate<T>(values.Length);
        tensor.CopyFrom(values, stream);
        return tensor;
    }

    /// <summary>
    /// Wraps device memory of another library, without a copy: runs check, hold and capture the result as they do tensors of this library. The memory
    /// must stay valid until the result is disposed, and until every graph that uses it is.
    /// </summary>
    /// <param name="pointer">The address on this device, aligned to the elements; 0 for none.</param>
    /// <param name="length">Elements, 0 or more.</param>
    /// <param name="release">
    /// Gives the memory back: called once, when the result is disposed or forgotten and all work of the device that was enqueued before has been done,
    /// possibly on the finalizer's thread; must not throw. Null where nothing is to be done.
    /// </param>
    /// <exception cref="ArgumentException">The pointer is 0 or not aligned, or the length is out of range.</exception>
    public DeviceTensor<T> Wrap<T>(nint pointer, long length, Action? release = null)
        where T : unmanaged => Wrap<T>(pointer, length, release, isReadOnly: false);

    /// <summary>Allocates host memory that copies run from and to at full speed, beside kernels.</summary>
    /// <param name="length">Elements, 0 or more.</param>
    public PinnedBuffer<T> AllocatePinned<T>(int length)
        where T : unmanaged => new(DeviceMemory.Allocate<T>(this, LskMemory.Pinned, length), length);

    /// <summary>Allocates working memory for runs; one run at a time may use it.</summary>
    /// <param name="bytes">At least what the plan asks for.</param>
    public DeviceWorkspace AllocateWorkspace(long bytes) => new(DeviceMemory.Allocate<byte>(this, LskMemory.Workspace, bytes));

    /// <summary>Closes the device when the last stream, tensor and plan that was made from it is gone.</summary>
    public void Dispose()
    {
        _disposed = true;
        _handle.Dispose();
    }

    /// <summary>Opens a device of any build, the emulated one included.</summary>
    internal static NativeDevice OpenAny(int index)
    {
        NativeLoader.EnsureLoaded();
        return new NativeDevice(ContextHandle.Open(index), index);
    }

    internal void ThrowIfDisposed() => ObjectDisposedException.ThrowIf(_disposed, this);

    internal DeviceTensor<T> Wrap<T>(nint pointer, long length, Action? release, bool isReadOnly)
        where T : unmanaged => new(DeviceMemory.Wrap<T>(this, pointer, length, release, isReadOnly), length);

    private static unsafe NativeDeviceInfo ReadInfo(ContextHandle handle)
    {
        var info = new LskDeviceInfo { StructSize = (uint)Unsafe.SizeOf<LskDeviceInfo>() };
        Lsk.ContextDeviceInfo(handle, ref info).ThrowIfFailed();
        return new NativeDeviceInfo(
            Marshal.PtrToStringUTF8((nint)info.Name) ?? "",
            info.ComputeCapability,
            info.Multiprocessors,
            info.SharedMemoryPerBlock,
            info.MemoryBytes,
            info.L2Bytes,
            info.DriverVersion,
            info.RuntimeVersion);
    }
}
