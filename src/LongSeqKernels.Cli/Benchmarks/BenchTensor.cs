namespace LongSeqKernels.Cli;

/// <summary>A tensor of a benchmark, aligned to cache lines as those of the libraries that it is compared with are.</summary>
internal readonly struct BenchTensor<T>(Memory<T> memory)
    where T : unmanaged
{
    /// <summary>Elements.</summary>
    public int Length => memory.Length;

    /// <summary>The elements.</summary>
    public Span<T> Span => memory.Span;

    public static implicit operator Span<T>(BenchTensor<T> tensor) => tensor.Span;

    public static implicit operator ReadOnlySpan<T>(BenchTensor<T> tensor) => tensor.Span;
}
