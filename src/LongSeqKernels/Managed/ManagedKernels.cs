namespace LongSeqKernels;

/// <summary>The CPU backend: SIMD kernels over all cores.</summary>
internal sealed partial class ManagedKernels(int threads) : IKernels
{
    private readonly ReferenceKernels _reference = new();

    public string Name => "managed";

    public string Description => $"{threads} threads";

    public void Dispose() => _reference.Dispose();
}
