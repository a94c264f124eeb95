using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using LongSeqKernels.Interop;

namespace LongSeqKernels.Native;

/// <summary>What one operation on host tensors needs: a stream, staging, and device memory for its tensors and its workspace. One call at a time uses a lane.</summary>
internal sealed class NativeLane : IDisposable
{
    private readonly DevicePool _pool;
    private readonly StagedCopies _copies;
    private readonly List<DeviceMemory> _rented = [];
    private DeviceWorkspace? _workspace;
    private bool _busy;

    public NativeLane(NativeDevice device, DevicePool pool)
    {
        _pool = pool;
        Stream = device.CreateStream();
        _copies = new StagedCopies(device, Stream);
    }

    public DeviceStream Stream { get; }

    /// <summary>A copy of a host tensor on the device; none for none.</summary>
    public DeviceSlice<T> Upload<T>(ReadOnlySpan<T> values)
        where T : unmanaged
    {
        DeviceSlice<T> slice = Rent<T>(values.Length);
        _copies.Upload(MemoryMarshal.AsBytes(values), slice.Pointer);
        return slice;
    }

    /// <summary>Device memory for a result; none for none.</summary>
    public DeviceSlice<T> Rent<T>(int length)
        where T : unmanaged
    {
        if (length == 0)
        {
            return default;
        }
        _busy = true;
        DeviceMemory memory = _pool.Rent((long)length * Unsafe.SizeOf<T>());
        _rented.Add(memory);
        return new DeviceSlice<T>(memory, memory.Address, length);
    }

    /// <summary>Waits for a result.</summary>
    public void Download<T>(DeviceSlice<T> slice, Span<T> values)
        where T : unmanaged
    {
        if (!values.IsEmpty)
        {
            _copies.Download(slice.Pointer, MemoryMarshal.AsBytes(values));
        }
    }

    /// <summary>Memory for a run; null where it needs none.</summary>
    public DeviceWorkspace? Workspace(NativePlan plan, LskDirection direction)
    {
        long bytes = plan.WorkspaceBytes(direction);
        if (bytes > (_workspace?.Bytes ?? 0))
        {
            _workspace?.Dispose();
            _workspace = null;
            _workspace = Stream.Device.AllocateWorkspace(bytes);
        }
        return _workspace;
    }

    /// <summary>Ends a call: waits for what is still at work after a failure, and gives the memory back.</summary>
    public void End()
    {
        if (_busy)
        {
            // The call's own failure, if any, is on its way to the caller.
            _ = Lsk.StreamSynchronize(Stream.Handle);
            _busy = false;
        }
        _copies.Reset();
        _rented.ForEach(_pool.Return);
        _rented.Clear();
    }

    public void Dispose()
    {
        _copies.Dispose();
        _workspace?.Dispose();
        Stream.Dispose();
    }
}

/// <summary>A rented lane; dispose it to give it back.</summary>
internal readonly ref struct RentedLane(NativeLanes lanes, NativeLane lane)
{
    public DeviceStream Stream => lane.Stream;

    public DeviceSlice<T> Upload<T>(ReadOnlySpan<T> values)
        where T : unmanaged => lane.Upload(values);

    public DeviceSlice<T> Upload<T>(Span<T> values)
        where T : unmanaged => lane.Upload((ReadOnlySpan<T>)values);

    /// <summary>Device memory for what will be downloaded into <paramref name="values"/>.</summary>
    public DeviceSlice<T> Result<T>(Span<T> values)
        where T : unmanaged => lane.Rent<T>(values.Length);

    /// <summary>Device memory for a result that may be added to: a copy of what is there, or room.</summary>
    public DeviceSlice<T> Result<T>(Span<T> values, OutputMode mode)
        where T : unmanaged => mode == OutputMode.Add ? Upload(values) : Result(values);

    public void Download<T>(DeviceSlice<T> slice, Span<T> values)
        where T : unmanaged => lane.Download(slice, values);

    public DeviceWorkspace? Forward(NativePlan plan) => lane.Workspace(plan, LskDirection.Forward);

    public DeviceWorkspace? Backward(NativePlan plan) => lane.Workspace(plan, LskDirection.Backward);

    public void Dispose() => lanes.Return(lane);
}

/// <summary>The lanes of a backend: as many as calls have run at the same time.</summary>
internal sealed class NativeLanes(NativeDevice device) : IDisposable
{
    private readonly Lock _lock = new();
    private readonly Stack<NativeLane> _idle = [];
    private readonly DevicePool _pool = new(device, LskMemory.Device);
    private bool _disposed;

    [SuppressMessage("Reliability", "CA2000:Dispose objects before losing scope", Justification = "The rented lane gives it back.")]
    public RentedLane Rent()
    {
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            if (_idle.TryPop(out NativeLane? lane))
            {
                return new RentedLane(this, lane);
            }
        }
        return new RentedLane(this, new NativeLane(device, _pool));
    }

    public void Return(NativeLane lane)
    {
        lane.End();
        lock (_lock)
        {
            if (!_disposed)
            {
                _idle.Push(lane);
                return;
            }
        }
        lane.Dispose();
    }

    public void Dispose()
    {
        lock (_lock)
        {
            _disposed = true;
            while (_idle.TryPop(out NativeLane? lane))
            {
                lane.Dispose();
            }
        }
        _pool.Dispose();
    }
}
