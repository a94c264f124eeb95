namespace LongSeqKernels;

/// <summary>The CPU backend: SIMD kernels over all cores.</summary>
/// <param name="threads">Threads, the caller's included.</param>
/// <param name="level">The vector width; null means what <c>LONGSEQ_SIMD</c> names, or else the widest that this machine has.</param>
internal sealed partial class ManagedKernels(int threads, SimdLevel? level = null) : IKernels
{
    private readonly SimdLevel _simd = level ?? SimdLevels.Choose(Environment.GetEnvironmentVariable("LONGSEQ_SIMD"));
    private readonly ReferenceKernels _reference = new();
    private readonly WorkerPool _pool = new(threads);
    private readonly ScratchPool _scratch = new();

    public string Name => "managed";

    public string Description => $"{SimdLevels.Name(_simd)}, {threads} threads";

    /// <summary>The memory that runs rent beside their inputs and outputs.</summary>
    internal ScratchPool Scratch => _scratch;

    public void Dispose()
    {
        _pool.Dispose();
        _scratch.Dispose();
        _reference.Dispose();
    }
}
