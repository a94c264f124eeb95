using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using LongSeqKernels.Interchange;

namespace LongSeqKernels.Tests;

/// <summary>A tensor as another library would export it, in unmanaged memory, that counts the calls of its deleter.</summary>
internal sealed unsafe class ForeignTensor : IDisposable
{
    public static readonly DLDataType Float32 = new() { Code = 2, Bits = 32, Lanes = 1 };

    private readonly int* _deleted = (int*)NativeMemory.AllocZeroed(sizeof(int));
    private readonly byte* _block;

    public ForeignTensor(DLPackLayout layout, nint data, params ReadOnlySpan<long> shape)
    {
        Layout = layout;
        // Room for three dimensions behind the struct, whichever it is.
        _block = (byte*)NativeMemory.AllocZeroed((nuint)(sizeof(DLManagedTensorVersioned) + (6 * sizeof(long))));
        if (layout == DLPackLayout.Versioned)
        {
            *Versioned = new DLManagedTensorVersioned { Version = new DLPackVersion { Major = 1, Minor = 1 }, ManagerContext = (nint)_deleted, Deleter = &DeleteVersioned };
        }
        else
        {
            *Legacy = new DLManagedTensor { ManagerContext = (nint)_deleted, Deleter = &DeleteLegacy };
        }
        var extents = (long*)(_block + sizeof(DLManagedTensorVersioned));
        shape.CopyTo(new Span<long>(extents, 3));
        Tensor = new DLTensor
        {
            Data = (void*)data,
            Device = new DLDevice { DeviceType = (int)DLPackDevice.Cpu },
            DimensionCount = shape.Length,
            Type = Float32,
            Shape = extents,
        };
    }

    public DLPackLayout Layout { get; }

    /// <summary>How often the deleter was called.</summary>
    public int Deleted => *_deleted;

    public ref DLTensor Tensor => ref Layout == DLPackLayout.Versioned ? ref Versioned->Tensor : ref Legacy->Tensor;

    public DLManagedTensorVersioned* Versioned => (DLManagedTensorVersioned*)_block;

    public DLManagedTensor* Legacy => (DLManagedTensor*)_block;

    public DLPackCapsule Capsule() => DLPackCapsule.FromPointer((nint)_block, Layout);

    public ForeignTensor WithStrides(params ReadOnlySpan<long> strides)
    {
        long* place = Tensor.Shape + 3;
        strides.CopyTo(new Span<long>(place, 3));
        Tensor.Strides = place;
        return this;
    }

    public void Dispose()
    {
        NativeMemory.Free(_deleted);
        NativeMemory.Free(_block);
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void DeleteVersioned(DLManagedTensorVersioned* self) => Interlocked.Increment(ref *(int*)self->ManagerContext);

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void DeleteLegacy(DLManagedTensor* self) => Interlocked.Increment(ref *(int*)self->ManagerContext);
}
