using System.Runtime.InteropServices;

namespace LongSeqKernels.Interop;

/// <summary>Owns what lives in a native context, which it keeps open.</summary>
internal abstract class ChildHandle : SafeHandle
{
    private ContextHandle? _context;

    protected ChildHandle(ContextHandle? context)
        : base(0, ownsHandle: true)
    {
        if (context != null)
        {
            bool added = false;
            context.DangerousAddRef(ref added);
            _context = context;
        }
    }

    public override bool IsInvalid => handle == 0;

    /// <summary>Takes over what a native function made, or throws what it answered.</summary>
    /// <param name="child">Made before the native call, so that the context cannot close in between.</param>
    /// <param name="status">What the call answered.</param>
    /// <param name="raw">What it made.</param>
    public static THandle Made<THandle>(THandle child, LskStatus status, nint raw)
        where THandle : ChildHandle
    {
        if (status != LskStatus.Ok)
        {
            Exception failure = Status.Failure(status);
            child.Dispose();
            throw failure;
        }
        child.SetHandle(raw);
        return child;
    }

    protected abstract LskStatus Destroy();

    protected override bool ReleaseHandle()
    {
        bool destroyed = Destroy() == LskStatus.Ok;
        LeaveContext();
        return destroyed;
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        base.Dispose(disposing);
        if (IsInvalid)
        {
            // Nothing was made, so ReleaseHandle is not called.
            LeaveContext();
        }
    }

    private void LeaveContext() => Interlocked.Exchange(ref _context, null)?.DangerousRelease();
}

internal sealed class StreamHandle(ContextHandle context) : ChildHandle(context)
{
    protected override LskStatus Destroy() => Lsk.StreamDestroy(handle);
}

internal sealed class EventHandle(ContextHandle context) : ChildHandle(context)
{
    protected override LskStatus Destroy() => Lsk.EventDestroy(handle);
}

internal sealed class BufferHandle(ContextHandle? context) : ChildHandle(context)
{
    /// <summary>No buffer: NULL to the native side.</summary>
    public static readonly BufferHandle None = new(null);

    protected override LskStatus Destroy() => Lsk.BufferDestroy(handle);
}

/// <summary>Owns memory of another library: given back after all work of the device that was enqueued before.</summary>
internal sealed class ForeignMemoryHandle : ChildHandle
{
    private readonly ContextHandle _device;
    private readonly Action? _release;

    public ForeignMemoryHandle(ContextHandle context, Action? release)
        : base(context)
    {
        _device = context;
        _release = release;
        SetHandle(1);
    }

    protected override LskStatus Destroy()
    {
        // Work that has failed is told to whom waits for it; the memory is given back all the same.
        LskStatus status = Lsk.ContextSynchronize(_device);
        _release?.Invoke();
        return status;
    }
}

/// <summary>Keeps another handle open, even when that is disposed.</summary>
internal sealed class HeldHandle : SafeHandle
{
    private readonly SafeHandle _held;

    public HeldHandle(SafeHandle held)
        : base(0, ownsHandle: true)
    {
        bool added = false;
        held.DangerousAddRef(ref added);
        _held = held;
        SetHandle(1);
    }

    public override bool IsInvalid => handle == 0;

    protected override bool ReleaseHandle()
    {
        _held.DangerousRelease();
        return true;
    }
}

internal sealed class PlanHandle(ContextHandle context) : ChildHandle(context)
{
    protected override LskStatus Destroy() => Lsk.PlanDestroy(handle);
}

/// <summary>Owns captured work, and keeps alive what that work uses.</summary>
internal sealed class GraphHandle(ContextHandle context, List<SafeHandle> used) : ChildHandle(context)
{
    protected override LskStatus Destroy() => Lsk.GraphDestroy(handle);

    protected override bool ReleaseHandle()
    {
        bool destroyed = base.ReleaseHandle();
        used.ForEach(one => one.DangerousRelease());
        return destroyed;
    }
}
