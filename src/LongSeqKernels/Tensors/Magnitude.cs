using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace LongSeqKernels;

/// <summary>Largest magnitudes.</summary>
internal static class Magnitude
{
    private const int WithoutSign = 0x7FFF_FFFF;

    /// <summary>
    /// The largest magnitude, 0 for none, NaN where there is one. Without their signs numbers are ordered as their bits are, and NaN comes last: integers are compared, at
    /// the speed of reading.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static float Largest(ReadOnlySpan<float> values)
    {
        ReadOnlySpan<int> bits = MemoryMarshal.Cast<float, int>(values);
        ref int first = ref MemoryMarshal.GetReference(bits);
        int i = 0;
        int largest = 0;
        if (bits.Length >= 2 * Vector512<int>.Count)
        {
            Vector512<int> mask = Vector512.Create(WithoutSign);
            Vector512<int> even = Vector512<int>.Zero;
            Vector512<int> odd = Vector512<int>.Zero;
            for (; i + (2 * Vector512<int>.Count) <= bits.Length; i += 2 * Vector512<int>.Count)
            {
                even = Vector512.Max(even, Vector512.LoadUnsafe(ref first, (nuint)i) & mask);
                odd = Vector512.Max(odd, Vector512.LoadUnsafe(ref first, (nuint)(i + Vector512<int>.Count)) & mask);
            }
            Vector512<int> both = Vector512.Max(even, odd);
            Vector256<int> half = Vector256.Max(both.GetLower(), both.GetUpper());
            Vector128<int> quarter = Vector128.Max(half.GetLower(), half.GetUpper());
            for (int lane = 0; lane < Vector128<int>.Count; lane++)
            {
                largest = Math.Max(largest, quarter[lane]);
            }
        }
        for (; i < bits.Length; i++)
        {
            largest = Math.Max(largest, bits[i] & WithoutSign);
        }
        return BitConverter.Int32BitsToSingle(largest);
    }
}
