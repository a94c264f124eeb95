namespace LongSeqKernels;

/// <summary>Hands out consecutive pieces of one scratch buffer, each aligned to a cache line when the pieces before it are.</summary>
internal unsafe ref struct Carver(float* floats)
{
    private float* _next = floats;

    /// <summary>The next <paramref name="count"/> floats, rounded up to whole cache lines.</summary>
    public float* Take(long count)
    {
        float* piece = _next;
        _next += AlignedBuffer.AlignedFloats(count);
        return piece;
    }
}
