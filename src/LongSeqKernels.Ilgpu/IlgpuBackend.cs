using System.Diagnostics.CodeAnalysis;
using ILGPU.Runtime;

namespace LongSeqKernels.Ilgpu;

/// <summary>
/// The ILGPU backend: every operation on any ILGPU accelerator, by the kernel bodies of the core. For GPUs that the native library does not serve; it computes
/// the same, not as fast.
/// </summary>
/// <remarks>Needs a JIT: it cannot run in a program that was compiled ahead of time.</remarks>
[RequiresDynamicCode(Why)]
[RequiresUnreferencedCode(Why)]
public static class IlgpuBackend
{
    private const string Why = "ILGPU compiles kernels from their IL at run time.";

    /// <summary>
    /// Lets <see cref="LongSeqContext.Create(Backend, LongSeqContextOptions)"/> run on a GPU through ILGPU: the first CUDA device, else the first OpenCL GPU. Never
    /// on ILGPU's CPU accelerator, a simulator of GPUs that is slower than the managed backend.
    /// </summary>
    public static IBackendProvider Provider { get; } = new IlgpuProvider();

    /// <summary>A context on an accelerator of the caller's, its CPU accelerator included: for tests, and for programs that use ILGPU themselves.</summary>
    /// <param name="accelerator">The accelerator, of a context made with <c>EnableAlgorithms()</c>. It stays the caller's and must outlive the result.</param>
    [SuppressMessage("Reliability", "CA2000:Dispose objects before losing scope", Justification = "The context disposes of its kernels.")]
    public static LongSeqContext CreateContext(Accelerator accelerator)
    {
        ArgumentNullException.ThrowIfNull(accelerator);
        return LongSeqContext.Create(IlgpuKernels.On(accelerator), Backend.Ilgpu);
    }
}
