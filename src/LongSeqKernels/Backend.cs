namespace LongSeqKernels;

/// <summary>The backends.</summary>
public enum Backend
{
    /// <summary>The fastest backend that this machine has; says which and why. <c>LONGSEQ_BACKEND</c> overrides it.</summary>
    Auto,

    /// <summary>fp64, scalar, one naive method per operation: the executable specification. For tests and <c>lsk verify</c>.</summary>
    Reference,

    /// <summary>Portable C# over scalar views, the bodies that GPU back ends in C# share. For tests and for reading.</summary>
    Portable,

    /// <summary>SIMD on all cores through System.Runtime.Intrinsics.</summary>
    Managed,

    /// <summary>CUDA kernels on the first GPU, through the native library. Operations on host tensors copy them to the device and back; what stays on the device uses <see cref="Native.NativeDevice"/>.</summary>
    Native,

    /// <summary>
    /// The bodies of <see cref="Portable"/> on a GPU that the native library does not serve, through ILGPU. In a package of its own, LongSeqKernels.Ilgpu, whose
    /// provider goes into <see cref="LongSeqContextOptions.Providers"/>.
    /// </summary>
    Ilgpu,
}
