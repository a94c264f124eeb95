using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace LongSeqKernels;

/// <summary>The vector widths that the CPU backend has kernels for; the numbers are bits.</summary>
internal enum SimdLevel
{
    /// <summary>4 floats: any CPU.</summary>
    Vector128 = 128,

    /// <summary>8 floats: AVX2 with FMA.</summary>
    Vector256 = 256,

    /// <summary>16 floats: AVX-512 F and DQ.</summary>
    Vector512 = 512,
}

/// <summary>Chooses the width once, when a backend starts.</summary>
internal static class SimdLevels
{
    /// <summary>The widest level that this process can use at full speed.</summary>
    public static SimdLevel Widest =>
        IsSupported(SimdLevel.Vector512) && Vector512.IsHardwareAccelerated ? SimdLevel.Vector512
        : IsSupported(SimdLevel.Vector256) ? SimdLevel.Vector256
        : SimdLevel.Vector128;

    /// <summary>Whether the instructions of <paramref name="level"/> exist here.</summary>
    public static bool IsSupported(SimdLevel level) => level switch
    {
        SimdLevel.Vector512 => Avx512F.IsSupported && Avx512DQ.IsSupported,
        SimdLevel.Vector256 => Avx2.IsSupported && Fma.IsSupported,
        _ => true,
    };

    /// <summary>The level that <c>LONGSEQ_SIMD</c> names (128, 256 or 512), or the widest one when it is unset.</summary>
    /// <exception cref="ArgumentException">It names no level, or one that this machine lacks.</exception>
    public static SimdLevel Choose(string? requested)
    {
        if (string.IsNullOrEmpty(requested))
        {
            return Widest;
        }
        SimdLevel level = requested switch
        {
            "128" => SimdLevel.Vector128,
            "256" => SimdLevel.Vector256,
            "512" => SimdLevel.Vector512,
            _ => throw Error.Invalid("LONGSEQ_SIMD", $"\"{requested}\"", "128, 256, 512 or unset"),
        };
        return IsSupported(level) ? level : throw Error.Invalid("LONGSEQ_SIMD", requested, "a vector width that this machine has");
    }

    /// <summary>The level as users know it.</summary>
    public static string Name(SimdLevel level) => level switch
    {
        SimdLevel.Vector512 => "AVX-512",
        SimdLevel.Vector256 => "AVX2",
        _ => "128-bit vectors",
    };
}
