using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace LongSeqKernels;

/// <summary>Functions of vectors that are the same at every width.</summary>
internal static unsafe class SimdMath
{
    /// <summary>log2(e): exponentials are computed as powers of two.</summary>
    public const float Log2E = 1.44269504088896341f;

    /// <summary>ln(2).</summary>
    public const float Ln2 = 0.693147180559945309f;

    /// <summary>2^f for f in [0, 1): minimax polynomial of degree 5, bound to be exactly 1 at 0 because a running rescale by 2^0 must not decay.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Exp2OfFraction<TSimd, TVector>(TVector f)
        where TSimd : struct, ISimd<TVector>
        where TVector : struct
    {
        TVector p = TSimd.Create(1.867130496e-3f);
        p = TSimd.MultiplyAdd(p, f, TSimd.Create(9.017029415e-3f));
        p = TSimd.MultiplyAdd(p, f, TSimd.Create(5.579991376e-2f));
        p = TSimd.MultiplyAdd(p, f, TSimd.Create(2.401644500e-1f));
        p = TSimd.MultiplyAdd(p, f, TSimd.Create(6.931513118e-1f));
        return TSimd.MultiplyAdd(p, f, TSimd.Create(1f));
    }

    /// <summary>e^x, relative error 1e-7 times (2 + |x|).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Exp<TSimd, TVector>(TVector x)
        where TSimd : struct, ISimd<TVector>
        where TVector : struct =>
        TSimd.Exp2(TSimd.Multiply(x, TSimd.Create(Log2E)));

    /// <summary>1 / (1 + e^-x), relative error 1e-7 times (2 + |x|).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Sigmoid<TSimd, TVector>(TVector x)
        where TSimd : struct, ISimd<TVector>
        where TVector : struct =>
        TSimd.Divide(TSimd.Create(1f), TSimd.Add(TSimd.Create(1f), TSimd.Exp2(TSimd.Multiply(x, TSimd.Create(-Log2E)))));

    /// <summary>x / (1 + e^-x), relative error 1e-7 times (2 + |x|).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Silu<TSimd, TVector>(TVector x)
        where TSimd : struct, ISimd<TVector>
        where TVector : struct =>
        TSimd.Divide(x, TSimd.Add(TSimd.Create(1f), TSimd.Exp2(TSimd.Multiply(x, TSimd.Create(-Log2E)))));

    /// <summary>tanh(x), relative error below 3e-7.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Tanh<TSimd, TVector>(TVector x)
        where TSimd : struct, ISimd<TVector>
        where TVector : struct
    {
        // 1 - 2 / (e^2x + 1) loses the digits of small x; there an odd polynomial takes over.
        TVector one = TSimd.Create(1f);
        TVector power = TSimd.Exp2(TSimd.Multiply(x, TSimd.Create(2 * Log2E)));
        TVector large = TSimd.Subtract(one, TSimd.Divide(TSimd.Create(2f), TSimd.Add(power, one)));
        TVector square = TSimd.Multiply(x, x);
        TVector p = TSimd.Create(-5.70498872745e-3f);
        p = TSimd.MultiplyAdd(p, square, TSimd.Create(2.06390887954e-2f));
        p = TSimd.MultiplyAdd(p, square, TSimd.Create(-5.37397155531e-2f));
        p = TSimd.MultiplyAdd(p, square, TSimd.Create(1.33314422036e-1f));
        p = TSimd.MultiplyAdd(p, square, TSimd.Create(-3.33332819422e-1f));
        TVector small = TSimd.MultiplyAdd(TSimd.Multiply(p, square), x, x);
        return TSimd.Select(TSimd.Less(square, TSimd.Create(0.625f * 0.625f)), small, large);
    }

