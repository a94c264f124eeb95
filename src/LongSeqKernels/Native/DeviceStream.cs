using System.Runtime.InteropServices;
using LongSeqKernels.Interop;

namespace LongSeqKernels.Native;

/// <summary>An ordered queue of work on a device. Runs and copies return when they are enqueued. One thread at a time may capture it.</summary>
public sealed class DeviceStream : IDisposable
{
    private readonly StreamHandle _handle;
    private volatile bool _disposed;

    internal DeviceStream(NativeDevice device, StreamHandle handle)
    {
        Device = device;
        _handle = handle;
    }

    /// <summary>The device.</summary>
    public NativeDevice Device { get; }

    /// <summary>The <c>cudaStream_t</c> (<c>CUstream</c>), for other libraries; valid until this is disposed or forgotten, and longer where it is held.</summary>
    public nint CudaStream
    {
        get
        {
            Lsk.StreamHandle(Handle, out nint stream).ThrowIfFailed();
            return stream;
        }
    }

    internal StreamHandle Handle
    {
        get
        {
            // The handle itself stays open as long as it is held.
            ObjectDisposedException.ThrowIf(_disposed, this);
            return _handle;
        }
    }

    /// <summary>What the runs of the capture in progress use; null outside a capture.</summary>
    internal List<SafeHandle>? Captured { get; private set; }

    /// <summary>Keeps the stream for a library that has its <see cref="CudaStream"/>, even when this is disposed or forgotten.</summary>
    /// <returns>What to dispose when that library is done.</returns>
    /// <exception cref="ObjectDisposedException">The stream has been disposed.</exception>
    public IDisposable Hold() => new HeldHandle(Handle);

    /// <summary>Waits for the work that was enqueued before.</summary>
    /// <exception cref="LongSeqNativeException">It has failed.</exception>
    public void Synchronize() => Lsk.StreamSynchronize(Handle).ThrowIfFailed();

    /// <summary>Makes work that is enqueued later wait for an event.</summary>
    /// <param name="marker">Recorded in another stream of the same device.</param>
    public void Wait(DeviceEvent marker) => Lsk.StreamWaitEvent(Handle, marker.Handle).ThrowIfFailed();

    /// <summary>
    /// Starts to record runs instead of running them, to replay them with one launch: the stacked layers of a model. Allocations, uploads
    /// from spans and synchronisation are not possible until <see cref="EndCapture"/>.
    /// </summary>
    public void BeginCapture()
    {
        Lsk.StreamBeginCapture(Handle).ThrowIfFailed();
        Captured = [];
    }

    /// <summary>Ends the recording.</summary>
    /// <returns>The recorded work. It keeps the tensors, plans and workspaces of the recorded runs alive, even when they are disposed.</returns>
    public DeviceGraph EndCapture()
    {
        var handle = new GraphHandle(Device.Handle, Captured ?? []);
        LskStatus status = Lsk.StreamEndCapture(Handle, out nint raw);
        if (status == LskStatus.Ok)
        {
            Captured = null;
        }
        else
        {
            ReleaseCaptured();
        }
        return new DeviceGraph(ChildHandle.Made(handle, status, raw));
    }

    /// <summary>Waits for the stream's work, then ends it.</summary>
    public void Dispose()
    {
        _disposed = true;
        _handle.Dispose();
        ReleaseCaptured();
    }

    private void ReleaseCaptured()
    {
        Captured?.ForEach(one => one.DangerousRelease());
        Captured = null;
    }
}

/// <summary>A point in a stream.</summary>
public sealed class DeviceEvent : IDisposable
{
    private readonly EventHandle _handle;

    internal DeviceEvent(EventHandle handle) => _handle = handle;

    internal EventHandle Handle
    {
        get
        {
            ObjectDisposedException.ThrowIf(_handle.IsClosed, this);
            return _handle;
        }
    }

    /// <summary>Marks the point that the stream has reached when the work before has been done.</summary>
    public void Record(DeviceStream stream) => Lsk.EventRecord(Handle, stream.Handle).ThrowIfFailed();

    /// <summary>Waits until the point has been reached.</summary>
    public void Synchronize() => Lsk.EventSynchronize(Handle).ThrowIfFailed();

    /// <summary>Time on the device from this event to a later one; both have been recorded and passed.</summary>
    /// <param name="end">The later event.</param>
    public TimeSpan ElapsedTo(DeviceEvent end)
    {
        Lsk.EventElapsed(Handle, end.Handle, out float milliseconds).ThrowIfFailed();
        return TimeSpan.FromMilliseconds(milliseconds);
    }

    /// <summary>Frees the event.</summary>
    public void Dispose() => _handle.Dispose();
}

/// <summary>Recorded work of a stream.</summary>
public sealed class DeviceGraph : IDisposable
{
    private readonly GraphHandle _handle;

    internal DeviceGraph(GraphHandle handle) => _handle = handle;

    /// <summary>Enqueues the whole work. It reads and writes the tensors of the recorded runs.</summary>
    /// <exception cref="ObjectDisposedException">The graph or the stream has been disposed.</exception>
    public void Launch(DeviceStream stream)
    {
        ObjectDisposedException.ThrowIf(_handle.IsClosed, this);
        Lsk.GraphLaunch(_handle, stream.Handle).ThrowIfFailed();
    }


    /// <summary>Frees the recording.</summary>
    public void Dispose() => _handle.Dispose();
}
