using System.Runtime.InteropServices;

namespace LongSeqKernels.Interop;

/// <summary>Owns a native context. It closes when it has been disposed and its last child is gone, so that the order of disposals does not matter.</summary>
internal sealed class ContextHandle : SafeHandle
{
    public ContextHandle()
        : base(0, ownsHandle: true)
    {
    }

    public override bool IsInvalid => handle == 0;

    public static ContextHandle Open(int device)
    {
        var context = new ContextHandle();
        Lsk.ContextCreate(device, out nint raw).ThrowIfFailed();
        context.SetHandle(raw);
        return context;
    }

    protected override bool ReleaseHandle() => Lsk.ContextDestroy(handle) == LskStatus.Ok;
}