    /// <summary><see cref="ISimd{TVector}.Count"/> consecutive elements, widened to fp32.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Load<TSimd, TVector, T>(T* source)
        where TSimd : struct, ISimd<TVector>
        where TVector : struct
        where T : unmanaged
    {
        if (typeof(T) == typeof(float))
        {
            return TSimd.Load((float*)source);
        }
        TVector bits = TSimd.LoadUInt16((ushort*)source);
        if (typeof(T) == typeof(BFloat16))
        {
            return TSimd.ShiftLeftBits(bits, 16);
        }
        // fp16: exponent and mantissa at their place in fp32, the exponent's bias mended by a multiplication, which is exact for subnormals too.
        TVector magnitude = TSimd.ShiftLeftBits(TSimd.And(bits, TSimd.CreateBits(0x7FFF)), 13);
        TVector sign = TSimd.ShiftLeftBits(TSimd.And(bits, TSimd.CreateBits(0x8000)), 16);
        TVector special = TSimd.And(TSimd.LessBits(TSimd.CreateBits(0x0F7F_FFFF), magnitude), TSimd.CreateBits(0x7F80_0000));
        return TSimd.Or(TSimd.Or(TSimd.Multiply(magnitude, TSimd.CreateBits(0x7780_0000)), special), sign);
    }

    /// <summary>Widens so many elements to fp32; any alignment.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Widen<TSimd, TVector, T>(T* source, float* target, int count)
        where TSimd : struct, ISimd<TVector>
        where TVector : struct
        where T : unmanaged
    {
        int x = 0;
        for (; x + TSimd.Count <= count; x += TSimd.Count)
        {
            TSimd.Store(Load<TSimd, TVector, T>(source + x), target + x);
        }
        for (; x < count; x++)
        {
            target[x] = Element<T>.ToSingle(source[x]);
        }
    }

    /// <summary>The 16 half-bytes of 8 bytes, low halves first, as signed numbers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<sbyte> SignedHalves(ulong bytes)
    {
        Vector128<ushort> joined = Vector128.WidenLower(Vector128.CreateScalarUnsafe(bytes).AsByte());
        Vector128<ushort> pairs = (joined & Vector128.Create((ushort)0x000F)) | ((joined & Vector128.Create((ushort)0x00F0)) << 4);
        Vector128<sbyte> sign = Vector128.Create((sbyte)8);
        return (pairs.AsSByte() ^ sign) - sign;
    }

    /// <summary>Stores <see cref="ISimd{TVector}.Count"/> elements, each rounded to nearest, ties to even.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store<TSimd, TVector, T>(TVector value, T* destination)
        where TSimd : struct, ISimd<TVector>
        where TVector : struct
        where T : unmanaged
    {
        if (typeof(T) == typeof(float))
        {
            TSimd.Store(value, (float*)destination);
        }
        else if (typeof(T) == typeof(BFloat16))
        {
            TVector odd = TSimd.And(TSimd.ShiftRightBits(value, 16), TSimd.CreateBits(1));
            TVector rounded = TSimd.AddBits(TSimd.AddBits(value, TSimd.CreateBits(0x7FFF)), odd);
            TVector quiet = TSimd.Or(value, TSimd.CreateBits(0x0040_0000));
            TSimd.StoreUInt16(TSimd.ShiftRightBits(TSimd.Select(TSimd.Equal(value, value), rounded, quiet), 16), (ushort*)destination);
        }
        else
        {
            TVector magnitude = TSimd.And(value, TSimd.CreateBits(0x7FFF_FFFF));
            TVector sign = TSimd.ShiftRightBits(TSimd.And(value, TSimd.CreateBits(0x8000_0000)), 16);
            TVector odd = TSimd.And(TSimd.ShiftRightBits(magnitude, 13), TSimd.CreateBits(1));
            TVector normal = TSimd.ShiftRightBits(TSimd.AddBits(TSimd.AddBits(magnitude, TSimd.CreateBits(0xC800_0FFF)), odd), 13);
            // The sum with 0.5 rounds a subnormal fp16 at its last place.
            TVector subnormal = TSimd.AddBits(TSimd.Add(magnitude, TSimd.Create(0.5f)), TSimd.CreateBits(0xC100_0000));
            TVector result = TSimd.Select(TSimd.LessBits(magnitude, TSimd.CreateBits(0x3880_0000)), subnormal, normal);
            result = TSimd.Select(TSimd.LessBits(TSimd.CreateBits(0x477F_FFFF), magnitude), TSimd.CreateBits(0x7C00), result);
            result = TSimd.Select(TSimd.Equal(value, value), result, TSimd.CreateBits(0x7E00));
            TSimd.StoreUInt16(TSimd.Or(result, sign), (ushort*)destination);
        }
    }
}
