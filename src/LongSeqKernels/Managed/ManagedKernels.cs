namespace LongSeqKernels;

/// <summary>The CPU backend: SIMD kernels over all cores.</summary>
internal sealed partial class ManagedKernels(int threads) : IKernels
{
    private readonly ReferenceKernels _reference = new();
    private readonly WorkerPool _pool = new(threads);
    private readonly ScratchPool _scratch = new();

    public string Name => "managed";

    public string Description => $"{threads} threads";

    /// <summary>The memory that runs rent beside their inputs and outputs.</summary>
    internal ScratchPool Scratch => _scratch;

    public void Dispose()
    {
        _pool.Dispose();
        _scratch.Dispose();
        _reference.Dispose();
    }
}
