using System.Runtime.CompilerServices;

namespace LongSeqKernels;

/// <summary>
/// Copies to memory past the caches. A plain store reads the cache line that it changes and pushes out what is cached; for outputs that are larger than the
/// caches both are in vain.
/// </summary>
internal static unsafe class StreamedCopy<TSimd, TVector>
    where TSimd : struct, ISimd<TVector>
    where TVector : struct
{
    private const int CacheLine = 64;

    /// <summary>Copies bytes; those of the first and the last cache line that are not whole go through the caches.</summary>
    /// <param name="source">Any alignment; best still in the first-level cache.</param>
    /// <param name="destination">Any alignment.</param>
    /// <param name="bytes">How many.</param>
    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Copy(byte* source, byte* destination, nint bytes)
    {
        nint first = Math.Min(bytes, -(nint)destination & (CacheLine - 1));
        nint last = first + ((bytes - first) & -CacheLine);
        Buffer.MemoryCopy(source, destination, first, first);
        for (nint i = first; i < last; i += TSimd.Count * sizeof(float))
        {
            TSimd.StoreStreaming(TSimd.Load((float*)(source + i)), (float*)(destination + i));
        }
        Buffer.MemoryCopy(source + last, destination + last, bytes - last, bytes - last);
    }
}
