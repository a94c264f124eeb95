using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using LongSeqKernels.Interop;

namespace LongSeqKernels.Native;

/// <summary>
/// How one operation runs one batch shape on a device: kernel, splits, tables. Immutable; several threads may run it at once, each with its
/// own stream, workspace and outputs. The same plan and inputs give the same bits. Runs return when they are enqueued.
/// </summary>
[SuppressMessage("Design", "CA1063:Implement IDisposable correctly", Justification = "Plans differ in their shapes only; what they own is one SafeHandle.")]
public abstract class NativePlan : IDisposable
{
    private readonly PlanHandle _handle;
    private readonly long _forwardBytes;
    private readonly long _backwardBytes;
    private volatile bool _disposed;

    private protected NativePlan(NativeDevice device, PlanHandle handle)
    {
        Device = device;
        _handle = handle;
        Lsk.PlanWorkspaceBytes(handle, (int)LskDirection.Forward, out _forwardBytes).ThrowIfFailed();
        Lsk.PlanWorkspaceBytes(handle, (int)LskDirection.Backward, out _backwardBytes).ThrowIfFailed();
    }

    /// <summary>The device that it was made for.</summary>
    public NativeDevice Device { get; }

    /// <summary>Bytes of workspace of a forward run; 0: it needs none.</summary>
    public long ForwardWorkspaceBytes => _forwardBytes;

    /// <summary>Bytes of workspace of a backward run; 0: it needs none.</summary>
    public long BackwardWorkspaceBytes => _backwardBytes;

    internal PlanHandle Handle
    {
        get
        {
            // The handle itself stays open as long as a graph uses it.
            ObjectDisposedException.ThrowIf(_disposed, this);
            return _handle;
        }
    }

    /// <summary>Allocates a workspace that forward and backward runs of this plan can use.</summary>
    public DeviceWorkspace AllocateWorkspace() => Device.AllocateWorkspace(Math.Max(_forwardBytes, _backwardBytes));

    /// <summary>The kernel, the splits, and why, in lines.</summary>
    public string Explain()
    {
        PlanHandle handle = Handle;
        bool added = false;
        handle.DangerousAddRef(ref added);
        try
        {
            Lsk.PlanExplain(handle, out nint text).ThrowIfFailed();
            return Marshal.PtrToStringUTF8(text) ?? "";
        }
        finally
        {
            handle.DangerousRelease();
        }
    }

    /// <summary>Frees the plan's tables. Runs that are enqueued finish.</summary>
    public void Dispose()
    {
        _disposed = true;
        _handle.Dispose();
        GC.SuppressFinalize(this);
    }

    internal long WorkspaceBytes(LskDirection direction) => direction == LskDirection.Forward ? _forwardBytes : _backwardBytes;
}
