namespace LongSeqKernels.Interchange;

/// <summary>Element types as DLPack tells them.</summary>
internal static class DLPackType
{
    private const byte Int = 0;
    private const byte UInt = 1;
    private const byte Float = 2;
    private const byte Bfloat = 4;

    /// <exception cref="NotSupportedException">No tensor of this library has this element type.</exception>
    public static DLDataType Of<T>()
        where T : unmanaged =>
        typeof(T) == typeof(float) ? Type(Float, 32)
        : typeof(T) == typeof(BFloat16) ? Type(Bfloat, 16)
        : typeof(T) == typeof(Half) ? Type(Float, 16)
        : typeof(T) == typeof(long) ? Type(Int, 64)
        : typeof(T) == typeof(byte) ? Type(UInt, 8)
        : throw Error.UnsupportedDLPackElement(typeof(T));

    public static bool Same(DLDataType one, DLDataType other) => one.Code == other.Code && one.Bits == other.Bits && one.Lanes == other.Lanes;

    /// <summary>As frameworks name it: float32, int64, float32x4 for four lanes.</summary>
    public static string Name(DLDataType type)
    {
        string name = type.Code switch
        {
            Int => $"int{type.Bits}",
            UInt => $"uint{type.Bits}",
            Float => $"float{type.Bits}",
            Bfloat => $"bfloat{type.Bits}",
            5 => $"complex{type.Bits}",
            6 => "bool",
            _ => $"of code {type.Code} with {type.Bits} bits",
        };
        return type.Lanes == 1 ? name : $"{name}x{type.Lanes}";
    }

    private static DLDataType Type(byte code, byte bits) => new() { Code = code, Bits = bits, Lanes = 1 };
}
