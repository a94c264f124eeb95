using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace LongSeqKernels.Interchange;

/// <summary>The producer's side of DLPack: a struct in unmanaged memory that keeps its data alive until a consumer calls its deleter, on any thread.</summary>
internal static unsafe class DLPackExport
{
    /// <param name="owner">Disposed by the deleter: what keeps the data where it is.</param>
    /// <param name="tensor">The data, without shape and strides.</param>
    /// <param name="shape">Extents, copied.</param>
    /// <param name="layout">Which struct.</param>
    /// <param name="flags">Of a versioned tensor.</param>
    public static nint Create(IDisposable owner, DLTensor tensor, ReadOnlySpan<long> shape, DLPackLayout layout, ulong flags)
    {
        int head = layout == DLPackLayout.Versioned ? sizeof(DLManagedTensorVersioned) : sizeof(DLManagedTensor);
        byte* block = (byte*)NativeMemory.AllocZeroed((nuint)(head + (2 * shape.Length * sizeof(long))));
        tensor.DimensionCount = shape.Length;
        tensor.Shape = (long*)(block + head);
        tensor.Strides = tensor.Shape + shape.Length;
        long stride = 1;
        for (int i = shape.Length - 1; i >= 0; i--)
        {
            tensor.Shape[i] = shape[i];
            tensor.Strides[i] = stride;
            stride *= Math.Max(shape[i], 1);
        }
        nint context = GCHandle.ToIntPtr(GCHandle.Alloc(owner));
        if (layout == DLPackLayout.Versioned)
        {
            *(DLManagedTensorVersioned*)block = new DLManagedTensorVersioned
            {
                Version = new DLPackVersion { Major = DLPackVersion.Supported, Minor = 0 },
                ManagerContext = context,
                Deleter = &DeleteVersioned,
                Flags = flags,
                Tensor = tensor,
            };
        }
        else
        {
            *(DLManagedTensor*)block = new DLManagedTensor { Tensor = tensor, ManagerContext = context, Deleter = &DeleteLegacy };
        }
        return (nint)block;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void DeleteVersioned(DLManagedTensorVersioned* self) => Free(self->ManagerContext, self);

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void DeleteLegacy(DLManagedTensor* self) => Free(self->ManagerContext, self);

    private static void Free(nint context, void* block)
    {
        GCHandle owner = GCHandle.FromIntPtr(context);
        ((IDisposable)owner.Target!).Dispose();
        owner.Free();
        NativeMemory.Free(block);
    }
}
