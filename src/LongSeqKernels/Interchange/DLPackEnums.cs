namespace LongSeqKernels.Interchange;

/// <summary>Which of DLPack's two structs a pointer is.</summary>
public enum DLPackLayout
{
    /// <summary><c>DLManagedTensorVersioned</c> of DLPack 1.x; the capsules that Python calls "dltensor_versioned".</summary>
    Versioned,

    /// <summary><c>DLManagedTensor</c>, from before version 1.0; "dltensor".</summary>
    Legacy,
}

/// <summary>Where a DLPack tensor lies: the devices that this library reads, with DLPack's numbers. Others are refused with theirs.</summary>
public enum DLPackDevice
{
    /// <summary>None: the default of an enum, no device of DLPack.</summary>
    None = 0,

    /// <summary>Host memory, <c>kDLCPU</c>.</summary>
    Cpu = 1,

    /// <summary>Memory of a CUDA device, <c>kDLCUDA</c>.</summary>
    Cuda = 2,

    /// <summary>Pinned host memory, <c>kDLCUDAHost</c>.</summary>
    CudaHost = 3,
}
