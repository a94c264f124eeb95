using ILGPU;
using ILGPU.Runtime;

namespace LongSeqKernels.Ilgpu;

/// <summary>
/// Copies between spans and device memory; both have ended when they return. ILGPU holds a span in place while it copies; the first element that its other
/// overloads take by reference it does not, and the garbage collector may move the array from under the copy.
/// </summary>
internal static class HostCopies
{
    public static void Upload<T>(AcceleratorStream stream, ReadOnlySpan<T> source, ArrayView<T> target)
        where T : unmanaged
    {
        if (!source.IsEmpty)
        {
            target.SubView(0, source.Length).CopyFromCPU(stream, source);
        }
    }

    public static void Download<T>(AcceleratorStream stream, ArrayView<T> source, Span<T> target)
        where T : unmanaged
    {
        if (!target.IsEmpty)
        {
            source.SubView(0, target.Length).CopyToCPU(stream, target);
        }
    }
}
