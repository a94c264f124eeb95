using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using ILGPU;
using ILGPU.Runtime;

namespace LongSeqKernels.Ilgpu;

/// <summary>Copies between spans and device memory; both have ended when they return.</summary>
internal static class HostCopies
{
    public static void Upload<T>(AcceleratorStream stream, ReadOnlySpan<T> source, ArrayView<T> target)
        where T : unmanaged
    {
        if (!source.IsEmpty)
        {
            target.SubView(0, source.Length).CopyFromCPU(stream, ref Unsafe.AsRef(in MemoryMarshal.GetReference(source)), source.Length);
        }
    }

    public static void Download<T>(AcceleratorStream stream, ArrayView<T> source, Span<T> target)
        where T : unmanaged
    {
        if (!target.IsEmpty)
        {
            source.SubView(0, target.Length).CopyToCPU(stream, ref MemoryMarshal.GetReference(target), target.Length);
        }
    }
}
