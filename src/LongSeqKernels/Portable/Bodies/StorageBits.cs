using System.Runtime.CompilerServices;

namespace LongSeqKernels.Portable;

/// <summary>
/// 16-bit storage types as kernel bodies convert them: integer operations only, so every device gives the same bits, and none needs 16-bit arithmetic.
/// Rounding is to nearest, ties to even.
/// </summary>
public static class StorageBits
{
    private const int SingleInfinity = 0x7F80_0000;

    /// <summary>The exact value of 16 bits of <see cref="BFloat16"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float FromBFloat16(int bits) => BitConverter.Int32BitsToSingle(bits << 16);

    /// <summary>The 16 bits of the <see cref="BFloat16"/> nearest to <paramref name="value"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int ToBFloat16(float value)
    {
        int bits = BitConverter.SingleToInt32Bits(value);
        if ((bits & 0x7FFF_FFFF) > SingleInfinity)
        {
            return ((bits >> 16) & 0xFFFF) | 0x0040; // rounding a NaN's payload could give infinity
        }
        return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16) & 0xFFFF;
    }

    /// <summary>The exact value of 16 bits of <see cref="Half"/>.</summary>
    public static float FromFloat16(int bits)
    {
        int sign = (bits & 0x8000) << 16;
        int magnitude = bits & 0x7FFF;
        if (magnitude < 0x0400)
        {
            // Subnormal, and 0: steps of 2^-24.
            return BitConverter.Int32BitsToSingle(sign | BitConverter.SingleToInt32Bits(magnitude * 5.9604645e-8f));
        }
        int rebias = magnitude >= 0x7C00 ? 224 : 112; // infinity and NaN keep the largest exponent
        return BitConverter.Int32BitsToSingle(sign | ((magnitude << 13) + (rebias << 23)));
    }

    /// <summary>The 16 bits of the <see cref="Half"/> nearest to <paramref name="value"/>.</summary>
    public static int ToFloat16(float value)
    {
        int bits = BitConverter.SingleToInt32Bits(value);
        int sign = (bits >> 16) & 0x8000;
        int magnitude = bits & 0x7FFF_FFFF;
        if (magnitude > SingleInfinity)
        {
            return sign | 0x7E00;
        }
        if (magnitude >= 0x477F_F000)
        {
            return sign | 0x7C00; // 65520 and above
        }
        if (magnitude >= 0x3880_0000)
        {
            return sign | ((magnitude + 0x0FFF + ((magnitude >> 13) & 1) - (112 << 23)) >> 13);
        }
        int exponent = magnitude >> 23;
        if (exponent < 102)
        {
            return sign; // below half of 2^-24
        }
        int shift = 126 - exponent;
        int significand = (magnitude & 0x007F_FFFF) | 0x0080_0000;
        int steps = significand >> shift;
        int rest = significand & ((1 << shift) - 1);
        int half = 1 << (shift - 1);
        return sign | (rest > half || (rest == half && (steps & 1) == 1) ? steps + 1 : steps);
    }
}
