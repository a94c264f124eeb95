namespace LongSeqKernels.Models;

/// <summary>The element types of the safetensors format that this library reads.</summary>
public enum SafetensorsType
{
    /// <summary>One byte, 0 or 1. Read as <see cref="byte"/>.</summary>
    Bool,

    /// <summary><see cref="byte"/>.</summary>
    U8,

    /// <summary><see cref="sbyte"/>.</summary>
    I8,

    /// <summary><see cref="ushort"/>.</summary>
    U16,

    /// <summary><see cref="short"/>.</summary>
    I16,

    /// <summary>IEEE binary16, <see cref="Half"/>.</summary>
    F16,

    /// <summary>Brain floating point, <see cref="BFloat16"/>.</summary>
    BF16,

    /// <summary><see cref="uint"/>.</summary>
    U32,

    /// <summary><see cref="int"/>.</summary>
    I32,

    /// <summary>IEEE binary32, <see cref="float"/>.</summary>
    F32,

    /// <summary><see cref="ulong"/>.</summary>
    U64,

    /// <summary><see cref="long"/>.</summary>
    I64,

    /// <summary>IEEE binary64, <see cref="double"/>.</summary>
    F64,
}

/// <summary>Sizes and names of the element types of the safetensors format.</summary>
internal static class SafetensorsTypes
{
    /// <summary>Bytes of one element.</summary>
    public static int Size(SafetensorsType type) => type switch
    {
        SafetensorsType.Bool or SafetensorsType.U8 or SafetensorsType.I8 => 1,
        SafetensorsType.U16 or SafetensorsType.I16 or SafetensorsType.F16 or SafetensorsType.BF16 => 2,
        SafetensorsType.U32 or SafetensorsType.I32 or SafetensorsType.F32 => 4,
        _ => 8,
    };

    /// <summary>The name in a file's header.</summary>
    public static string Name(SafetensorsType type) => type == SafetensorsType.Bool ? "BOOL" : type.ToString();

    /// <summary>The type that a header names, or null for a name that is not known.</summary>
    public static SafetensorsType? Parse(string name) => name switch
    {
        "BOOL" => SafetensorsType.Bool,
        "U8" => SafetensorsType.U8,
        "I8" => SafetensorsType.I8,
        "U16" => SafetensorsType.U16,
        "I16" => SafetensorsType.I16,
        "F16" => SafetensorsType.F16,
        "BF16" => SafetensorsType.BF16,
        "U32" => SafetensorsType.U32,
        "I32" => SafetensorsType.I32,
        "F32" => SafetensorsType.F32,
        "U64" => SafetensorsType.U64,
        "I64" => SafetensorsType.I64,
        "F64" => SafetensorsType.F64,
        _ => null,
    };

    /// <summary>Bytes of a tensor, or -1 when an extent is negative or the bytes exceed 2^63 - 1.</summary>
    public static long ByteLength(ReadOnlySpan<long> shape, SafetensorsType type)
    {
        long bytes = Size(type);
        foreach (long extent in shape)
        {
            if (extent < 0 || Math.BigMul(bytes, extent, out bytes) != 0 || bytes < 0)
            {
                return -1;
            }
        }
        return bytes;
    }

    /// <summary>The type that stores <typeparamref name="T"/>.</summary>
    /// <exception cref="NotSupportedException">The format has no such type.</exception>
    public static SafetensorsType Of<T>()
        where T : unmanaged =>
        typeof(T) == typeof(float) ? SafetensorsType.F32
        : typeof(T) == typeof(Half) ? SafetensorsType.F16
        : typeof(T) == typeof(BFloat16) ? SafetensorsType.BF16
        : typeof(T) == typeof(double) ? SafetensorsType.F64
        : typeof(T) == typeof(long) ? SafetensorsType.I64
        : typeof(T) == typeof(int) ? SafetensorsType.I32
        : typeof(T) == typeof(short) ? SafetensorsType.I16
        : typeof(T) == typeof(sbyte) ? SafetensorsType.I8
        : typeof(T) == typeof(byte) ? SafetensorsType.U8
        : typeof(T) == typeof(ushort) ? SafetensorsType.U16
        : typeof(T) == typeof(uint) ? SafetensorsType.U32
        : typeof(T) == typeof(ulong) ? SafetensorsType.U64
        : throw new NotSupportedException(
            $"Element type {typeof(T).Name} is not supported: safetensors hold float, Half, BFloat16, double and integers of 8 to 64 bits.");
}
