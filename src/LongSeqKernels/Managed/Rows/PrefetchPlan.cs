namespace LongSeqKernels;

/// <summary>Memory that is wanted next, asked for in equal shares by several products.</summary>
/// <param name="first">The first byte.</param>
/// <param name="bytes">How many; what lies beyond a tensor's end may be asked for and is not read.</param>
/// <param name="shares">Products that ask.</param>
internal readonly unsafe struct PrefetchPlan(byte* first, long bytes, int shares)
{
    /// <summary>Where a product's share begins.</summary>
    public byte* Of(int share) => first + (bytes / shares * share);

    /// <summary>Bytes between the addresses that a product of so many innermost steps asks for.</summary>
    public nint Step(long steps) => (nint)((bytes / shares / steps) + 1);
}
