using System.Runtime.InteropServices;

namespace LongSeqKernels.Interchange;

/// <summary>The structs of dlpack.h, version 1, with its names.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct DLPackVersion
{
    /// <summary>The major version whose layouts these are.</summary>
    public const uint Supported = 1;

    public uint Major;
    public uint Minor;
}

[StructLayout(LayoutKind.Sequential)]
internal struct DLDevice
{
    public int DeviceType;
    public int DeviceId;
}

[StructLayout(LayoutKind.Sequential)]
internal struct DLDataType
{
    public byte Code;
    public byte Bits;
    public ushort Lanes;
}

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct DLTensor
{
    public void* Data;
    public DLDevice Device;
    public int DimensionCount;
    public DLDataType Type;
    public long* Shape;

    /// <summary>In elements; null for row-major without gaps.</summary>
    public long* Strides;
    public ulong ByteOffset;
}

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct DLManagedTensor
{
    public DLTensor Tensor;
    public nint ManagerContext;
    public delegate* unmanaged[Cdecl]<DLManagedTensor*, void> Deleter;
}

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct DLManagedTensorVersioned
{
    public const ulong ReadOnlyFlag = 1;

    public DLPackVersion Version;
    public nint ManagerContext;
    public delegate* unmanaged[Cdecl]<DLManagedTensorVersioned*, void> Deleter;
    public ulong Flags;
    public DLTensor Tensor;
}
